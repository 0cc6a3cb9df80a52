// f64 references of the activations (ACT_*).
import * as R from '../../assembly/abi/records';

/** erfc by its Taylor series (|x| < 2.5) and its continued fraction: 1e-10 relative. */
function erfc(x: number): number {
  if (x < -2.5) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** The activation of one number. */
export function activation(kind: number, x: number): number {
  switch (kind) {
    case R.ACT_NONE:
      return x;
    case R.ACT_RELU:
      return Math.max(x, 0);
    case R.ACT_GELU:
      // erfc(-x / sqrt 2) keeps its digits for negative x
      return x === -Infinity ? 0 : (x / 2) * erfc(-x * Math.SQRT1_2);
    case R.ACT_GELU_TANH:
      return x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    case R.ACT_SILU:
      return x / (1 + Math.exp(-x));
    case R.ACT_TANH:
      return Math.tanh(x);
    case R.ACT_SIGMOID:
      return 1 / (1 + Math.exp(-x));
    case R.ACT_EXP:
      return Math.exp(x);
    case R.ACT_NEG:
      return -x;
    case R.ACT_SQRT:
      return Math.sqrt(x);
    case R.ACT_ABS:
      return Math.abs(x);
    case R.ACT_QUICK_GELU:
      return x / (1 + Math.exp(-1.702 * x));
    default:
      throw new Error(`no activation ${kind}`);
  }
}
