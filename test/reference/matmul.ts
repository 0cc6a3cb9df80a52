// f64 reference of the matrix product with its epilogue.
import { activation } from './activations';

type Numbers = ArrayLike<number>;

export interface Product {
  m: number;
  n: number;
  k: number;
  /** [m, k] */
  a: Numbers;
  /** The weight [n, k]: row n is an output column. */
  weight: Numbers;
  /** [n] */
  bias?: Numbers;
  /** ACT_* */
  act?: number;
  /** [m, n] */
  residual?: Numbers;
}

/** act(a weight^T + bias) + residual, and for each element the sum of the sizes of what was added. */
export function matmul({ m, n, k, a, weight, bias, act = 0, residual }: Product): {
  out: Float64Array;
  sizes: Float64Array;
} {
  const out = new Float64Array(m * n);
  const sizes = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = bias?.[j] ?? 0;
      let size = Math.abs(sum);
      for (let l = 0; l < k; l++) {
        const term = a[i * k + l] * weight[j * k + l];
        sum += term;
        size += Math.abs(term);
      }
      const extra = residual?.[i * n + j] ?? 0;
      out[i * n + j] = activation(act, sum) + extra;
      sizes[i * n + j] = size + Math.abs(extra);
    }
  }
  return { out, sizes };
}
