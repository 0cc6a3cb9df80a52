// Compiling: addresses by last use, barriers, records, explain; running: cells, steps, slices, capacity; the cache of plans.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CTL_CANCEL } from '../../assembly/abi/layout';
import * as R from '../../assembly/abi/records';
import { Core } from '../../src/core/core';
import { explainPlan } from '../../src/core/explain';
import { execute, executeSync, read } from '../../src/core/execute';
import { Graph, TOKENS, type Op, type Value } from '../../src/core/graph';
import { compile, type Plan } from '../../src/core/plan';
import { PlanCache } from '../../src/core/plan-cache';
import { activation } from '../../src/ops/activation';
import { binary } from '../../src/ops/binary';
import { columns } from '../../src/ops/copy';
import { concat } from '../../src/ops/rearrange';

let core: Core;
beforeAll(async () => {
  core = await Core.create({ threads: 1 });
  core.beginCall(1);
});
afterAll(() => core.dispose());

function write(plan: Plan, name: string, data: ArrayLike<number>): void {
  core.memory.f32(plan.address(plan.graph.inputs.get(name)!), data.length).set(data);
}

/** x -> n activations in a row. */
function chain(n: number, dims = [TOKENS, 16]): { graph: Graph; values: Value[] } {
  const graph = new Graph();
  const values = [graph.input('x', dims as [typeof TOKENS, number])];
  for (let i = 0; i < n; i++) values.push(activation(values[i], 'neg'));
  graph.output('y', values[n]);
  return { graph, values };
}

const overlaps = (plan: Plan, a: Value, b: Value, bytes: number): boolean =>
  Math.abs(plan.address(a) - plan.address(b)) < bytes;

describe('placement', () => {
  it('a value gives its place back after its last use', () => {
    const { graph, values } = chain(9);
    const plan = compile(graph, core, { tokens: 4 });
    // the input lives throughout; two more take turns
    expect(plan.arenaBytes).toBe(3 * 4 * 16 * 4);
    expect(new Set(values.map((value) => plan.address(value))).size).toBe(3);
    for (let i = 1; i < values.length; i++) expect(overlaps(plan, values[i - 1], values[i], 256)).toBe(false);
    core.memory.free(plan.region);
  });

  it('outputs and what they are views of live until the end', () => {
    const graph = new Graph();
    const x = graph.input('x', [4, 16]);
    const kept = activation(x, 'neg');
    graph.output('half', columns(kept, 8, 16));
    let last = kept;
    for (let i = 0; i < 4; i++) last = activation(last, 'neg');
    graph.output('y', last);
    const plan = compile(graph, core, {});
    write(
      plan,
      'x',
      Float32Array.from({ length: 64 }, (_, i) => i),
    );
    executeSync(plan, core, {});
    expect(plan.address(graph.outputs.get('half')!)).toBe(plan.address(kept) + 32);
    expect(core.memory.f32(plan.address(kept), 64)[63]).toBe(-63);
    expect(read(plan, core, last, {})[63]).toBe(-63);
    core.memory.free(plan.region);
  });

  it('leaves out what no output needs', () => {
    const { graph, values } = chain(3);
    activation(values[1], 'exp');
    const plan = compile(graph, core, { tokens: 1 });
    expect(plan.steps.map(({ node }) => node.outputs[0])).toEqual(values.slice(1));
    core.memory.free(plan.region);
  });

  it('every value starts on a cache line', () => {
    const graph = new Graph();
    const parts = [1, 3, 17].map((n) => graph.input(`x${n}`, [n]));
    graph.output('y', concat(parts, 0));
    const plan = compile(graph, core, {});
    for (const value of [...parts, graph.outputs.get('y')!]) expect(plan.address(value) % 64).toBe(0);
    core.memory.free(plan.region);
  });
});

