// Rearranging: transpose, slices, concat, broadcast. All are one strided copy.
import * as R from '../../assembly/abi/records';
import { countOf, sameDim, type Dim, type Op, type Value } from '../core/graph';
import { check } from './check';
import { contiguous, copyOp, MAX_DIMS } from './copy';
import { broadcastDims, broadcastStrides, collapse, stridesOf } from './strides';

/** A copy of contiguous x read through other dims and strides. */
function strided(op: string, x: Value, dims: readonly Dim[], strides: readonly number[], from = 0): Value {
  const packed = collapse(dims, [strides, stridesOf(dims)]);
  const isRegular = packed.dims.length <= MAX_DIMS && packed.dims.slice(1).every((dim) => typeof dim === 'number');
  check(
    isRegular,
    op,
    `after merging what lies together at most ${MAX_DIMS} dims may remain, and only the first may be symbolic`,
    x.dims,
    dims,
  );
  const [own, outStrides] = packed.strides;
  return x.graph.add(copyOp, [x], { dims: packed.dims, strides: own, outStrides, from }, dims);
}

/** Dim i of the result is dim perm[i] of x; numpy.transpose. */
export function transpose(x: Value, perm: readonly number[]): Value {
  const isPermutation = perm.length === x.dims.length && [...perm].sort((a, b) => a - b).every((axis, i) => axis === i);
  check(isPermutation, 'transpose', `[${perm.join(', ')}] must name every dim once`, x.dims);
  const source = contiguous(x);
  const strides = stridesOf(source.dims);
  const dims = perm.map((axis) => source.dims[axis]);
  return strided(
    'transpose',
    source,
    dims,
    perm.map((axis) => strides[axis]),
  );
}

/** Every steps[i]-th element of dim i, starts[i] first, counts[i] in all. Steps may be negative. Fixed dims only, but for the
 *  first if it is taken whole. */
export function slice(x: Value, starts: readonly number[], counts: readonly Dim[], steps: readonly number[]): Value {
  const source = contiguous(x);
  const strides = stridesOf(source.dims);
  const from = starts.reduce((sum, start, i) => sum + start * strides[i], 0);
  return strided(
    'slice',
    source,
    counts,
    strides.map((stride, i) => stride * steps[i]),
    from,
  );
}

/** x repeated along dims of 1 and along new leading dims; numpy.broadcast_to. x itself if it has the dims already. */
export function broadcastTo(x: Value, dims: readonly Dim[]): Value {
  const fits = broadcastDims(x.dims, dims);
  check(
    fits?.length === dims.length && fits.every((dim, i) => sameDim(dim, dims[i])),
    'broadcastTo',
    'dims must be equal or 1, aligned at the last',
    x.dims,
    dims,
  );
  if (x.dims.length === dims.length && x.dims.every((dim, i) => sameDim(dim, dims[i]))) return x;
  const source = contiguous(x);
  return strided('broadcastTo', source, dims, broadcastStrides(source.dims, dims));
}

const concatOp: Op<{ axis: number }> = {
  name: 'concat',
  opcode: R.OP_COPY,
  recordSize: R.CP_SIZE,
  records: ({ inputs }) => inputs.length,
  encode(record, { inputs, outputs: [out], attrs: { axis } }, index) {
    const width = (dims: readonly Dim[]): number => countOf(dims.slice(axis)).factor;
    const own = width(inputs[index]!.dims);
    const before = inputs.slice(0, index).reduce((sum, x) => sum + width(x!.dims), 0);
    record.setAddress(R.CP_X, inputs[index]);
    record.setAddress(R.CP_OUT, out, before);
    record.setCell(R.CP_D0, countOf(out.dims.slice(0, axis)));
    for (const field of [R.CP_D1, R.CP_D2, R.CP_D3, R.CP_D4]) record.set(field, 1);
    record.set(R.CP_D5, own);
    record.set(R.CP_X0, own);
    record.set(R.CP_X5, 1);
    record.set(R.CP_OUT0, width(out.dims));
    record.set(R.CP_OUT5, 1);
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)) * 0.5,
};

/** Values one behind another along an axis, whose sizes must be fixed; all other dims must be equal. */
export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  for (const { dims } of values) {
    const fits =
      dims.length === first.dims.length &&
      dims.every((dim, i) => (i === axis ? typeof dim === 'number' : sameDim(dim, first.dims[i])));
    check(fits, 'concat', `all dims but dim ${axis} must be equal`, first.dims, dims);
  }
  const total = values.reduce((sum, { dims }) => sum + (dims[axis] as number), 0);
  const dims = first.dims.map((dim, i) => (i === axis ? total : dim));
  return first.graph.add(concatOp, values.map(contiguous), { axis }, dims);
}
