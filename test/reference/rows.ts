// f64 references of what works on rows: softmax, norms, reductions, pooling.
import * as R from '../../assembly/abi/records';

type Numbers = ArrayLike<number>;

/** Softmax over the middle of [outer, n, inner]; a row of nothing but -Infinity gives zeros. */
export function softmax(x: Numbers, outer: number, n: number, inner: number): Float64Array {
  const out = new Float64Array(outer * n * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = (k: number) => (o * n + k) * inner + i;
      let max = -Infinity;
      for (let k = 0; k < n; k++) max = Math.max(max, x[at(k)]);
      if (max === -Infinity) continue;
      let sum = 0;
      for (let k = 0; k < n; k++) sum += Math.exp(x[at(k)] - max);
      for (let k = 0; k < n; k++) out[at(k)] = Math.exp(x[at(k)] - max) / sum;
    }
  }
  return out;
}

export interface NormOptions {
  weight?: Numbers;
  bias?: Numbers;
  eps: number;
}

function normalize(
  x: Numbers,
  rows: number,
  d: number,
  { weight, bias, eps }: NormOptions,
  centred: boolean,
): Float64Array {
  const out = new Float64Array(rows * d);
  for (let r = 0; r < rows; r++) {
    let mean = 0;
    if (centred) for (let i = 0; i < d; i++) mean += x[r * d + i] / d;
    let variance = 0;
    for (let i = 0; i < d; i++) variance += (x[r * d + i] - mean) ** 2 / d;
    for (let i = 0; i < d; i++) {
      out[r * d + i] = ((x[r * d + i] - mean) / Math.sqrt(variance + eps)) * (weight?.[i] ?? 1) + (bias?.[i] ?? 0);
    }
  }
  return out;
}

/** torch.nn.LayerNorm over rows of d. */
export function layerNorm(x: Numbers, rows: number, d: number, options: NormOptions): Float64Array {
  return normalize(x, rows, d, options, true);
}

/** torch.nn.RMSNorm over rows of d, with an optional bias. */
export function rmsNorm(x: Numbers, rows: number, d: number, options: NormOptions): Float64Array {
  return normalize(x, rows, d, options, false);
}

/** torch.nn.functional.normalize over rows of d. */
export function l2Normalize(x: Numbers, rows: number, d: number, eps: number): Float64Array {
  const out = new Float64Array(rows * d);
  for (let r = 0; r < rows; r++) {
    let squares = 0;
    for (let i = 0; i < d; i++) squares += x[r * d + i] ** 2;
    for (let i = 0; i < d; i++) out[r * d + i] = x[r * d + i] / Math.max(Math.sqrt(squares), eps);
  }
  return out;
}

function fold(kind: number, values: number[]): number {
  switch (kind) {
    case R.RED_SUM:
      return values.reduce((a, b) => a + b, 0);
    case R.RED_MEAN:
      return values.reduce((a, b) => a + b, 0) / values.length;
    case R.RED_MAX:
      return values.reduce((a, b) => Math.max(a, b));
    case R.RED_MIN:
      return values.reduce((a, b) => Math.min(a, b));
    default:
      throw new Error(`no reduction ${kind}`);
  }
}

/** Reduction (RED_*) over the middle of [outer, n, inner]. */
export function reduce(kind: number, x: Numbers, outer: number, n: number, inner: number): Float64Array {
  const out = new Float64Array(outer * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      out[o * inner + i] = fold(
        kind,
        Array.from({ length: n }, (_, k) => x[(o * n + k) * inner + i]),
      );
    }
  }
  return out;
}

/** Pooling (POOL_*) of segments { first row, rows } of x [tokens, d]. */
export function pool(
  kind: number,
  x: Numbers,
  d: number,
  segments: readonly (readonly [first: number, rows: number])[],
): Float64Array {
  const out = new Float64Array(segments.length * d);
  segments.forEach(([first, rows], s) => {
    for (let i = 0; i < d && rows > 0; i++) {
      const column = Array.from({ length: rows }, (_, r) => x[(first + r) * d + i]);
      const sum = column.reduce((a, b) => a + b, 0);
      if (kind === R.POOL_MEAN) out[s * d + i] = sum / rows;
      else if (kind === R.POOL_MEAN_SQRT) out[s * d + i] = sum / Math.sqrt(rows);
      else if (kind === R.POOL_MAX) out[s * d + i] = fold(R.RED_MAX, column);
      else out[s * d + i] = kind === R.POOL_CLS ? column[0] : column[rows - 1];
    }
  });
  return out;
}

/** Rotary position embedding of x [rows, heads * size]; a row of the table has dim / 2 cosines, then dim / 2 sines. */
export function rotary(
  x: Numbers,
  stride: number,
  table: Numbers,
  {
    rows,
    heads,
    size,
    dim,
    interleaved,
  }: { rows: number; heads: number; size: number; dim: number; interleaved: boolean },
): Float64Array {
  const out = new Float64Array(rows * heads * size);
  for (let row = 0; row < rows; row++) {
    for (let h = 0; h < heads; h++) {
      const [from, to] = [row * stride + h * size, (row * heads + h) * size];
      for (let j = 0; j < size; j++) out[to + j] = x[from + j];
      for (let i = 0; i < dim / 2; i++) {
        const [a, b] = interleaved ? [2 * i, 2 * i + 1] : [i, i + dim / 2];
        const [cos, sin] = [table[row * dim + i], table[row * dim + dim / 2 + i]];
        out[to + a] = x[from + a] * cos - x[from + b] * sin;
        out[to + b] = x[from + b] * cos + x[from + a] * sin;
      }
    }
  }
  return out;
}
