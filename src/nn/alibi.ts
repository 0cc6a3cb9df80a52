// Attention with linear biases (Press et al. 2022): scores fall with the distance of the key, by a slope of each head.

/** Slopes of the heads: 2^(-8 i / n) for n heads, a power of two; for others the slopes of the power of two below, followed by
 *  every other one of the power above. In f32, as transformers computes them. */
export function alibiSlopes(heads: number): Float32Array {
  const power = 2 ** Math.floor(Math.log2(heads));
  const [base, extra] = [power, 2 * power].map((n) => Math.fround(2 ** -(2 ** -(Math.log2(n) - 3))));
  return Float32Array.from({ length: heads }, (_, i) => (i < power ? base ** (i + 1) : extra ** (2 * (i - power) + 1)));
}
