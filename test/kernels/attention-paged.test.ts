// Attention over pages: storage, biases by position, windows, groups, and that no split of a sequence changes a bit.
import { describe, expect, it } from 'vitest';
import { attention, type Attention } from '../reference/attention';
import { expectWithin, Random } from '../support/numbers';
import { Paged } from '../support/paged';
import { BUILDS, firstDifference, Raw } from '../support/raw';

type Lengths = readonly (readonly [queries: number, keys: number])[];

/** Sequences whose queries are the last of their keys; rows of q, k and v lie in one wider row, as a joint projection gives them. */
function problem(
  lengths: Lengths,
  shape: { kvHeads: number; group: number; sizeK: number; sizeV?: number },
  extra: Partial<Attention> = {},
): Attention {
  const { kvHeads, group, sizeK, sizeV = sizeK } = shape;
  const heads = kvHeads * group;
  const [rows, keys] = [0, 1].map((i) => lengths.reduce((sum, length) => sum + length[i], 0));
  const random = new Random(rows * 31 + keys * 7 + sizeK + group);
  let [query, key, map] = [0, 0, 0];
  const segments = lengths.map(([n, m]) => {
    const segment = { query, queries: n, key, keys: m, map, mask: 0 };
    query += n;
    key += m;
    map += heads * n * m;
    return segment;
  });
  const [qStride, kStride, vStride] = [heads * sizeK + 3, kvHeads * sizeK + 1, kvHeads * sizeV + 2];
  return {
    q: random.normal(rows * qStride),
    qStride,
    k: random.normal(keys * kStride),
    kStride,
    v: random.normal(keys * vStride),
    vStride,
    rows,
    outStride: heads * sizeV,
    segments,
    heads,
    kvHeads,
    sizeK,
    sizeV,
    scale: Math.fround(1 / Math.sqrt(sizeK)),
    mapSize: map,
    ...extra,
  };
}

const LENGTHS: Lengths = [
  [13, 13],
  [1, 70],
  [3, 131],
];

