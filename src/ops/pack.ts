// Brings a matrix into the layout of matmul's right operand (assembly/kernels/pack.ts).
import * as R from '../../assembly/abi/records';
import { countOf, type Op, type Operand, type Value } from '../core/graph';
import { check } from './check';
import { contiguous } from './copy';

const packOp: Op<{ transposed: boolean; batch: number }> = {
  name: 'pack',
  opcode: R.OP_PACK,
  recordSize: R.PK_SIZE,
  encode(record, { inputs: [x], outputs: [out], attrs }) {
    const [n, k] = out.dims.slice(-2) as number[];
    record.setAddress(R.PK_SRC, x as Operand);
    record.set(R.PK_TYPE, R.TYPE_F32);
    record.set(R.PK_SN, attrs.transposed ? k * 4 : 4);
    record.set(R.PK_SK, attrs.transposed ? 4 : n * 4);
    record.set(R.PK_N, n);
    record.set(R.PK_K, k);
    record.setAddress(R.PK_DST, out);
    record.set(R.PK_N0, 0);
    record.set(R.PK_K0, 0);
    record.set(R.PK_N_TOTAL, n);
    record.set(R.PK_K_TOTAL, k);
    record.set(R.PK_BATCH, attrs.batch);
    record.set(R.PK_SRC_BATCH, n * k * 4);
    record.set(R.PK_DST_BATCH, ((n + 7) & ~7) * k * 4);
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)),
};

/** Packs [..., K, N], or [..., N, K] when `transposed` (as nn.Linear stores a weight), for `matmul`. Fixed dims only.
 *  @returns [..., N, K], packed */
export function pack(x: Value, { transposed = false } = {}): Value {
  check(
    x.dims.length >= 2 && x.dims.every((dim) => typeof dim === 'number'),
    'pack',
    'needs a matrix of fixed dims',
    x.dims,
  );
  const [rows, columns] = x.dims.slice(-2) as number[];
  const [n, k] = transposed ? [rows, columns] : [columns, rows];
  const lead = x.dims.slice(0, -2);
  return x.graph.add(
    packOp,
    [contiguous(x)],
    { transposed, batch: countOf(lead).factor },
    [...lead, n, k],
    [],
    'packed',
  );
}
