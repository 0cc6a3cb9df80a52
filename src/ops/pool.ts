// Pooling: the rows of each sequence to one row.
import * as R from '../../assembly/abi/records';
import { countOf, lastDim, SEQUENCES, type Op, type Value } from '../core/graph';

const KINDS = {
  mean: R.POOL_MEAN,
  cls: R.POOL_CLS,
  max: R.POOL_MAX,
  meanSqrtLen: R.POOL_MEAN_SQRT,
  lastToken: R.POOL_LAST,
} as const;

export type Pooling = keyof typeof KINDS;

export const POOLINGS = Object.keys(KINDS) as Pooling[];

const poolOp: Op<{ kind: Pooling }> = {
  name: 'pool',
  opcode: R.OP_POOL,
  recordSize: R.PO_SIZE,
  encode(record, { inputs: [x, segments], outputs: [out], attrs }) {
    record.setAddress(R.PO_X, x);
    record.setAddress(R.PO_OUT, out);
    record.setAddress(R.PO_SEGMENTS, segments);
    record.setCell(R.PO_SEQUENCES, countOf([SEQUENCES]));
    record.set(R.PO_D, lastDim(out.dims));
    record.set(R.PO_KIND, KINDS[attrs.kind]);
  },
  cost: ({ inputs: [x] }, size) => size(countOf(x!.dims)) * 0.3,
};

/** One row a sequence.
 *  @param x [tokens, d]
 *  @param segments the batch's segment table
 *  @param kind mean; cls (the first token); max; meanSqrtLen (sum over the square root of the length); lastToken
 *  @returns [sequences, d] */
export function pool(x: Value, segments: Value, kind: Pooling): Value {
  return x.graph.add(poolOp, [x, segments], { kind }, [SEQUENCES, lastDim(x.dims)]);
}
