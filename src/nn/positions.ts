// Positions of the original Transformer: "Attention is all you need", 3.5.

/** Rows of sines in the even columns and cosines in the odd ones, wavelengths from 2 pi to 10000 * 2 pi: [rows, d]. */
export function sinusoids(rows: number, d: number): Float32Array {
  const out = new Float32Array(rows * d);
  const frequencies = Float64Array.from({ length: Math.ceil(d / 2) }, (_, i) => 10000 ** ((-2 * i) / d));
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < d; i++) {
      const angle = row * frequencies[i >> 1];
      out[row * d + i] = i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return out;
}