describe.each(BUILDS)('paged attention, %s', (build) => {
  const raw = new Raw(build);

  /** Against the reference, for pages of several sizes and every register tile; all must agree to the bit. */
  function check(p: Attention, bound = 2e-6): void {
    const expected = attention(p);
    const largest = Array.from(p.v).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    let first: { out: Float32Array; maps: Float32Array } | undefined;
    for (const page of [8, 64, 136]) {
      for (const [rows, panels] of [
        [4, 1],
        [5, 1],
        [6, 2],
      ]) {
        raw.setTile(rows, panels);
        const paged = new Paged(raw, p, { page: () => page });
        paged.store();
        const actual = paged.attend();
        if (first) {
          expect(firstDifference(actual.out, first.out)).toBe(-1);
          expect(firstDifference(actual.maps, first.maps)).toBe(-1);
        } else {
          expectWithin(actual.out, expected.out, bound * largest, 'out');
          expectWithin(actual.maps, expected.maps, bound, 'maps');
          first = actual;
        }
      }
    }
  }

  it('stores keys as [token / 8][size][8] and values as [column / 8][token][8]', () => {
    const p = problem(
      [
        [0, 19],
        [0, 8],
      ],
      { kvHeads: 3, group: 1, sizeK: 5, sizeV: 11 },
    );
    const layers = 2;
    const paged = new Paged(raw, p, { page: (i) => [16, 8][i], layers });
    const expected = new Float32Array(paged.pool.length).fill(NaN);
    const used = new Set<number>();
    p.segments.forEach(({ key, keys }, i) => {
      for (let t = 0; t < keys; t++) {
        const { tokens, at } = paged.pages[i][Math.floor(t / paged.pages[i][0].tokens)];
        const slot = t % tokens;
        for (let h = 0; h < 3; h++) {
          // the second layer of the page
          const head = at + tokens * 3 * (5 + 16) + h * tokens * (5 + 16);
          for (let d = 0; d < 5; d++) {
            const place = head + Math.floor(slot / 8) * 40 + d * 8 + (slot % 8);
            used.add(place);
            expected[place] = p.k[(key + t) * p.kStride + h * 5 + d];
          }
          for (let d = 0; d < 11; d++) {
            const place = head + tokens * 5 + Math.floor(d / 8) * tokens * 8 + slot * 8 + (d % 8);
            used.add(place);
            expected[place] = p.v[(key + t) * p.vStride + h * 11 + d];
          }
        }
      }
    });
    const compare = (pool: Float32Array): void => {
      const places = [...used];
      expect(places.map((place) => pool[place])).toEqual(places.map((place) => expected[place]));
    };
    const whole = paged.store();
    compare(whole);
    // the other layer is untouched
    paged.pages.flat().forEach(({ tokens, at }) => {
      expect(whole.subarray(at, at + tokens * 3 * (5 + 16)).every(Number.isNaN)).toBe(true);
    });
    for (const cuts of [
      [0, 1, 2, 3, 7, 9, 16, 17, 19],
      [0, 8, 11, 19],
      [0, 5, 19],
    ]) {
      const again = new Paged(raw, p, { page: (i) => [16, 8][i], layers });
      raw.poison(again.pool);
      cuts.slice(1).forEach((to, i) => again.storePart(cuts[i], to, 1 + (i % 3)));
      compare(raw.read(again.pool));
    }
  });

  it.each([8, 12, 20, 64, 80])('head size %d', (sizeK) => {
    check(problem(LENGTHS, { kvHeads: 2, group: 1, sizeK }, { causal: true }));
    check(problem(LENGTHS, { kvHeads: 1, group: 2, sizeK, sizeV: sizeK - 3 }));
  });

  it.each([1, 2, 3, 4, 7])('groups of %d heads', (group) => {
    check(problem(LENGTHS, { kvHeads: 2, group, sizeK: 12 }, { causal: true }));
    check(problem(LENGTHS, { kvHeads: 3, group, sizeK: 8 }));
    check(
      problem(
        [
          [1, 129],
          [1, 63],
          [1, 1],
        ],
        { kvHeads: 2, group, sizeK: 64 },
        { causal: true },
      ),
    );
  });

  it.each([1, 5, 8, 9, 64, 1000])('a window of %d keys', (window) => {
    check(problem(LENGTHS, { kvHeads: 2, group: 3, sizeK: 8 }, { causal: true, window }));
    check(problem([[50, 150]], { kvHeads: 1, group: 1, sizeK: 8 }, { causal: true, window }));
    check(problem([[9, 4]], { kvHeads: 1, group: 2, sizeK: 8 }, { causal: true, window }));
  });

  it('slopes', () => {
    const slopes = Float32Array.of(0.5, 0.25, 0.125, 0.0625, 0, -0.01);
    // a score of up to 65 is known to 4e-6 only
    check(problem(LENGTHS, { kvHeads: 3, group: 2, sizeK: 8 }, { causal: true, slopes }), 2e-5);
    check(problem(LENGTHS, { kvHeads: 2, group: 3, sizeK: 8 }, { slopes }), 2e-5);
  });

  it.each([0, 1, 4, 40, 200])('relative biases up to a distance of %d', (distance) => {
    const table = new Random(distance + 1).normal(6 * (2 * distance + 1));
    check(problem(LENGTHS, { kvHeads: 3, group: 2, sizeK: 8 }, { relative: { table, distance } }));
    check(problem(LENGTHS, { kvHeads: 2, group: 3, sizeK: 8 }, { causal: true, relative: { table, distance } }));
    // more queries than keys
    check(problem([[30, 11]], { kvHeads: 6, group: 1, sizeK: 8 }, { relative: { table, distance } }));
  });

  it('mask, slopes, relative biases and a window together', () => {
    const random = new Random(5);
    const data = random.normal(6 * 13 * 131).map((value) => (value > 1 ? -Infinity : value));
    check(
      problem(
        LENGTHS,
        { kvHeads: 3, group: 2, sizeK: 20 },
        {
          causal: true,
          window: 40,
          slopes: random.normal(6, 0.1),
          relative: { table: random.normal(6 * 41), distance: 20 },
          mask: { data, head: 13 * 131, query: 131 },
        },
      ),
      2e-5,
    );
  });

  it('long contexts', () => {
    const p = problem([[40, 4100]], { kvHeads: 1, group: 1, sizeK: 8 }, { causal: true, mapSize: 0 });
    const expected = attention(p);
    raw.setTile(4, 1);
    const paged = new Paged(raw, p, { page: () => 64 });
    paged.store();
    expectWithin(paged.attend().out, expected.out, 4e-6, 'out');
  });

  it.each([
    ['one head', { kvHeads: 1, group: 1, sizeK: 12 }, {}],
    ['groups', { kvHeads: 2, group: 3, sizeK: 8, sizeV: 20 }, {}],
    ['a group larger than a tile', { kvHeads: 1, group: 7, sizeK: 64 }, {}],
    ['a window', { kvHeads: 2, group: 2, sizeK: 8 }, { window: 21 }],
    ['slopes', { kvHeads: 2, group: 2, sizeK: 8 }, { slopes: Float32Array.of(0.5, 0.2, 0.1, 0.01) }],
    [
      'relative biases',
      { kvHeads: 1, group: 2, sizeK: 8 },
      { relative: { table: new Random(3).normal(2 * 19), distance: 9 } },
    ],
  ])('any split of the tokens gives the same bits: %s', (_, shape, extra) => {
    const lengths: Lengths = [
      [83, 83],
      [29, 29],
    ];
    const p = problem(lengths, shape, { causal: true, mapSize: 0, ...extra });
    raw.setTile(4, 1);
    const whole = new Paged(raw, p, { page: () => 16 });
    whole.store();
    const { out } = whole.attend();
    expectWithin(out, attention(p).out, 2e-5, 'out');
    const singles = Array.from({ length: 84 }, (_, i) => i);
    const splits = [singles, [0, 1, 9, 16, 17, 48, 83], [0, 50, 51, 83], [0, 15, 31, 33, 66, 83]];
    splits.forEach((cuts, split) => {
      raw.setTile(4 + (split % 3), 1 + (split % 2));
      for (const page of [8, 16, 64]) {
        const paged = new Paged(raw, p, { page: () => page });
        raw.poison(paged.pool);
        const result = new Float32Array(out.length).fill(NaN);
        cuts.slice(1).forEach((to, i) => {
          const parts = 1 + (i % 3);
          paged.storePart(cuts[i], to, parts);
          paged.attendPart(cuts[i], to, parts).forEach((value, at) => {
            if (!Number.isNaN(value)) result[at] = value;
          });
        });
        expect(firstDifference(result, out)).toBe(-1);
      }
    });
  });
});