describe('barriers', () => {
  const waits = (graph: Graph): boolean[] => {
    const plan = compile(graph, core, { tokens: 4 });
    core.memory.free(plan.region);
    return plan.steps.map(({ barrier }) => barrier);
  };

  it('before a record that reads what was written since the last one', () => {
    expect(waits(chain(3).graph)).toEqual([false, true, true]);
  });

  it('none between independent records', () => {
    const graph = new Graph();
    const x = graph.input('x', [TOKENS, 16]);
    const [a, b] = [activation(x, 'neg'), activation(x, 'abs')];
    graph.output('sum', binary(a, b, 'add'));
    expect(waits(graph)).toEqual([false, false, true]);
  });

  it('before a record that writes over what others still read', () => {
    const graph = new Graph();
    const [x, y] = [graph.input('x', [TOKENS, 16]), graph.input('y', [TOKENS, 16])];
    const a = activation(x, 'neg');
    const b = activation(a, 'neg');
    // takes a's place, which the record before reads
    const c = activation(y, 'neg');
    graph.output('b', b);
    graph.output('c', c);
    const plan = compile(graph, core, { tokens: 4 });
    expect(plan.address(c)).toBe(plan.address(a));
    expect(plan.steps.map(({ barrier }) => barrier)).toEqual([false, true, true]);
    core.memory.free(plan.region);
  });

  it('none between the records of one node', () => {
    const graph = new Graph();
    const parts = [0, 1, 2].map((i) => activation(graph.input(`x${i}`, [2]), 'neg'));
    graph.output('y', concat(parts, 0));
    const plan = compile(graph, core, {});
    const { address, records } = plan.steps.at(-1)!;
    expect(records).toBe(3);
    const flags = [0, 1, 2].map((i) => core.memory.i32(address + i * R.CP_SIZE + R.R_BARRIER, 1)[0]);
    expect(flags).toEqual([1, 0, 0]);
    [0, 1, 2].forEach((i) => write(plan, `x${i}`, [i, i + 0.5]));
    executeSync(plan, core, {});
    expect([...read(plan, core, graph.outputs.get('y')!, {})]).toEqual([-0, -0.5, -1, -1.5, -2, -2.5]);
    core.memory.free(plan.region);
  });
});

