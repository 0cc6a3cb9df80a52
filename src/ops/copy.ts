// The strided copy, and the views that need one only where rows do not lie together.
import * as R from '../../assembly/abi/records';
import { countOf, lastDim, type Dim, type Op, type Value } from '../core/graph';
import { check } from './check';
import { padDims } from './strides';

interface CopyAttrs {
  /** Up to 6 dims of the region that is written; only the first may be symbolic. */
  dims: readonly Dim[];
  /** Source strides in elements: 0 repeats, negative ones run backwards. */
  strides: readonly number[];
  /** Strides of the result. */
  outStrides: readonly number[];
  /** Element of x where it starts. */
  from: number;
}

export const MAX_DIMS = 6;

export const copyOp: Op<CopyAttrs> = {
  name: 'copy',
  opcode: R.OP_COPY,
  recordSize: R.CP_SIZE,
  encode(record, { inputs: [x], outputs: [out], attrs }) {
    const { dims, strides } = padDims(attrs.dims, [attrs.strides, attrs.outStrides], MAX_DIMS);
    // the order of all but the last dim is free: the one along which x has neighbours comes where the kernel looks for a transpose
    const first = typeof dims[0] === 'number' ? 0 : 1;
    const across = strides[0].indexOf(1, first);
    if (across >= 0 && across < 5)
      for (const list of [dims, ...strides]) list.splice(first, 0, ...list.splice(across, 1));
    const [outer, ...rest] = dims;
    record.setAddress(R.CP_X, x, attrs.from);
    record.setAddress(R.CP_OUT, out);
    record.setCell(R.CP_D0, countOf([outer]));
    rest.forEach((dim, i) => record.set(R.CP_D1 + 4 * i, dim as number));
    strides[0].forEach((stride, i) => record.set(R.CP_X0 + 4 * i, stride));
    strides[1].forEach((stride, i) => record.set(R.CP_OUT0 + 4 * i, stride));
  },
  cost: ({ attrs }, size) => size(countOf(attrs.dims)),
};

/** x itself if its rows lie one after another, else a copy in which they do. */
export function contiguous(x: Value): Value {
  if (x.isContiguous) return x;
  const d = lastDim(x.dims);
  check(x.dims.length === 2, 'contiguous', 'only views of rows [n, d] are strided', x.dims);
  return x.graph.add(copyOp, [x], { dims: x.dims, strides: [x.rowStride, 1], outStrides: [d, 1], from: 0 }, x.dims);
}

/** Columns [from, to) of the last dim, without a copy. */
export function columns(x: Value, from: number, to: number): Value {
  const d = lastDim(x.dims);
  check(
    x.dims.length === 2 && from >= 0 && from < to && to <= d,
    'columns',
    `[${from}, ${to}) must lie within the rows`,
    x.dims,
  );
  return x.graph.view(x, [x.dims[0], to - from], from, x.rowStride);
}

/** The same elements under other dims, without a copy. */
export function reshape(x: Value, dims: readonly Dim[]): Value {
  const [from, to] = [countOf(x.dims), countOf(dims)];
  check(
    from.symbol === to.symbol && from.factor === to.factor,
    'reshape',
    'both shapes must have as many elements',
    x.dims,
    dims,
  );
  return x.graph.view(contiguous(x), dims);
}
