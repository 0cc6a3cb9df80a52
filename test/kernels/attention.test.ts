// Attention over ragged batches.
import { describe, expect, it } from 'vitest';
import { attention, type Attention, type Segment } from '../reference/attention';
import { expectWithin, Random } from '../support/numbers';
import { Paged } from '../support/paged';
import { BUILDS, Raw } from '../support/raw';

/** [queries, keys] of every sequence to segments; keys and queries lie one after the other, maps too. */
function segmentsOf(
  lengths: readonly (readonly [queries: number, keys: number])[],
  heads: number,
  masks: (i: number) => number = () => 0,
): Segment[] {
  let query = 0;
  let key = 0;
  let map = 0;
  return lengths.map(([queries, keys], i) => {
    const segment = { query, queries, key, keys, map, mask: masks(i) };
    query += queries;
    key += keys;
    map += heads * queries * keys;
    return segment;
  });
}

interface Shape {
  lengths: readonly (readonly [queries: number, keys: number])[];
  heads?: number;
  kvHeads?: number;
  sizeK?: number;
  sizeV?: number;
  gap?: number;
  scale?: number;
}

function problem(shape: Shape, extra: Partial<Attention> = {}): Attention {
  const { lengths, heads = 2, kvHeads = heads, sizeK = 8, sizeV = sizeK, gap = 0, scale = 1 } = shape;
  const rows = lengths.reduce((sum, [queries]) => sum + queries, 0);
  const keys = lengths.reduce((sum, [, n]) => sum + n, 0);
  const random = new Random(rows * 31 + keys * 7 + sizeK);
  const [qStride, kStride, vStride, outStride] = [heads * sizeK, kvHeads * sizeK, kvHeads * sizeV, heads * sizeV].map(
    (width) => width + gap,
  );
  return {
    q: random.normal(rows * qStride),
    qStride,
    k: random.normal(keys * kStride),
    kStride,
    v: random.normal(keys * vStride),
    vStride,
    rows,
    outStride,
    segments: segmentsOf(lengths, heads),
    heads,
    kvHeads,
    sizeK,
    sizeV,
    scale: Math.fround(scale / Math.sqrt(sizeK)),
    mapSize: lengths.reduce((sum, [queries, n]) => sum + heads * queries * n, 0),
    ...extra,
  };
}

