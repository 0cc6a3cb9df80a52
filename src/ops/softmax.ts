// Softmax over one dim.
import * as R from '../../assembly/abi/records';
import { countOf, type Op, type Value } from '../core/graph';
import { contiguous } from './copy';

const softmaxOp: Op<{ axis: number }> = {
  name: 'softmax',
  opcode: R.OP_SOFTMAX,
  recordSize: R.SM_SIZE,
  encode(record, { inputs: [x], outputs: [out], attrs: { axis } }) {
    record.setAddress(R.SM_X, x);
    record.setAddress(R.SM_OUT, out);
    record.setCell(R.SM_OUTER, countOf(out.dims.slice(0, axis)));
    record.set(R.SM_N, out.dims[axis] as number);
    record.set(R.SM_INNER, countOf(out.dims.slice(axis + 1)).factor);
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)) * 1.5,
};

/** exp(x - max) / sum over dim `axis`, whose size is fixed; nn.Softmax. A row of nothing but -infinity gives zeros. */
export function softmax(x: Value, axis: number): Value {
  return x.graph.add(softmaxOp, [contiguous(x)], { axis }, x.dims);
}
