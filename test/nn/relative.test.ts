// T5's buckets of distances against transformers' T5Attention._relative_position_bucket.
import { describe, expect, it } from 'vitest';
import { Parameters } from '../../src/nn/parameters';
import { ZEROS } from '../../src/nn/init';
import { bucketOf, relativeBias, type Buckets } from '../../src/nn/relative';

type Starts = readonly (readonly [distance: number, bucket: number])[];

/** Distances from which on a bucket counts, of keys before the query and after it. */
const CASES: readonly [Buckets, before: Starts, after: Starts][] = [
  [
    { count: 32, maxDistance: 128, bidirectional: true },
    [...upTo(8), [8, 8], [12, 9], [16, 10], [23, 11], [32, 12], [46, 13], [64, 14], [91, 15]],
    [
      [0, 0],
      ...upTo(8, 16).slice(1),
      ...([
        [8, 24],
        [12, 25],
        [16, 26],
        [23, 27],
        [32, 28],
        [46, 29],
        [64, 30],
        [91, 31],
      ] as const),
    ],
  ],
  [
    { count: 32, maxDistance: 128, bidirectional: false },
    [
      ...upTo(17),
      ...([
        [19, 17],
        [21, 18],
        [24, 19],
        [27, 20],
        [31, 21],
        [35, 22],
        [40, 23],
        [46, 24],
        [52, 25],
        [59, 26],
        [67, 27],
        [77, 28],
        [87, 29],
        [99, 30],
        [113, 31],
      ] as const),
    ],
    [[0, 0]],
  ],
  [{ count: 8, maxDistance: 10, bidirectional: true }, [...upTo(3), [5, 3]], [[0, 0], ...upTo(3, 4).slice(1), [5, 7]]],
  [{ count: 12, maxDistance: 10, bidirectional: false }, [...upTo(8), [8, 9], [9, 10], [10, 11]], [[0, 0]]],
  [
    { count: 10, maxDistance: 100, bidirectional: true },
    [...upTo(3), [8, 3], [28, 4]],
    [
      [0, 0],
      [1, 6],
      [2, 7],
      [8, 8],
      [28, 9],
    ],
  ],
];

/** The first distances have a bucket each. */
function upTo(n: number, first = 0): [number, number][] {
  return Array.from({ length: n }, (_, i) => [i, first + i]);
}

function bucketAt(starts: Starts, distance: number): number {
  return starts.findLast(([from]) => from <= distance)![1];
}

describe.each(CASES)('%o', (buckets, before, after) => {
  it('buckets are those of transformers, at any distance', () => {
    for (let distance = 0; distance < buckets.maxDistance + 40; distance++) {
      expect(bucketOf(-distance, buckets), `${-distance}`).toBe(bucketAt(before, distance));
      expect(bucketOf(distance, buckets), `${distance}`).toBe(bucketAt(after, distance));
    }
  });

  it('a table by distance has the biases of every head', () => {
    const p = new Parameters(() => true);
    const { table, distance } = relativeBias(p, 'bias', 2, buckets, ZEROS);
    const width = 2 * distance + 1;
    expect(table.dims).toEqual([2, width]);
    const biases = Float32Array.from({ length: 2 * buckets.count }, (_, i) => i);
    const rows = p.declarations[0].compute!(biases);
    for (const head of [0, 1]) {
      for (let offset = -distance; offset <= distance; offset++) {
        const bucket = bucketAt(offset < 0 ? before : after, Math.abs(offset));
        expect(rows[head * width + offset + distance]).toBe(2 * bucket + head);
      }
    }
  });
});
