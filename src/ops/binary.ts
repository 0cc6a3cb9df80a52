// Elementwise arithmetic of two operands with numpy's broadcasting.
import * as R from '../../assembly/abi/records';
import { countOf, type Dim, type Op, type Operand, type Value } from '../core/graph';
import { check } from './check';
import { contiguous } from './copy';
import { broadcastTo } from './rearrange';
import { broadcastDims, broadcastStrides, collapse, padDims } from './strides';

const KINDS = {
  add: R.BIN_ADD,
  sub: R.BIN_SUB,
  mul: R.BIN_MUL,
  div: R.BIN_DIV,
  maximum: R.BIN_MAX,
  minimum: R.BIN_MIN,
} as const;

export type Arithmetic = keyof typeof KINDS;

interface BinaryAttrs {
  kind: Arithmetic;
  /** Up to 4 dims; only the first may be symbolic. */
  dims: readonly Dim[];
  /** Strides of a and b in elements, 0 to repeat. */
  strides: readonly (readonly number[])[];
}

const MAX_DIMS = 4;

const binaryOp: Op<BinaryAttrs> = {
  name: 'binary',
  opcode: R.OP_BINARY,
  recordSize: R.BI_SIZE,
  encode(record, { inputs: [a, b], outputs: [out], attrs }) {
    const { dims, strides } = padDims(attrs.dims, attrs.strides, MAX_DIMS);
    const [first, ...rest] = dims;
    record.setAddress(R.BI_A, a);
    record.setAddress(R.BI_B, b);
    record.setAddress(R.BI_OUT, out);
    record.set(R.BI_KIND, KINDS[attrs.kind]);
    record.setCell(R.BI_D0, countOf([first]));
    rest.forEach((dim, i) => record.set(R.BI_D1 + 4 * i, dim as number));
    strides[0].forEach((stride, i) => record.set(R.BI_A0 + 4 * i, stride));
    strides[1].forEach((stride, i) => record.set(R.BI_B0 + 4 * i, stride));
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)) * 0.4,
};

/** a op b, elementwise; b may be a weight of plain rows. Shapes that leave more than 4 dims to step through are spread out by a copy first (up to 6 dims).
 *  maximum and minimum are NaN where an operand is, as numpy's. */
export function binary(a: Value, b: Operand, kind: Arithmetic): Value {
  const dims = broadcastDims(a.dims, b.dims);
  check(dims !== null, kind, 'dims must be equal or 1, aligned at the last', a.dims, b.dims);
  let x = contiguous(a);
  let y = b.kind === 'value' ? contiguous(b) : b;
  const plan = (): ReturnType<typeof collapse> =>
    collapse(dims!, [broadcastStrides(x.dims, dims!), broadcastStrides(y.dims, dims!)]);
  let { dims: own, strides } = plan();
  if (own.length > MAX_DIMS && y.kind === 'value') {
    y = broadcastTo(y, dims!);
    ({ dims: own, strides } = plan());
  }
  if (own.length > MAX_DIMS) {
    x = broadcastTo(x, dims!);
    ({ dims: own, strides } = plan());
  }
  return a.graph.add(binaryOp, [x, y], { kind, dims: own, strides }, dims!);
}
