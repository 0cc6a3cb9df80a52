// What kernels refuse, what is too large, and their life cycle: ready, time, explain, info, dispose.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKernels, Tensor, type Kernels } from '../../src/kernels';
import { count, expectError, normal } from '../support/kernels';

let k: Kernels;
beforeAll(async () => {
  k = await createKernels({ threads: 1 });
});
afterAll(() => k.dispose());

const ints = (data: number[], dims: number[]): Tensor => new Tensor(Int32Array.from(data), dims);

describe('arguments', () => {
  it('tensors must be float32', () => {
    expectError(() => k.softmax(ints([1, 2], [2])), 'INVALID_ARGUMENT', 'softmax: x must be float32, not int32');
    expectError(() => k.add(count([2]), new Tensor(new Float64Array(2), [2])), 'INVALID_ARGUMENT', 'add: b', 'float64');
    expectError(
      () => k.relu([1, 2] as unknown as Tensor),
      'INVALID_ARGUMENT',
      'relu: x must be a Tensor, not an array',
    );
    expectError(() => k.relu(undefined as unknown as Tensor), 'INVALID_ARGUMENT', 'undefined');
    expectError(() => k.matmul(count([2, 2]), {} as Tensor), 'INVALID_ARGUMENT', 'matmul: b');
  });

  it('a buffer that is gone', () => {
    const data = new Float32Array(4);
    const x = new Tensor(data, [4]);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    expectError(() => k.relu(x), 'INVALID_ARGUMENT', 'transferred');
  });

  it('axes', () => {
    const x = count([2, 3]);
    expectError(() => k.softmax(x, { axis: 2 }), 'INVALID_SHAPE', 'softmax: axis 2', '[2, 3]');
    expectError(() => k.softmax(x, { axis: -3 }), 'INVALID_SHAPE', 'axis -3');
    expectError(() => k.softmax(x, { axis: 0.5 }), 'INVALID_ARGUMENT', '0.5');
    expectError(() => k.softmax(count([])), 'INVALID_SHAPE', 'at least one dim');
    expectError(() => k.sum(x, { axis: [0, -2] }), 'INVALID_ARGUMENT', 'twice');
    expectError(() => k.transpose(x, [0, 0]), 'INVALID_SHAPE', 'every dim once', '[2, 3]');
    expectError(() => k.transpose(x, [0]), 'INVALID_SHAPE', 'every dim once');
    expectError(() => k.l2Normalize(x, { axis: 0 }), 'INVALID_SHAPE', 'last');
    expectError(() => k.concat([x, count([3, 2])]), 'INVALID_SHAPE', 'concat', '[2, 3]', '[3, 2]');
    expectError(() => k.concat([]), 'INVALID_ARGUMENT', 'at least one');
    expectError(() => k.slice(x, [0, 0, 0], []), 'INVALID_SHAPE', 'slice', '3 entries', '[2, 3]');
    expectError(() => k.slice(x, [0], [1], [0]), 'INVALID_ARGUMENT', 'step');
    expectError(() => k.slice(x, [0.5], [1]), 'INVALID_ARGUMENT', '0.5');
  });

  it('shapes', () => {
    const x = count([2, 3]);
    expectError(() => k.add(x, count([2])), 'INVALID_SHAPE', 'add', '[2, 3]', '[2]');
    expectError(() => k.layerNorm(x, count([2])), 'INVALID_SHAPE', 'layerNorm: weight must be [3]', '[2]');
    expectError(() => k.layerNorm(x, null, count([1, 3])), 'INVALID_SHAPE', 'bias');
    expectError(() => k.rmsNorm(count([])), 'INVALID_SHAPE', 'rmsNorm');
    expectError(
      () => k.max(new Tensor(new Float32Array(0), [0, 2]), { axis: 0 }),
      'INVALID_SHAPE',
      'no max of nothing',
      '[0, 2]',
    );
    expectError(() => k.pool(x), 'INVALID_SHAPE', 'pool', '[2, 3]');
    expectError(() => k.pool(count([2, 3, 4]), ints([1, 1], [2])), 'INVALID_SHAPE', '[2, 3]');
    expectError(() => k.embedding(count([3]), ints([0], [1])), 'INVALID_SHAPE', 'embedding', '[3]');
    expectError(() => k.transpose(count(new Array<number>(8).fill(2))), 'INVALID_SHAPE', '6 dims');
  });

  it('values', () => {
    expectError(
      () => k.embedding(count([3, 2]), ints([0, 3], [2])),
      'INVALID_ARGUMENT',
      'from 0 to 2',
      'element 1 is 3',
    );
    expectError(() => k.embedding(count([3, 2]), ints([-1], [1])), 'INVALID_ARGUMENT', '-1');
    expectError(
      () => k.embedding(count([3, 2]), new Tensor(BigInt64Array.of(2n ** 40n), [1])),
      'INVALID_ARGUMENT',
      '1099511627776',
    );
    expectError(() => k.embedding(count([3, 2]), count([1])), 'INVALID_ARGUMENT', 'integers');
    expectError(() => k.layerNorm(count([3]), null, null, { eps: -1 }), 'INVALID_ARGUMENT', 'eps');
    expectError(() => k.gelu(count([3]), { approximate: 'erf' as 'none' }), 'INVALID_ARGUMENT', "'tanh'", 'erf');
    expectError(() => k.pool(count([1, 2, 3]), null, 'sum' as 'mean'), 'INVALID_ARGUMENT', 'lastToken');
    expectError(
      () => k.toFloat32(new Float32Array(2) as unknown as Uint16Array, 'f16'),
      'INVALID_ARGUMENT',
      'Uint16Array',
    );
    expectError(() => k.toFloat32(new Uint16Array(2), 'f32' as 'f16'), 'INVALID_ARGUMENT', "'bf16'");
    expectError(() => k.sum(count([2]), { keepDims: 1 as unknown as boolean }), 'INVALID_ARGUMENT', 'keepDims');
  });

  it('options of createKernels', async () => {
    for (const options of [
      { threads: 0 },
      { threads: 1.5 },
      { threads: 65 },
      { threads: '2' },
      { build: 'fast' },
      { revectorize: 1 },
      { relaxedSimd: null },
    ]) {
      await expect(createKernels(options as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});

describe('too large', () => {
  it('refuses results beyond wasm memory at once and goes on', () => {
    const begin = performance.now();
    const [column, row] = [count([65536, 1]), count([1, 65536])];
    expectError(() => k.add(column, row), 'OUT_OF_MEMORY', 'add', '[65536, 1]', '[1, 65536]', '4096 MB');
    expectError(() => k.matmul(column, row), 'OUT_OF_MEMORY', 'matmul');
    const long = new Tensor(new Float32Array(2 ** 17), [1, 1, 2 ** 17, 1]);
    expectError(() => k.attention(long, long, long, { outputAttentions: true }), 'OUT_OF_MEMORY', 'attention');
    // fits by itself, but not together with what it needs on the way
    expectError(() => k.matmul(count([3000, 1, 1, 20]), count([3000, 20, 1])), 'OUT_OF_MEMORY', 'matmul');
    expect(performance.now() - begin).toBeLessThan(5000);
    expect(k.add(count([2]), count([2])).toArray()).toEqual([0, 2]);
  });

  it('dims beyond 2^31 with nothing in them', () => {
    const x = new Tensor(new Float32Array(0), [2 ** 33, 0]);
    expect(k.softmax(x).dims).toEqual([2 ** 33, 0]);
    expect(k.transpose(x).dims).toEqual([0, 2 ** 33]);
  });
});

describe('life cycle', () => {
  it('the choice of build', async () => {
    const base = await createKernels({ threads: 1, build: 'base' });
    expect(base.info.build).toBe('base');
    const shared = await createKernels({ threads: 2, build: 'base' });
    expect(shared.info).toMatchObject({ build: 'base-shared', threads: 2 });
    const plain = await createKernels({ threads: 1, relaxedSimd: false });
    expect(plain.info.build).toBe('base');
    for (const kernels of [base, shared, plain]) {
      expect(kernels.matmul(count([2, 2]), count([2, 2])).toArray()).toEqual([
        [2, 3],
        [6, 11],
      ]);
      kernels.dispose();
    }
  });

  it('time repeats the plans of a call', () => {
    const weight = k.pack(normal([64, 64], 1));
    const times = k.time(() => k.relu(k.matmul(count([8, 64]), weight)), 4);
    expect(times).toHaveLength(4);
    expect(times.every((ms) => ms > 0)).toBe(true);
    expect(k.time(() => k.sum(count([10])))).toHaveLength(1);
    expect(k.time(() => {}, 2)).toEqual([0, 0]);
    expectError(() => k.time(() => {}, -1), 'INVALID_ARGUMENT', 'repeats');
    // ids and segments of one plan are not left to another
    const table = count([5, 3]);
    expect(
      k.time(() => [k.embedding(table, ints([4], [1])), k.add(normal([50], 1, 1e9), count([50]))], 3),
    ).toHaveLength(3);
    expect(k.embedding(table, ints([4], [1])).toArray()).toEqual([[12, 13, 14]]);
    weight.dispose();
  });

  it('time passes errors on and forgets what it watched', () => {
    expectError(() => k.time(() => k.add(count([2]), count([3]))), 'INVALID_SHAPE');
    expect(k.explain(() => k.relu(count([2]))).split('\n')).toHaveLength(2);
  });

  it('explain shows the plan', () => {
    const table = k.explain(() => k.matmul(count([4, 3]), count([3, 2])));
    expect(table).toMatch(/^# .*op .*inputs .*output .*bytes .*address/);
    expect(table).toMatch(/0 +pack +\[3, 2\] +\[2, 3\]/);
    expect(table).toMatch(/1 +\| +matmul +\[4, 3\] \[2, 3\] +\[4, 2\]/);
    expect(k.explain(() => [k.exp(count([2])), k.exp(count([3]))]).split('\n\n')).toHaveLength(2);
  });

  it('memory stays what it was over many shapes', () => {
    for (let i = 1; i < 200; i++) k.matmul(count([i, 3]), count([3, i]));
    const { total } = k.info.memory;
    for (let i = 1; i < 200; i++) k.matmul(count([i, 3]), count([3, i]));
    expect(k.info.memory.total).toBe(total);
  });

  it('after dispose', async () => {
    const kernels = await createKernels({ threads: 2 });
    await kernels.ready();
    const packed = kernels.pack(count([2, 2]));
    kernels.dispose();
    kernels.dispose();
    packed.dispose();
    for (const use of [
      () => kernels.relu(count([1])),
      () => kernels.matmul(count([0, 2]), packed),
      () => kernels.pack(count([1, 1])),
      () => kernels.concat([]),
      () => kernels.time(() => {}),
      () => kernels.explain(() => {}),
      () => kernels.gelu(count([1]), { approximate: 'x' as 'none' }),
      () => kernels.info,
    ]) {
      expectError(use, 'DISPOSED', 'createKernels');
    }
    await expect(kernels.ready()).rejects.toMatchObject({ code: 'DISPOSED' });
    expectError(() => k.matmul(count([2, 2]), packed), 'DISPOSED', 'other kernels');
  });
});
