// Attention, its storage and rotary positions as ops: shape rules, and a cache that several plans share.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SEG_KEYS, SEG_PAGE, SEG_PAGES, SEG_QUERIES } from '../../assembly/abi/records';
import { Core } from '../../src/core/core';
import { executeSync, read } from '../../src/core/execute';
import { Graph, LONGEST, MAP, SEQUENCES, TOKENS, type Value } from '../../src/core/graph';
import { compile } from '../../src/core/plan';
import { attention, type AttentionOptions } from '../../src/ops/attention';
import { columns } from '../../src/ops/copy';
import { rotary } from '../../src/ops/rotary';
import { cachedKv, kvBytes, storeKv } from '../../src/ops/store-kv';
import { attention as reference } from '../reference/attention';
import { rotary as rotaryReference } from '../reference/rows';
import { expectWithin, Random } from '../support/numbers';

let core: Core;
beforeAll(async () => {
  core = await Core.create({ threads: 1 });
  core.beginCall(1);
});
afterAll(() => core.dispose());

const SIZES = { [TOKENS.symbol]: 1, [SEQUENCES.symbol]: 1 };

type Inputs = Record<string, Float32Array | Int32Array>;

/** Compiles and runs a graph, writing its inputs by name: its outputs. */
function runOn(on: Core, graph: Graph, inputs: Inputs, sizes: Record<string, number>): Float32Array[] {
  const plan = compile(graph, on, sizes);
  for (const [name, data] of Object.entries(inputs)) {
    const address = plan.address(graph.inputs.get(name)!);
    if (data instanceof Float32Array) on.memory.f32(address, data.length).set(data);
    else on.memory.i32(address, data.length).set(data);
  }
  executeSync(plan, on, sizes);
  on.memory.free(plan.region);
  return [...graph.outputs.values()].map((value) => read(plan, on, value, sizes));
}

/** The same of one sequence with one output. */
function run(graph: Graph, inputs: Inputs, tokens: number, keys: number): Float32Array {
  return runOn(core, graph, inputs, { ...SIZES, [TOKENS.symbol]: tokens, [LONGEST.symbol]: keys })[0];
}

/** The segment of one sequence whose queries are the last of its keys. */
function segment(queries: number, keys: number, table: number, page: number): Int32Array {
  const row = new Int32Array(8);
  row[SEG_QUERIES / 4] = queries;
  row[SEG_KEYS / 4] = keys;
  row[SEG_PAGES / 4] = table;
  row[SEG_PAGE / 4] = page;
  return row;
}

describe('attention over a cache', () => {
  const [heads, kvHeads, size, page, layers, keys] = [4, 2, 8, 8, 3, 21];
  const cacheOffset = 2 * kvBytes(kvHeads, size, size, page);

  it('what one plan stores, another plan attends to', () => {
    const random = new Random(7);
    const width = (heads + 2 * kvHeads) * size;
    const x = random.normal(keys * width);
    const region = core.memory.alloc(3 * layers * kvBytes(kvHeads, size, size, page), 'test');
    // pages from the last to the first
    const table = core.memory.alloc(12, 'test');
    const bytes = layers * kvBytes(kvHeads, size, size, page);
    core.memory.i32(table, 3).set([2, 1, 0].map((i) => region + i * bytes));
    const segments = (queries: number): Int32Array => segment(queries, keys, table, page);
    const record = (stores: boolean): Graph => {
      const g = new Graph();
      const qkv = g.input('qkv', [TOKENS, width]);
      const rows = g.input('segments', [SEQUENCES, 8], 'i32');
      const part = (from: number, to: number): Value => columns(qkv, from * size, to * size);
      const kv = stores
        ? storeKv(part(heads, heads + kvHeads), part(heads + kvHeads, heads + 2 * kvHeads), rows, {
            kvHeads,
            cacheOffset,
          })
        : cachedKv({ kvHeads, sizeK: size, sizeV: size, cacheOffset });
      g.output('out', attention(part(0, heads), kv, rows, { heads, causal: true }).out);
      return g;
    };
    const expected = reference({
      q: x,
      qStride: width,
      k: x.subarray(heads * size),
      kStride: width,
      v: x.subarray((heads + kvHeads) * size),
      vStride: width,
      rows: keys,
      outStride: heads * size,
      segments: [{ query: 0, queries: keys, key: 0, keys, map: 0, mask: 0 }],
      heads,
      kvHeads,
      sizeK: size,
      sizeV: size,
      scale: 1 / Math.sqrt(size),
      causal: true,
    }).out;
    const whole = run(record(true), { qkv: x, segments: segments(keys) }, keys, keys);
    expectWithin(whole, expected, 4e-6, 'stored and attended');
    const last = run(record(false), { qkv: x.slice(-width), segments: segments(1) }, 1, keys);
    expect(last).toEqual(whole.slice(-heads * size));
    core.memory.free(table);
    core.memory.free(region);
  });

  it('waits for the store, which is part of the plan', () => {
    const g = new Graph();
    const [q, k] = [g.input('q', [TOKENS, heads * size]), g.input('k', [TOKENS, kvHeads * size])];
    const rows = g.input('segments', [SEQUENCES, 8], 'i32');
    const kv = storeKv(k, k, rows, { kvHeads, cacheOffset });
    expect(kv).toMatchObject({ base: cacheOffset, kvHeads, sizeK: size, sizeV: size });
    g.output('out', attention(q, kv, rows, { heads }).out);
    const plan = compile(g, core, { ...SIZES, [LONGEST.symbol]: 1 });
    expect(plan.steps.map(({ node, barrier }) => [node.op.name, barrier])).toEqual([
      ['storeKv', false],
      ['attention', true],
    ]);
    core.memory.free(plan.region);
  });

  it('shapes that do not fit', () => {
    const g = new Graph();
    const rows = g.input('segments', [SEQUENCES, 8], 'i32');
    const x = g.input('x', [TOKENS, 24]);
    const kv = storeKv(x, x, rows, { kvHeads: 3 });
    expect(kv.value!.dims).toEqual([{ symbol: 'slots' }, 48]);
    expect(() => storeKv(x, x, rows, { kvHeads: 5 })).toThrow('multiples of their 5 heads');
    expect(() => attention(x, kv, rows, { heads: 4 })).toThrow('4 heads cannot share 3 key heads');
    expect(() => attention(x, kv, rows, { heads: 6 })).toThrow('q must have 6 heads of 8');
    expect(kvBytes(3, 8, 11, 16)).toBe(4 * 16 * 3 * (8 + 16));
  });
});