describe('execute', () => {
  /** An op that only costs. */
  const costly = (ns: number): Op<null> => ({
    name: 'costly',
    opcode: R.OP_UNARY,
    recordSize: R.UN_SIZE,
    encode(record, { inputs: [x], outputs: [out] }) {
      record.setAddress(R.UN_X, x);
      record.setAddress(R.UN_OUT, out);
      record.setCell(R.UN_ROWS, { symbol: null, factor: 1 });
      record.set(R.UN_WIDTH, 16);
    },
    cost: () => ns,
  });

  function costing(...milliseconds: number[]): Plan {
    const graph = new Graph();
    let x = graph.input('x', [16]);
    for (const ms of milliseconds) x = graph.add(costly(ms * 1e6), [x], null, [16]);
    graph.output('y', x);
    return compile(graph, core, {});
  }

  it('one plan serves all sizes up to its capacity', async () => {
    const { graph, values } = chain(3);
    const plan = compile(graph, core, { tokens: 5 });
    for (const tokens of [5, 1, 3, 0]) {
      write(plan, 'x', new Float32Array(tokens * 16).fill(tokens));
      await execute(plan, core, { tokens });
      expect(read(plan, core, values[3], { tokens })).toEqual(new Float32Array(tokens * 16).fill(-tokens));
    }
    await expect(execute(plan, core, { tokens: 6 })).rejects.toThrow('capacity');
    await expect(execute(plan, core, {})).rejects.toThrow('capacity');
    core.memory.free(plan.region);
  });

  it('cuts a plan into slices of about 10 ms, dear records into parts', async () => {
    const plan = costing(4, 4, 4, 25, 1, 1, 10, 9);
    const run = vi.spyOn(core, 'run');
    await execute(plan, core, {});
    const at = (address: number): number => plan.steps.findIndex((step) => step.address === address);
    expect(run.mock.calls.map(([address, count, , part, parts]) => [at(address), count, part, parts])).toEqual([
      [0, 2, 0, 1],
      [2, 1, 0, 1],
      [3, 1, 0, 3],
      [3, 1, 1, 3],
      [3, 1, 2, 3],
      [4, 2, 0, 1],
      [6, 1, 0, 1],
      [7, 1, 0, 1],
    ]);
    run.mockClear();
    executeSync(plan, core, {});
    expect(run.mock.calls).toEqual([[plan.steps[0].address, 8, 58e6]]);
    run.mockRestore();
    core.memory.free(plan.region);
  });

  it('takes all threads from some 150 us of work on', async () => {
    const { threadsFor } = await vi.importActual<typeof import('../../src/core/threads')>('../../src/core/threads');
    const pair = { taking: 2 } as Core;
    expect([0, 149e3, 150e3, 1e9].map((cost) => threadsFor(pair, cost))).toEqual([1, 1, 2, 2]);
  });

  it('stops between slices when it is cancelled', async () => {
    const plan = costing(9, 9, 9);
    const run = vi.spyOn(core, 'run');
    let asked = 0;
    const cancelled = execute(plan, core, {}, { isCancelled: () => ++asked > 2 });
    await expect(cancelled).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError' });
    expect(run).toHaveBeenCalledTimes(2);
    run.mockRestore();
    core.memory.free(plan.region);
  });

  it('stops at a barrier when the cancel cell names the call', async () => {
    const { graph } = chain(3);
    const plan = compile(graph, core, { tokens: 1 });
    core.memory.i32(CTL_CANCEL, 1)[0] = 1;
    await expect(execute(plan, core, { tokens: 1 })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(() => executeSync(plan, core, { tokens: 1 })).toThrow(expect.objectContaining({ code: 'ABORTED' }));
    core.beginCall(2);
    await execute(plan, core, { tokens: 1 });
    core.memory.free(plan.region);
  });

  it('step mode shows every value before the next node runs', async () => {
    const { graph, values } = chain(4);
    const plan = compile(graph, core, { tokens: 1 });
    write(plan, 'x', new Float32Array(16).fill(3));
    const seen: [string, number][] = [];
    await execute(
      plan,
      core,
      { tokens: 1 },
      {
        onStep: (node, milliseconds, value) => {
          expect(milliseconds).toBeGreaterThanOrEqual(0);
          seen.push([node.op.name, value(node.outputs[0])[15]]);
        },
      },
    );
    expect(seen).toEqual([
      ['unary', -3],
      ['unary', 3],
      ['unary', -3],
      ['unary', 3],
    ]);
    expect(values).toHaveLength(5);
    core.memory.free(plan.region);
  });

  it('explain is a table with a row for every node', () => {
    const { graph } = chain(2);
    const plan = compile(graph, core, { tokens: 8 });
    const rows = explainPlan(plan, { tokens: 4 }).split('\n');
    expect(rows).toHaveLength(3);
    expect(rows[0].split(/ {2,}/)).toEqual(['#', 'op', 'inputs', 'output', 'bytes', 'address', 'est. us']);
    expect(rows[1]).toMatch(/^0 +unary +\[tokens, 16\] +\[tokens, 16\] +256 +0x[0-9a-f]+ +\d/);
    expect(rows[2]).toMatch(/^1 +\| +unary/);
    core.memory.free(plan.region);
  });
});

describe('PlanCache', () => {
  const record = (): Graph => chain(2).graph;

  it('records once a key and compiles again only when a size outgrows the plan', () => {
    const cache = new PlanCache(core);
    const recorder = vi.fn(record);
    const double = ({ tokens }: Readonly<Record<string, number>>): Record<string, number> => ({ tokens: tokens * 2 });
    const first = cache.get('a', { tokens: 3 }, recorder, double);
    expect(first.capacity).toEqual({ tokens: 6 });
    expect(cache.get('a', { tokens: 6 }, recorder, double)).toBe(first);
    const second = cache.get('a', { tokens: 7 }, recorder, double);
    expect(second.capacity).toEqual({ tokens: 14 });
    expect(second.graph).toBe(first.graph);
    expect(recorder).toHaveBeenCalledTimes(1);
    expect(cache.get('a', { tokens: 1 }, recorder, double)).toBe(second);
    cache.clear();
  });

  it('compiles again after the arena has moved', () => {
    const cache = new PlanCache(core);
    const small = cache.get('small', { tokens: 1 }, record);
    // in the way, so that the arena cannot grow where it is
    const wall = core.memory.alloc(64, 'a wall');
    const { arenaVersion } = core;
    const large = cache.get('large', { tokens: Math.ceil((core.memory.usedFor('activations') * 2) / 64) }, record);
    expect(core.arenaVersion).toBeGreaterThan(arenaVersion);
    const again = cache.get('small', { tokens: 1 }, record);
    expect(again).not.toBe(small);
    expect(again.graph).toBe(small.graph);
    expect(cache.get('large', { tokens: 1 }, record)).toBe(large);
    write(again, 'x', new Float32Array(16).fill(7));
    executeSync(again, core, { tokens: 1 });
    expect(read(again, core, again.graph.outputs.get('y')!, { tokens: 1 })).toEqual(new Float32Array(16).fill(7));
    cache.clear();
    core.memory.free(wall);
  });

  it('forgets the least recently used, and clears by prefix', () => {
    const cache = new PlanCache(core);
    const before = core.memory.used;
    cache.get('first', { tokens: 1 }, record);
    const one = core.memory.used - before;
    for (let i = 0; i < 63; i++) cache.get(`k${i}`, { tokens: 1 }, record);
    const recorder = vi.fn(record);
    cache.get('first', { tokens: 1 }, recorder); // used again: k0 is now the oldest
    cache.get('one more', { tokens: 1 }, recorder);
    expect(recorder).toHaveBeenCalledTimes(1);
    cache.get('first', { tokens: 1 }, recorder);
    expect(recorder).toHaveBeenCalledTimes(1);
    expect(core.memory.used).toBe(before + 64 * one);
    cache.get('k0', { tokens: 1 }, recorder);
    expect(recorder).toHaveBeenCalledTimes(2);
    cache.clear('k');
    expect(core.memory.used).toBe(before + 2 * one);
    cache.clear();
    expect(core.memory.used).toBe(before);
  });
});
