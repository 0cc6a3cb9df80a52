// Embeddings made smaller, as sentence-transformers does: fewer dimensions, levels of a byte, or signs.
import { WasmformerError } from '../../errors';
import { Tensor } from '../tensor';
import { checkCount } from './scores';
import { levelsOf, PRECISIONS, stepsOf, type Levels, type Precision, type Ranges } from './vectors';

export interface QuantizeOptions {
  /** Keep so many dimensions, the first ones: for models that were trained for it (Matryoshka). The embeddings are cut behind the
   *  folder's own Normalize; with `normalize: true` what is left is scaled to length 1. Default: all. */
  dimensions?: number;
  /** What the embeddings become: 'int8' and 'uint8' one byte a dimension, 'binary' (int8) and 'ubinary' (uint8) one bit,
   *  [n, d / 8]. Default 'float32'. */
  precision?: Precision;
  /** For int8 and uint8: the least and greatest value of each dimension, [2, d], taken from many embeddings of the same kind.
   *  Default: those of the call's own, which must be two at least. */
  ranges?: Ranges;
}

type Quantized = Tensor<Float32Array> | Tensor<Int8Array> | Tensor<Uint8Array>;

/** What is to be done with embeddings of d dimensions. Throws INVALID_ARGUMENT, INVALID_SHAPE before anything is computed. */
export function quantizer(
  { dimensions, precision = 'float32', ranges }: QuantizeOptions,
  rescale: boolean,
  d: number,
): (embeddings: Tensor<Float32Array>) => Quantized {
  if (dimensions !== undefined) checkCount('dimensions', dimensions);
  if (!PRECISIONS.includes(precision)) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `precision must be one of ${PRECISIONS.join(', ')}, not ${JSON.stringify(precision)}`,
    );
  }
  const kept = Math.min(dimensions ?? d, d);
  const levels = ranges && levelsOf(ranges, kept);
  return (embeddings) => quantize(cut(embeddings, kept, rescale), precision, levels);
}

/** The first dimensions of every embedding. */
function cut({ data, dims }: Tensor<Float32Array>, kept: number, rescale: boolean): Tensor<Float32Array> {
  const [n, d] = dims;
  const out = new Float32Array(n * kept);
  for (let row = 0; row < n; row++) {
    const values = data.subarray(row * d, row * d + kept);
    const length = rescale ? Math.max(1e-12, Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))) : 1;
    out.set(
      values.map((value) => value / length),
      row * kept,
    );
  }
  return new Tensor(out, [n, kept]);
}

function quantize(embeddings: Tensor<Float32Array>, precision: Precision, given?: Levels): Quantized {
  if (precision === 'float32') return embeddings;
  const { data, dims } = embeddings;
  const [n, d] = dims;
  const isSigned = !precision.startsWith('u');
  const wrap = (bytes: Uint8Array, columns: number): Quantized =>
    isSigned
      ? new Tensor(
          Int8Array.from(bytes, (byte) => byte - 128),
          [n, columns],
        )
      : new Tensor(bytes, [n, columns]);
  if (precision.endsWith('binary')) return wrap(packed(data, d), Math.ceil(d / 8));
  const { starts, steps } = given ?? calibrated(data, d);
  const level = (value: number, i: number): number =>
    Math.floor(Math.fround(Math.fround(value - starts[i % d]) / steps[i % d]));
  return wrap(
    Uint8Array.from(data, (value, i) => Math.min(255, Math.max(0, level(value, i)))),
    d,
  );
}

/** A bit for every dimension, set where the value is above 0; the first is the highest of its byte. */
function packed(data: Float32Array, d: number): Uint8Array {
  const columns = Math.ceil(d / 8);
  const bytes = new Uint8Array((data.length / d) * columns);
  data.forEach((value, i) => {
    const column = i % d;
    if (value > 0) bytes[Math.floor(i / d) * columns + (column >> 3)] |= 0x80 >> (column & 7);
  });
  return bytes;
}

/** The ranges of the embeddings themselves. */
function calibrated(data: Float32Array, d: number): Levels {
  if (data.length < 2 * d) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      'one embedding has no ranges to take levels from: pass ranges, [2, d], of many embeddings',
    );
  }
  const starts = data.slice(0, d);
  const ends = data.slice(0, d);
  data.forEach((value, i) => {
    starts[i % d] = Math.min(starts[i % d], value);
    ends[i % d] = Math.max(ends[i % d], value);
  });
  return stepsOf(starts, ends);
}
