// T5's relative positions (Raffel et al. 2019): a learned bias a head for every bucket of distances, held as a table by distance.
import type { Weight } from '../core/graph';
import type { Init } from './init';
import type { Parameters } from './parameters';

export interface Buckets {
  /** Distances fall into so many buckets: near ones into one each, farther ones into wider and wider ones. */
  readonly count: number;
  /** From this distance on all share the last bucket. */
  readonly maxDistance: number;
  /** Whether keys after the query have buckets of their own; else they share that of distance 0. */
  readonly bidirectional: boolean;
}

const { fround } = Math;

/** The bucket of key - query. In f32, as transformers computes it: where a bucket begins depends on the rounding. */
export function bucketOf(offset: number, { count, maxDistance, bidirectional }: Buckets): number {
  const half = bidirectional ? Math.floor(count / 2) : count;
  const first = bidirectional && offset > 0 ? half : 0;
  const distance = bidirectional ? Math.abs(offset) : Math.max(0, -offset);
  const exact = Math.floor(half / 2);
  if (distance < exact) return first + distance;
  const log = fround(Math.log(fround(distance / exact)));
  const share = fround(fround(log / fround(Math.log(maxDistance / exact))) * (half - exact));
  return first + Math.min(half - 1, exact + Math.trunc(share));
}

/** The biases of an embedding `{name}.weight` [buckets, heads] as attention reads them: [heads, 2 * distance + 1]. Buckets end
 *  at maxDistance, so the table is right for any length. */
export function relativeBias(
  p: Parameters,
  name: string,
  heads: number,
  buckets: Buckets,
  init: Init,
): { table: Weight; distance: number } {
  const distance = buckets.maxDistance;
  const width = 2 * distance + 1;
  const table = p.computed(name, [heads, width], [[`${name}.weight`, [buckets.count, heads], init]], (biases) => {
    const rows = new Float32Array(heads * width);
    for (let i = 0; i < width; i++) {
      const bucket = bucketOf(i - distance, buckets);
      for (let h = 0; h < heads; h++) rows[h * width + i] = biases[bucket * heads + h];
    }
    return rows;
  });
  return { table, distance };
}
