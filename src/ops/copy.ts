// Rearranging: transpose, slices, concat, broadcast. All are one strided copy.
import * as R from '../../assembly/abi/records';
import { countOf, lastDim, type Dim, type Op, type Value } from '../core/graph';
import { check } from './check';

interface CopyAttrs {
  /** Up to 6 dims of the region that is written; only the first may be symbolic. */
  dims: readonly Dim[];
  /** Source strides in elements, 0 to repeat. */
  strides: readonly number[];
  /** Strides of the result. */
  outStrides: readonly number[];
}

const MAX_DIMS = 6;

const copyOp: Op<CopyAttrs> = {
  name: 'copy',
  opcode: R.OP_COPY,
  recordSize: R.CP_SIZE,
  encode(record, { inputs: [x], outputs: [out], attrs }) {
    const pad = MAX_DIMS - attrs.dims.length;
    const [first, ...rest] = [...new Array<Dim>(pad).fill(1), ...attrs.dims];
    record.setAddress(R.CP_X, x);
    record.setAddress(R.CP_OUT, out);
    record.setCell(R.CP_D0, countOf([first]));
    rest.forEach((dim, i) => record.set(R.CP_D1 + 4 * i, dim as number));
    [...new Array<number>(pad).fill(0), ...attrs.strides].forEach((stride, i) => record.set(R.CP_X0 + 4 * i, stride));
    [...new Array<number>(pad).fill(0), ...attrs.outStrides].forEach((stride, i) => record.set(R.CP_OUT0 + 4 * i, stride));
  },
  cost: ({ attrs }, size) => size(countOf(attrs.dims)),
};

/** Row-major strides of contiguous dims; the first dim's size does not matter. */
export function stridesOf(dims: readonly Dim[]): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * (dims[i + 1] as number);
  return strides;
}

/** x itself if its rows lie one after another, else a copy in which they do. */
export function contiguous(x: Value): Value {
  if (x.isContiguous) return x;
  const d = lastDim(x.dims);
  check(x.dims.length === 2, 'contiguous', 'only views of rows [n, d] are strided', x.dims);
  return x.graph.add(copyOp, [x], { dims: x.dims, strides: [x.rowStride, 1], outStrides: [d, 1] }, x.dims);
}

/** Columns [from, to) of the last dim, without a copy. */
export function columns(x: Value, from: number, to: number): Value {
  const d = lastDim(x.dims);
  check(x.dims.length === 2 && from >= 0 && from < to && to <= d, 'columns', `[${from}, ${to}) must lie within the rows`, x.dims);
  return x.graph.view(x, [x.dims[0], to - from], from, x.rowStride);
}

/** The same elements under other dims, without a copy. */
export function reshape(x: Value, dims: readonly Dim[]): Value {
  const [from, to] = [countOf(x.dims), countOf(dims)];
  check(from.symbol === to.symbol && from.factor === to.factor, 'reshape', 'both shapes must have as many elements', x.dims, dims);
  return x.graph.view(contiguous(x), dims);
}
