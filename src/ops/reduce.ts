// Reductions over neighbouring dims.
import * as R from '../../assembly/abi/records';
import { countOf, type Op, type Value } from '../core/graph';
import { contiguous } from './copy';

const KINDS = { sum: R.RED_SUM, mean: R.RED_MEAN, max: R.RED_MAX, min: R.RED_MIN } as const;

export type Reduction = keyof typeof KINDS;

const reduceOp: Op<{ kind: Reduction; from: number; to: number }> = {
  name: 'reduce',
  opcode: R.OP_REDUCE,
  recordSize: R.RE_SIZE,
  encode(record, { inputs: [x], outputs: [out], attrs: { kind, from, to } }) {
    const { dims } = x!;
    record.setAddress(R.RE_X, x);
    record.setAddress(R.RE_OUT, out);
    record.setCell(R.RE_OUTER, countOf(dims.slice(0, from)));
    record.set(R.RE_N, countOf(dims.slice(from, to)).factor);
    record.set(R.RE_INNER, countOf(dims.slice(to)).factor);
    record.set(R.RE_KIND, KINDS[kind]);
  },
  cost: ({ inputs: [x] }, size) => size(countOf(x!.dims)) * 0.3,
};

/** The sum, mean, maximum or minimum over dims [from, to), whose sizes are fixed and not zero. The others stay. */
export function reduce(x: Value, kind: Reduction, from: number, to: number): Value {
  return x.graph.add(reduceOp, [contiguous(x)], { kind, from, to }, [...x.dims.slice(0, from), ...x.dims.slice(to)]);
}
