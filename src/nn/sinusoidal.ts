// Tables of sinusoidal positions: sines and cosines by turns, as in "Attention is all you need"; or the sines in the first half of
// a row and the cosines in the second, as two families of models have them: transformers' MarianSinusoidalPositionalEmbedding,
// and fairseq's (M2M100SinusoidalPositionalEmbedding).

/** Fills [rows, d]: sin(angle) of the first `sines` columns, cos(angle) behind them; what is left of a row stays zero. */
function table(
  rows: number,
  d: number,
  sines: number,
  cosines: number,
  angle: (row: number, i: number) => number,
): Float32Array {
  const out = new Float32Array(rows * d);
  for (let row = 0; row < rows; row++) {
    const at = row * d;
    for (let i = 0; i < sines; i++) out[at + i] = Math.sin(angle(row, i));
    for (let i = 0; i < cosines; i++) out[at + sines + i] = Math.cos(angle(row, i));
  }
  return out;
}

/** Marian and Pegasus: wavelengths from 2 pi in powers of 10000^(2 / d). */
export function sinusoidalHalves(rows: number, d: number): Float32Array {
  const sines = Math.ceil(d / 2);
  const divisors = Array.from({ length: sines }, (_, i) => 10000 ** ((2 * i) / d));
  return table(rows, d, sines, d - sines, (row, i) => row / divisors[i]);
}

/** fairseq: wavelengths from 2 pi to 10000 * 2 pi. The angles are rounded as PyTorch does in f32, since far positions show it. */
export function sinusoidalFairseq(rows: number, d: number): Float32Array {
  const { fround } = Math;
  const half = Math.floor(d / 2);
  const step = fround(-Math.log(10000) / (half - 1));
  const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp(fround(i * step)));
  return table(rows, d, half, half, (row, i) => fround(row * frequencies[i]));
}

/** The original Transformer, 3.5: sines in the even columns and cosines in the odd ones, wavelengths from 2 pi in powers of 10000^(2 / d). */
export function sinusoidalInterleaved(rows: number, d: number): Float32Array {
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