describe('a step behind many keys', () => {
  const KEYS = 1500;
  const PAGE = 64;

  /** Random keys and values in pages, random queries: the result on a core of so many threads. */
  async function step(
    threads: number,
    shape: { kvHeads: number; group: number; size: number; queries: number },
    options: Partial<AttentionOptions>,
  ): Promise<Float32Array[]> {
    const { kvHeads, group, size, queries } = shape;
    const heads = kvHeads * group;
    const own = await Core.create({ threads });
    Object.defineProperty(own, 'cores', { value: threads }); // also more than this machine has
    await own.warm();
    expect(own.taking).toBe(threads);
    own.beginCall(1);
    const random = new Random(size);
    const pages = Math.ceil(KEYS / PAGE);
    const bytes = kvBytes(kvHeads, size, size, PAGE);
    const region = own.memory.alloc(pages * bytes, 'test');
    own.memory.f32(region, (pages * bytes) / 4).set(random.normal((pages * bytes) / 4));
    const table = own.memory.alloc(4 * pages, 'test');
    own.memory.i32(table, pages).set(Array.from({ length: pages }, (_, i) => region + ((i * 7) % pages) * bytes));
    const g = new Graph();
    const q = g.input('q', [TOKENS, heads * size]);
    const kv = cachedKv({ kvHeads, sizeK: size, sizeV: size, cacheOffset: 0 });
    const { out, maps } = attention(q, kv, g.input('segments', [SEQUENCES, 8], 'i32'), { heads, ...options });
    g.output('out', out);
    if (maps) g.output('maps', maps);
    const inputs = { q: random.normal(queries * heads * size), segments: segment(queries, KEYS, table, PAGE) };
    const sizes = { ...SIZES, [TOKENS.symbol]: queries, [LONGEST.symbol]: KEYS, [MAP.symbol]: heads * queries * KEYS };
    const results = runOn(own, g, inputs, sizes);
    own.dispose();
    return results;
  }

  it.each([
    ['groups of 3', { kvHeads: 3, group: 3, size: 20, queries: 1 }, {}],
    ['one head', { kvHeads: 1, group: 1, size: 12, queries: 1 }, {}],
    ['two strips', { kvHeads: 1, group: 7, size: 12, queries: 1 }, {}],
    ['several queries', { kvHeads: 5, group: 1, size: 64, queries: 3 }, { causal: true }],
    ['a window', { kvHeads: 5, group: 2, size: 20, queries: 2 }, { causal: true, window: 1100 }],
    ['maps', { kvHeads: 3, group: 2, size: 20, queries: 1 }, { maps: true }],
  ] as const)('%s: the same bits for any number of threads', async (_, shape, options) => {
    const expected = await step(1, shape, options);
    expect(expected[0].every((x) => x !== 0 && Math.abs(x) < 1)).toBe(true);
    for (const threads of [2, 3, 4]) expect(await step(threads, shape, options)).toEqual(expected);
  });
});

describe('rotary', () => {
  it.each(['half', 'interleaved'] as const)('%s: a view of wider rows, some columns of a head', (style) => {
    const [heads, size, rotaryDim, tokens] = [2, 6, 4, 3];
    const random = new Random(3);
    const [x, table] = [random.normal(tokens * 20), random.normal(tokens * rotaryDim)];
    const g = new Graph();
    const view = columns(g.input('x', [TOKENS, 20]), 5, 5 + heads * size);
    g.output('out', rotary(view, g.input('table', [TOKENS, rotaryDim]), { heads, size, rotaryDim, style }));
    const expected = rotaryReference(x.subarray(5), 20, table, {
      rows: tokens,
      heads,
      size,
      dim: rotaryDim,
      interleaved: style === 'interleaved',
    });
    expectWithin(run(g, { x, table }, tokens, 1), expected, 1e-6, style);
  });

  it('shapes that do not fit', () => {
    const g = new Graph();
    const [x, table] = [g.input('x', [TOKENS, 16]), g.input('table', [TOKENS, 8])];
    expect(rotary(x, table, { heads: 2, size: 8, style: 'half' }).dims).toEqual(x.dims);
    expect(() => rotary(x, table, { heads: 3, size: 8, style: 'half' })).toThrow('3 heads of 8');
    expect(() => rotary(x, table, { heads: 2, size: 8, rotaryDim: 6, style: 'half' })).toThrow('rotaryDim = 6');
    expect(() => rotary(x, table, { heads: 4, size: 4, rotaryDim: 8, style: 'half' })).toThrow('at most 4');
  });
});
