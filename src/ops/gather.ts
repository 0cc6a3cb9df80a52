// Embedding look-up.
import * as R from '../../assembly/abi/records';
import { countOf, lastDim, type Op, type Operand, type Value } from '../core/graph';
import { check } from './check';
import { typeOf } from './weight-type';

const gatherOp: Op<{ scale: number }> = {
  name: 'gather',
  opcode: R.OP_GATHER,
  recordSize: R.GA_SIZE,
  encode(record, { inputs: [table, ids, add], outputs: [out], attrs }) {
    const { layout, dims } = table as Operand;
    record.setAddress(R.GA_TABLE, table);
    record.setAddress(R.GA_IDS, ids);
    record.setAddress(R.GA_OUT, out);
    record.setCell(R.GA_ROWS, countOf((ids as Operand).dims));
    record.set(R.GA_D, lastDim(out.dims));
    record.setAddress(R.GA_ADD, add);
    record.set(R.GA_TYPE, typeOf(table as Operand));
    record.set(R.GA_PACKED, layout === 'packed' ? (dims[0] as number) : 0);
    record.setFloat(R.GA_SCALE, attrs.scale);
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)) * 0.5,
};

/** table[ids] * scale (+ add). Ids must be checked beforehand. A packed table, which matmul can use too, works as well.
 *  @param table [n, d]
 *  @param ids i32, any dims
 *  @param add [...ids, d]
 *  @returns [...ids, d] */
export function gather(table: Operand, ids: Value, add: Value | null = null, scale = 1): Value {
  check(table.dims.length === 2, 'gather', 'the table must be [n, d]', table.dims);
  return ids.graph.add(gatherOp, [table, ids, add], { scale }, [...ids.dims, lastDim(table.dims)]);
}
