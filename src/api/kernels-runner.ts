// Runs single kernels: each call is a small graph, compiled once and kept under a key of its name, dims and attributes.
import type { Core } from '../core/core';
import { explainPlan } from '../core/explain';
import { executeSync, read } from '../core/execute';
import { Graph, showDims, type DType, type Sizes, type Value, type Weight } from '../core/graph';
import type { Plan } from '../core/plan';
import { PlanCache } from '../core/plan-cache';
import { WasmformerError } from '../errors';
import { sizeOfDims } from './kernels-checks';

/** An operand that is copied into wasm memory before a run. Uint16Array: 16-bit values, two in a word. A function makes integers
 *  that depend on where other inputs lie. */
export interface KernelInput {
  readonly data: Float32Array | Int32Array | Uint16Array | ((address: (input: string) => number) => Int32Array);
  readonly dims: readonly number[];
}

/** The inputs of a call while it is recorded, by name. */
export type KernelValues = Readonly<Record<string, Value>>;

/** One kernel call. */
export interface KernelCall<Outputs extends string = string> {
  readonly op: string;
  /** What else than op and dims the graph depends on. */
  readonly attrs: string;
  readonly inputs: Readonly<Record<string, KernelInput>>;
  /** Dims of every result: known beforehand, so that what cannot fit is refused before anything is allocated. */
  readonly outputs: Readonly<Partial<Record<Outputs, readonly number[]>>>;
  readonly sizes?: Sizes;
  /** Records the graph's nodes; gives the results by name. */
  record(inputs: KernelValues): Partial<Record<Outputs, Value>>;
}

/** Bytes that a 32-bit memory can hold. */
const ADDRESSABLE = 2 ** 32;

const bytesOf = (tensors: readonly { dims: readonly number[] }[]): number =>
  tensors.reduce((sum, { dims }) => sum + 4 * sizeOfDims(dims), 0);

/** Makes room for a result outside of wasm memory. */
function allocate<T>(op: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new WasmformerError('OUT_OF_MEMORY', `${op}: no memory for the result: split the work`, { cause });
    throw cause;
  }
}

export class KernelRunner {
  private readonly plans: PlanCache;
  /** Calls since `watch` began; null when nobody is watching. */
  private watched: KernelCall[] | null = null;

  constructor(private readonly core: Core) {
    this.plans = new PlanCache(core);
  }

  /** Copies the inputs in, runs, and gives fresh copies of the results. Throws OUT_OF_MEMORY. */
  run<Outputs extends string>(call: KernelCall<Outputs>): Record<Outputs, Float32Array<ArrayBuffer>> {
    return this.execute(call, (plan, sizes) => {
      const results: Partial<Record<Outputs, Float32Array<ArrayBuffer>>> = {};
      for (const [name, value] of plan.graph.outputs) {
        results[name as Outputs] = allocate(call.op, () => read(plan, this.core, value, sizes));
      }
      return results as Record<Outputs, Float32Array<ArrayBuffer>>;
    });
  }

  /** Runs a call and copies its one result to a region of wasm memory. */
  runInto(call: KernelCall<'out'>, address: number, bytes: number): void {
    this.execute(call, (plan) => {
      const from = plan.address(plan.graph.outputs.get('out')!);
      this.core.memory.u8(address, bytes).set(this.core.memory.u8(from, bytes));
    });
  }

  /** The calls that a function makes. */
  watch(run: () => unknown): KernelCall[] {
    const outer = this.watched;
    const calls: KernelCall[] = [];
    this.watched = calls;
    try {
      run();
    } finally {
      this.watched = outer;
    }
    return calls;
  }

  /** Runs calls again `repeats` times; milliseconds of every repetition, copies in and out not counted. */
  time(calls: readonly KernelCall[], repeats: number): number[] {
    const milliseconds: number[] = [];
    // a plan's inputs stay in place until another plan runs
    if (calls.length === 1) this.write(this.prepare(calls[0]), calls[0]);
    for (let i = 0; i < repeats; i++) {
      let sum = 0;
      for (const call of calls) {
        const plan = this.prepare(call);
        if (calls.length > 1) this.write(plan, call);
        const begin = performance.now();
        executeSync(plan, this.core, call.sizes ?? {});
        sum += performance.now() - begin;
      }
      milliseconds.push(sum);
    }
    return milliseconds;
  }

  /** The plan of a call as a table. */
  explain(call: KernelCall): string {
    return explainPlan(this.prepare(call), call.sizes ?? {});
  }

  /** Frees the plans that hold a weight's address. */
  forget(weight: Weight): void {
    this.plans.clear(`${weight.name}|`);
  }

  private execute<T>(call: KernelCall, take: (plan: Plan, sizes: Sizes) => T): T {
    const needed =
      bytesOf(Object.values(call.inputs)) +
      bytesOf(
        Object.values<readonly number[]>(call.outputs as Record<string, readonly number[]>).map((dims) => ({ dims })),
      );
    const shapes = Object.values(call.inputs).map(({ dims }) => showDims(dims));
    if (needed > ADDRESSABLE) {
      const megabytes = Math.ceil(needed / 2 ** 20);
      throw new WasmformerError(
        'OUT_OF_MEMORY',
        `${call.op} of ${shapes.join(' and ')} needs ${megabytes} MB, but WebAssembly memory ends at 4096 MB: split the work`,
      );
    }
    this.watched?.push(call);
    const sizes = call.sizes ?? {};
    const plan = this.prepare(call);
    this.write(plan, call);
    executeSync(plan, this.core, sizes);
    return take(plan, sizes);
  }

  private prepare(call: KernelCall): Plan {
    const key = `${call.attrs}|${call.op}|${Object.values(call.inputs)
      .map(({ dims }) => dims.join('x'))
      .join(' ')}`;
    try {
      return this.plans.get(key, call.sizes ?? {}, () => record(call));
    } catch (error) {
      if (error instanceof WasmformerError && error.code === 'OUT_OF_MEMORY')
        throw new WasmformerError('OUT_OF_MEMORY', `${call.op}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  private write(plan: Plan, { inputs }: KernelCall): void {
    const { memory } = this.core;
    const addressOf = (name: string): number => plan.address(plan.graph.inputs.get(name)!);
    for (const [name, input] of Object.entries(inputs)) {
      const address = addressOf(name);
      const data = typeof input.data === 'function' ? input.data(addressOf) : input.data;
      if (data instanceof Float32Array) memory.f32(address, data.length).set(data);
      else if (data instanceof Int32Array) memory.i32(address, data.length).set(data);
      else memory.u8(address, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
}

function record(call: KernelCall): Graph {
  const graph = new Graph();
  const inputs: Record<string, Value> = {};
  for (const [name, { data, dims }] of Object.entries(call.inputs)) {
    const dtype: DType = data instanceof Float32Array ? 'f32' : 'i32';
    inputs[name] = graph.input(name, dims, dtype);
  }
  for (const [name, value] of Object.entries(call.record(inputs))) if (value) graph.output(name, value);
  return graph;
}
