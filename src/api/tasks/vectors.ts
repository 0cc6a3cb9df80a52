// Embeddings that a caller holds: float, or quantised as `embed` gives them. Checked, and read as rows of floats.
import { WasmformerError } from '../../errors';
import { Tensor, type TensorData } from '../tensor';

/** What embeddings are held as: floats; a level of 0 to 255 in the range of each dimension (int8: less 128); or a sign for
 *  each dimension, packed eight to a byte, the first in the highest bit (binary: the byte less 128). */
export type Precision = 'float32' | 'int8' | 'uint8' | 'binary' | 'ubinary';

export const PRECISIONS: readonly Precision[] = ['float32', 'int8', 'uint8', 'binary', 'ubinary'];

/** Embeddings: a tensor [n, d], n arrays of d numbers; a tensor [d] or d numbers are one embedding. */
export type Vectors = Tensor | ArrayLike<number> | readonly ArrayLike<number>[];

/** The least and the greatest value of each dimension: a tensor [2, d] or two arrays of d numbers. */
export type Ranges = Tensor | readonly [starts: ArrayLike<number>, ends: ArrayLike<number>];

/** Rows of numbers, or of packed signs. */
export interface Matrix {
  readonly data: TensorData;
  readonly rows: number;
  /** Numbers stored for a row: a byte of packed signs counts as one. */
  readonly columns: number;
  /** Whether it was given as one row without a batch. */
  readonly single: boolean;
}

/** The levels of quantised dimensions: level i begins at `starts[j] + i * steps[j]`. Float32, as sentence-transformers computes. */
export interface Levels {
  readonly starts: Float32Array;
  readonly steps: Float32Array;
}

function wrongShape(message: string): never {
  throw new WasmformerError('INVALID_SHAPE', message);
}

function invalid(message: string): never {
  throw new WasmformerError('INVALID_ARGUMENT', message);
}

const isRow = (value: unknown): value is ArrayLike<number> =>
  (Array.isArray(value) && value.every((item) => typeof item === 'number')) ||
  (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** Throws INVALID_ARGUMENT, INVALID_SHAPE. */
export function matrixOf(value: Vectors, name: string): Matrix {
  if (value instanceof Tensor) {
    const { data, dims } = value;
    if (dims.length < 1 || dims.length > 2)
      wrongShape(`${name} must have the dims [n, d], but has [${dims.join(', ')}]`);
    if (data instanceof BigInt64Array) invalid(`${name} must not be a tensor of type ${value.type}`);
    return { data, rows: dims.length === 1 ? 1 : dims[0], columns: dims[dims.length - 1], single: dims.length === 1 };
  }
  const single = isRow(value) && (!Array.isArray(value) || value.length > 0);
  const rows = single ? [value] : (value as readonly ArrayLike<number>[]);
  if (!Array.isArray(rows) || !rows.every(isRow))
    invalid(`${name} must be embeddings: a Tensor [n, d], or n arrays of d numbers`);
  const columns = rows.length === 0 ? 0 : rows[0].length;
  const data = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    if (row.length !== columns) wrongShape(`${name} has embeddings of ${columns} and of ${row.length} dimensions`);
    data.set(row, i * columns);
  });
  return { data, rows: rows.length, columns, single };
}

/** The levels of ranges. Throws INVALID_SHAPE, INVALID_ARGUMENT. */
export function levelsOf(ranges: Ranges, dimensions: number): Levels {
  const { data, rows, columns } = matrixOf(ranges, 'ranges');
  if (rows !== 2 || columns !== dimensions)
    wrongShape(`ranges must be [2, ${dimensions}], the least and greatest values, but is [${rows}, ${columns}]`);
  const both = Float32Array.from(data as Float32Array);
  return stepsOf(both.slice(0, dimensions), both.subarray(dimensions));
}

/** 256 levels between two values of each dimension. Throws INVALID_ARGUMENT unless the first is the lower one. */
export function stepsOf(starts: Float32Array, ends: Float32Array): Levels {
  const steps = ends.map((end, i) => {
    if (!(end >= starts[i])) invalid(`the range of dimension ${i} is from ${starts[i]} to ${end}`);
    return Math.fround(Math.fround(end - starts[i]) / 255) || 1;
  });
  return { starts, steps };
}

/** Reads rows as floats. */
export type RowReader = (from: number, to: number) => Float32Array;

/** How a matrix is read that is compared with another one.
 *  @param width dimensions of an embedding: more than the matrix has columns means packed signs
 *  @param levels what the levels of a quantised matrix stand for; without them they are read as the numbers they are */
export function readerOf({ data, columns }: Matrix, width: number, levels: Levels | null): RowReader {
  const isQuantised = data instanceof Int8Array || data instanceof Uint8Array;
  const lowest = data instanceof Int8Array ? -128 : 0;
  if (width !== columns) {
    return (from, to) => {
      const rows = new Float32Array((to - from) * width);
      for (let row = from, at = 0; row < to; row++)
        for (let i = 0; i < width; i++)
          rows[at++] = ((Number(data[row * columns + (i >> 3)]) - lowest) << (i & 7)) & 0x80 ? 1 : -1;
      return rows;
    };
  }
  if (isQuantised && levels) {
    const { starts, steps } = levels;
    return (from, to) => {
      const rows = new Float32Array((to - from) * width);
      for (let row = from, at = 0; row < to; row++)
        for (let i = 0; i < width; i++, at++)
          rows[at] = starts[i] + (data[row * columns + i] - lowest + 0.5) * steps[i];
      return rows;
    };
  }
  if (data instanceof Float32Array) return (from, to) => data.subarray(from * columns, to * columns);
  return (from, to) => Float32Array.from(data.subarray(from * columns, to * columns) as Int8Array);
}