describe.each(BUILDS)('attention, %s', (build) => {
  const raw = new Raw(build);

  function run(p: Attention): { out: Float32Array; maps: Float32Array } {
    const paged = new Paged(raw, p, { page: (i) => [8, 16, 64][i % 3] });
    paged.store();
    return paged.attend();
  }

  /** Against the reference, for every register tile; the tiles must agree to the bit. */
  function check(p: Attention, bound = 2e-6): { out: Float32Array; maps: Float32Array } {
    const expected = attention(p);
    raw.setTile(4, 1);
    const actual = run(p);
    const largest = Array.from(p.v).reduce(
      (max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max),
      0,
    );
    expectWithin(actual.out, expected.out, bound * largest, 'out');
    expectWithin(actual.maps, expected.maps, bound, 'maps');
    for (const rows of [5, 6]) {
      raw.setTile(rows, 1);
      expect(run(p)).toEqual(actual);
    }
    return actual;
  }

  it.each([1, 3, 4, 12, 20, 32, 64, 80])('head size %d', (sizeK) => {
    check(
      problem({
        lengths: [
          [9, 9],
          [3, 3],
        ],
        sizeK,
      }),
    );
    check(problem({ lengths: [[5, 11]], sizeK, sizeV: sizeK + 3, gap: 2 }));
  });

  it.each([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65])('%d keys', (keys) => {
    for (const queries of [1, 2, 7, 8, 9, 17]) check(problem({ lengths: [[queries, keys]], sizeK: 5 }));
  });

  it.each([
    [4, 2],
    [6, 1],
    [6, 3],
    [3, 3],
  ])('%d heads share %d key heads', (heads, kvHeads) => {
    check(
      problem({
        lengths: [
          [6, 6],
          [1, 9],
        ],
        heads,
        kvHeads,
        sizeK: 12,
      }),
    );
  });

  it('ragged: a sequence does not depend on the others', () => {
    const lengths = [
      [1, 1],
      [17, 17],
      [0, 5],
      [8, 20],
      [3, 0],
      [30, 30],
      [1, 50],
    ] as const;
    const all = problem({ lengths, sizeK: 16 });
    const together = check(all);
    all.segments.forEach((segment) => {
      const size = all.heads * segment.queries * segment.keys;
      const alone = run({ ...all, segments: [{ ...segment, map: 0 }], mapSize: size });
      const width = all.outStride;
      expect(alone.out.slice(segment.query * width, (segment.query + segment.queries) * width)).toEqual(
        together.out.slice(segment.query * width, (segment.query + segment.queries) * width),
      );
      expect(alone.maps).toEqual(together.maps.slice(segment.map, segment.map + size));
    });
  });

  it('a query does not depend on how many are asked at once', () => {
    const all = problem({ lengths: [[33, 33]], sizeK: 20 }, { causal: true, mapSize: 0 });
    const together = run(all).out;
    for (const [from, to] of [
      [0, 1],
      [1, 9],
      [9, 20],
      [32, 33],
    ]) {
      // the first keys up to the last of these queries, as a decoder's step sees them
      const step = { ...all, segments: [{ query: from, queries: to - from, key: 0, keys: to, map: 0, mask: 0 }] };
      expect(run(step).out.slice(from * all.outStride, to * all.outStride)).toEqual(
        together.slice(from * all.outStride, to * all.outStride),
      );
    }
  });

  it('causal, with as many, more and fewer keys than queries', () => {
    for (const [queries, keys] of [
      [1, 1],
      [7, 7],
      [8, 8],
      [9, 9],
      [20, 20],
      [1, 30],
      [5, 23],
      [9, 40],
      [12, 5],
      [20, 11],
    ] as const) {
      check(
        problem(
          {
            lengths: [
              [queries, keys],
              [3, 3],
            ],
            sizeK: 12,
          },
          { causal: true },
        ),
      );
    }
  });

  it('masks: per head and query, shared, per sequence', () => {
    const lengths = [
      [9, 13],
      [4, 6],
      [1, 21],
    ] as const;
    for (const perHead of [true, false]) {
      for (const perQuery of [true, false]) {
        const random = new Random(17);
        const query = perQuery ? 21 : 0;
        const head = perHead ? 9 * 21 : 0;
        const size = 2 * 9 * 21;
        const data = random.normal(3 * size).map((value) => (value > 1 ? -Infinity : value));
        // every query keeps one key at least
        for (let i = 0; i < data.length; i += 21) data[i] = 0;
        const segments = segmentsOf(lengths, 2, (i) => i * size);
        check(problem({ lengths }, { segments, mask: { data, head, query } }));
        check(problem({ lengths }, { segments, mask: { data, head, query }, causal: true }));
      }
    }
  });

  it('a query without any key gives zeros', () => {
    const data = new Float32Array(6 * 7).fill(-Infinity);
    data.fill(0, 7, 14);
    const p = problem({ lengths: [[6, 7]] }, { mask: { data, head: 0, query: 7 } });
    const { out, maps } = check(p);
    for (const row of [0, 2, 5])
      expect(out.slice(row * p.outStride, (row + 1) * p.outStride)).toEqual(new Float32Array(p.outStride));
    expect(maps.slice(0, 7)).toEqual(new Float32Array(7));
    expect(maps.slice(7, 14).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  });

  it('a masked key does not change a bit', () => {
    const p = problem({ lengths: [[5, 9]] }, { mapSize: 0 });
    // the last four keys are hidden; without them the sequence has five
    const data = Float32Array.from({ length: 9 }, (_, j) => (j < 5 ? 0 : -Infinity));
    const hidden = run({ ...p, mask: { data, head: 0, query: 0 } });
    expect(hidden).toEqual(run({ ...p, segments: [{ ...p.segments[0], keys: 5 }] }));
  });

  it('huge logits', () => {
    const p = problem({ lengths: [[9, 20]], sizeK: 16, scale: 1 });
    const huge = { ...p, q: Float32Array.from(p.q, (value) => value * 1000) };
    // a score of 3000 is known to 1e-4 only, so its exponential is
    check(huge, 3e-3);
    check({
      ...p,
      scale: 1e30,
      q: Float32Array.from(p.q, (value) => (value < 0 ? 0 : 1)),
      k: Float32Array.from(p.k, () => 1),
    });
  });

  it('a NaN stays in its query', () => {
    const p = problem({ lengths: [[9, 9]] });
    const q = Float32Array.from(p.q);
    q[4 * p.qStride + 3] = NaN;
    check({ ...p, q });
  });

  it('no sequences', () => {
    expect(run(problem({ lengths: [] })).out).toEqual(new Float32Array());
  });

  it('without maps gives the same', () => {
    const p = problem({ lengths: [[17, 17]], sizeK: 32 });
    expect(run({ ...p, mapSize: 0 }).out).toEqual(run(p).out);
  });
});
