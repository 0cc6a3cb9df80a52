// Kernels on 1, 2 and 3 threads, which must give the same bits, and tensors to feed them.
import { afterAll, beforeAll, expect } from 'vitest';
import { createKernels, Tensor, type Kernels, type WasmformerErrorCode } from '../../src/kernels';
import { Random } from './numbers';
import { firstDifference } from './raw';

const THREADS = [1, 2, 3] as const;

type F32 = Tensor<Float32Array>;

/** Opens kernels for a test file. `run` calls with all thread counts, checks that the bits are the same and the inputs still
 *  what they were, and gives the result; `k()` is the single-threaded one. */
export function openKernels(): {
  k: () => Kernels;
  run: (call: (k: Kernels) => F32, inputs?: readonly Tensor[]) => F32;
} {
  const all: Kernels[] = [];
  beforeAll(async () => {
    for (const threads of THREADS) {
      const kernels = await createKernels({ threads });
      await kernels.ready();
      expect(kernels.info.threads).toBe(threads);
      all.push(kernels);
    }
  });
  afterAll(() => all.forEach((kernels) => kernels.dispose()));
  return {
    k: () => all[0],
    run(call, inputs = []) {
      const before = inputs.map(({ data }) => data.slice());
      const [first, ...rest] = all.map(call);
      for (const other of rest) {
        expect(other.dims).toEqual(first.dims);
        expect(firstDifference(other.data, first.data)).toBe(-1);
      }
      inputs.forEach(({ data }, i) => expect(data).toEqual(before[i]));
      return first;
    },
  };
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Normally distributed floats. */
export function normal(dims: readonly number[], seed = 1, scale = 1): F32 {
  return new Tensor(new Random(seed * 7919 + 1).normal(sizeOf(dims), scale), dims);
}

/** 0, 1, 2, ... */
export function count(dims: readonly number[]): F32 {
  return new Tensor(
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => i),
    dims,
  );
}

/** Expects a WasmformerError of a code whose message contains all parts. */
export function expectError(run: () => unknown, code: WasmformerErrorCode, ...parts: string[]): void {
  let error: unknown;
  try {
    run();
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ name: 'WasmformerError', code });
  for (const part of parts) expect((error as Error).message).toContain(part);
}
