// What all kernel calls share: the core they run on, running one, timing and explaining them, and the end.
import type { Core } from '../core/core';
import type { Value, Weight } from '../core/graph';
import { WasmformerError } from '../errors';
import { invalid, sizeOfDims } from './kernels-checks';
import { KernelRunner, type KernelCall, type KernelInput, type KernelValues } from './kernels-runner';
import { Tensor } from './tensor';

export type F32 = Tensor<Float32Array<ArrayBuffer>>;

/** What kernels run on. */
export interface KernelsInfo {
  /** Name of the wasm build. */
  readonly build: string;
  readonly threads: number;
  /** Bytes of wasm memory, which never shrinks; those in use; those of them that hold activations. */
  readonly memory: { readonly total: number; readonly used: number; readonly activations: number };
}

/** A matmul operand that stays in wasm memory, in the layout that products read. From `kernels.pack`. */
export class PackedWeight {
  /** [n, k] */
  readonly dims: readonly number[];

  /** @internal use Kernels.pack */
  constructor(
    dims: readonly number[],
    /** Bytes of wasm memory. */
    readonly bytes: number,
    private readonly free: () => void,
  ) {
    this.dims = dims;
  }

  /** Gives its memory back. Using it afterwards throws DISPOSED. */
  dispose(): void {
    this.free();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

export function empty(dims: readonly number[]): F32 {
  return new Tensor(new Float32Array(0), dims);
}

/** The kernels' core, without the kernels. */
export abstract class KernelsBase {
  protected readonly runner: KernelRunner;
  protected readonly weights = new Map<PackedWeight, Weight>();
  private live = true;

  /** @internal use createKernels */
  constructor(protected readonly core: Core) {
    this.runner = new KernelRunner(core);
    core.beginCall(1);
  }

  /** Build, threads and memory. */
  get info(): KernelsInfo {
    this.check();
    const { memory, build, threads } = this.core;
    return {
      build,
      threads,
      memory: { total: memory.size, used: memory.used, activations: memory.usedFor('activations') },
    };
  }

  /** Resolves when all threads are up; until then calls run on those that are. Throws WORKER_FAILED if one does not start. */
  async ready(): Promise<void> {
    for (let second = 0; this.live && this.core.ready < this.core.threads; second++) {
      if (second === 30)
        throw new WasmformerError(
          'WORKER_FAILED',
          `${this.core.ready} of ${this.core.threads} threads have started in ${second} seconds`,
        );
      await this.core.warm();
    }
    this.check();
  }

  /** Frees all memory and ends the threads. */
  dispose(): void {
    this.live = false;
    this.weights.clear();
    this.core.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Runs `run`, then the plans of its kernel calls `repeats` times more without copying tensors in or out: milliseconds of
   *  every repetition. For benchmarks. */
  time(run: () => unknown, repeats = 1): number[] {
    this.check();
    if (!Number.isInteger(repeats) || repeats < 0)
      invalid('time', `repeats must be a whole number, not ${String(repeats)}`);
    return this.guarded(() => this.runner.time(this.runner.watch(run), repeats));
  }

  /** Runs `run` and shows the plans of its kernel calls as tables: op, shapes, bytes, address, estimated time. */
  explain(run: () => unknown): string {
    this.check();
    const calls = this.runner.watch(run);
    return calls.map((call) => this.runner.explain(call)).join('\n\n');
  }

  /** Runs a kernel of one result. */
  protected one(
    op: string,
    attrs: string,
    inputs: Record<string, KernelInput>,
    dims: readonly number[],
    record: (inputs: KernelValues) => Value,
    sizes?: KernelCall['sizes'],
  ): F32 {
    if (sizeOfDims(dims) === 0) return empty(dims);
    const { out } = this.guarded(() =>
      this.runner.run<'out'>({ op, attrs, inputs, outputs: { out: dims }, sizes, record: (g) => ({ out: record(g) }) }),
    );
    return new Tensor(out, dims);
  }

  protected check(): void {
    if (!this.live)
      throw new WasmformerError('DISPOSED', 'these kernels were disposed; create new ones with createKernels()');
  }

  /** A lost thread takes the core with it. */
  protected guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof WasmformerError) || error.code !== 'WORKER_FAILED') throw error;
      this.dispose();
      throw new WasmformerError(
        'WORKER_FAILED',
        'a thread of these kernels died: create new ones with createKernels()',
        { cause: error },
      );
    }
  }
}
