// f64 reference of attention over a ragged batch.

type Numbers = ArrayLike<number>;

/** One sequence: its query and key rows, where its maps and its mask start. */
export interface Segment {
  query: number;
  queries: number;
  key: number;
  keys: number;
  map: number;
  mask: number;
}

export interface Attention {
  q: Numbers;
  qStride: number;
  k: Numbers;
  kStride: number;
  v: Numbers;
  vStride: number;
  /** Rows of out, and their stride. */
  rows: number;
  outStride: number;
  segments: readonly Segment[];
  heads: number;
  kvHeads: number;
  sizeK: number;
  sizeV: number;
  scale: number;
  causal?: boolean;
  /** Of the keys that causal leaves, only the last so many. */
  window?: number;
  /** [heads]: slope * index of the key is added. */
  slopes?: Numbers;
  /** [heads][2 * distance + 1]: added by the clamped distance from the query to the key. */
  relative?: { table: Numbers; distance: number };
  mask?: { data: Numbers; head: number; query: number };
  /** Elements of all maps. */
  mapSize?: number;
}

/** softmax(scale q k^T + biases) v. A query that sees no key gives zeros. Rows of no sequence stay NaN. */
export function attention(problem: Attention): { out: Float64Array; maps: Float64Array } {
  const { q, k, v, segments, heads, kvHeads, sizeK, sizeV, scale, causal, window, mask } = problem;
  const { slopes, relative } = problem;
  const out = new Float64Array(problem.rows * problem.outStride).fill(NaN);
  const maps = new Float64Array(problem.mapSize ?? 0);
  for (const segment of segments) {
    for (let h = 0; h < heads; h++) {
      const kv = Math.floor(h / (heads / kvHeads));
      for (let i = 0; i < segment.queries; i++) {
        const scores = Array.from({ length: segment.keys }, (_, j) => {
          const position = segment.keys - segment.queries + i;
          if (causal && j > position) return -Infinity;
          if (window !== undefined && j <= position - window) return -Infinity;
          let dot = 0;
          for (let l = 0; l < sizeK; l++) {
            dot +=
              q[(segment.query + i) * problem.qStride + h * sizeK + l] *
              k[(segment.key + j) * problem.kStride + kv * sizeK + l];
          }
          let score = scale * dot;
          if (mask) score += mask.data[segment.mask + h * mask.head + i * mask.query + j];
          if (slopes) score += slopes[h] * j;
          if (relative) {
            const { table, distance } = relative;
            score += table[h * (2 * distance + 1) + Math.max(-distance, Math.min(distance, j - position)) + distance];
          }
          return score;
        });
        const max = scores.reduce((a, b) => Math.max(a, b), -Infinity);
        const weights = scores.map((score) => (max === -Infinity ? 0 : Math.exp(score - max)));
        const sum = weights.reduce((a, b) => a + b, 0);
        const at = (segment.query + i) * problem.outStride + h * sizeV;
        out.fill(0, at, at + sizeV);
        weights.forEach((weight, j) => {
          const p = sum > 0 || Number.isNaN(sum) ? weight / sum : 0;
          if (problem.mapSize) maps[segment.map + (h * segment.queries + i) * segment.keys + j] = p;
          // a hidden key's value may be anything
          if (p !== 0)
            for (let l = 0; l < sizeV; l++) out[at + l] += p * v[(segment.key + j) * problem.vStride + kv * sizeV + l];
        });
      }
    }
  }
  return { out, maps };
}
