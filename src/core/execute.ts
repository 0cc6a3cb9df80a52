// Runs plans: writes the cells, cuts the records into slices of about 10 ms, and lets the event loop turn in between.
import { yieldToEventLoop } from '#platform';
import { abortError } from '../errors';
import type { Core } from './core';
import { sizeOf, type Count, type Node, type Sizes, type Value } from './graph';
import type { Plan, Step } from './plan';
import { threadsFor } from './threads';

/** A slice's length: short enough for an abort within 50 ms on a machine three times slower than estimated. */
export const SLICE_NS = 10e6;

export interface RunOptions {
  /** Asked between slices: true ends the run with an abort error. */
  isCancelled?: () => boolean;
  /** Step mode: run record by record and see each one's time; its output may be read until the next one runs. */
  onStep?: (node: Node, milliseconds: number, read: (value: Value) => Float32Array) => void;
}

/** Records that run without a pause, or one node's in several parts. */
interface Slice {
  address: number;
  count: number;
  parts: number;
}

/** What a run of a plan takes, and how it is cut. */
interface Schedule {
  readonly costs: readonly number[];
  readonly cost: number;
  /** By the number of threads. */
  readonly slices: Map<number, readonly Slice[]>;
}

/** Schedules of a plan, by its sizes rounded up. Asking every op at every run left 40 KB of garbage a call of a MiniLM, and took 4 of the
 *  23 us of a call of a tiny BERT. */
const schedules = new WeakMap<Plan, Map<string, Schedule>>();
const SCHEDULES = 64;

const countRecords = (steps: readonly Step[]): number => steps.reduce((sum, { records }) => sum + records, 0);

/** What each step of a plan takes one thread, in nanoseconds. */
export function costsOf(plan: Plan, sizes: Sizes): number[] {
  const size = (count: Count): number => sizeOf(count, sizes);
  return plan.steps.map(({ node }) => node.op.cost(node, size));
}

export const totalOf = (costs: readonly number[]): number => costs.reduce((sum, cost) => sum + cost, 0);

/** A size rounded up by at most a quarter: to a power of two, or one, two or three quarters of the way to the next. */
function coarse(size: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(size)) - 2);
  return Math.ceil(size / step) * step;
}

function scheduleOf(plan: Plan, sizes: Sizes): Schedule {
  let known = schedules.get(plan);
  if (!known) schedules.set(plan, (known = new Map()));
  let key = '';
  for (const symbol in sizes) key += `${symbol} ${coarse(sizes[symbol])} `;
  let schedule = known.get(key);
  if (!schedule) {
    if (known.size === SCHEDULES) known.clear();
    const larger = Object.fromEntries(Object.entries(sizes).map(([symbol, size]) => [symbol, coarse(size)]));
    const costs = costsOf(plan, larger);
    schedule = { costs, cost: totalOf(costs), slices: new Map() };
    known.set(key, schedule);
  }
  return schedule;
}

function slicesOf(plan: Plan, { costs, slices }: Schedule, threads: number): readonly Slice[] {
  let known = slices.get(threads);
  if (!known) slices.set(threads, (known = cut(plan, costs, threads)));
  return known;
}

function cut(plan: Plan, costs: readonly number[], threads: number): Slice[] {
  const slices: Slice[] = [];
  let first = 0;
  let length = 0;
  const add = (end: number, parts: number): void => {
    slices.push({ address: plan.steps[first].address, count: countRecords(plan.steps.slice(first, end)), parts });
    first = end;
    length = 0;
  };
  for (const [i, whole] of costs.entries()) {
    const cost = whole / threads;
    if (i > first && length + cost > SLICE_NS) add(i, 1);
    if (cost > SLICE_NS) add(i + 1, Math.ceil(cost / SLICE_NS));
    else length += cost;
  }
  if (first < plan.steps.length) add(plan.steps.length, 1);
  return slices;
}

export function setSizes(plan: Plan, core: Core, sizes: Sizes): void {
  for (const symbol in plan.capacity) {
    if (!(sizes[symbol] <= plan.capacity[symbol]))
      throw new Error(`${symbol} = ${sizes[symbol]} is beyond the plan's capacity of ${plan.capacity[symbol]}`);
  }
  for (const { count, address } of plan.cells) core.memory.setWord(address, sizeOf(count, sizes));
}

/** Runs a plan, letting the event loop turn between slices. Rejects with ABORTED when cancelled. */
export async function execute(plan: Plan, core: Core, sizes: Sizes, options: RunOptions = {}): Promise<void> {
  setSizes(plan, core, sizes);
  const { isCancelled, onStep } = options;
  const schedule = scheduleOf(plan, sizes);
  const { cost } = schedule;
  if (onStep) {
    for (const { node, address, records } of plan.steps) {
      const begin = performance.now();
      core.run(address, records, cost);
      onStep(node, performance.now() - begin, (value) => read(plan, core, value, sizes));
      if (isCancelled?.()) throw abortError();
    }
    return;
  }
  let yielded = false;
  for (const { address, count, parts } of slicesOf(plan, schedule, threadsFor(core, cost))) {
    for (let part = 0; part < parts; part++) {
      if (yielded || part > 0) await yieldToEventLoop();
      yielded = true;
      if (isCancelled?.()) throw abortError();
      if (!core.run(address, count, cost, part, parts)) throw abortError();
    }
  }
}

/** Runs all records of a plan whose sizes are set. Throws ABORTED. */
export function runAtOnce(plan: Plan, core: Core, cost: number): void {
  if (!core.run(plan.steps[0].address, countRecords(plan.steps), cost)) throw abortError();
}

/** Runs a plan to its end without yielding: for kernels called one by one. */
export function executeSync(plan: Plan, core: Core, sizes: Sizes): void {
  setSizes(plan, core, sizes);
  if (plan.steps.length > 0) runAtOnce(plan, core, scheduleOf(plan, sizes).cost);
}

/** A copy of a value's elements after a run. */
export function read(plan: Plan, core: Core, value: Value, sizes: Sizes): Float32Array<ArrayBuffer> {
  const n = value.dims.reduce<number>(
    (product, dim) => product * (typeof dim === 'number' ? dim : sizes[dim.symbol]),
    1,
  );
  return new Float32Array(core.memory.f32(plan.address(value), n));
}
