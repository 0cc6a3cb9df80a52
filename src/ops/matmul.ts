// Matrix product with a packed right operand, bias, activation and residual fused.
import { K_BLOCK, K_PASS, ROW_BLOCK } from '../../assembly/abi/layout';
import * as R from '../../assembly/abi/records';
import { WasmformerError } from '../errors';
import {
  countOf,
  lastDim,
  rowsOf,
  rowStrideOf,
  sameDim,
  showDims,
  type Dim,
  type Op,
  type Operand,
  type Value,
} from '../core/graph';
import { activationKind, type Activation } from './activation';
import { check } from './check';
import { contiguous } from './copy';
import { typeOf } from './weight-type';

interface MatmulAttrs {
  activation: Activation | null;
  /** Products that share nothing: the leading dims of both operands, multiplied; 1 when the weight is shared. */
  batch: number;
  /** Elements from one product's operand to the next; 0 shares it. */
  aBatch: number;
  bBatch: number;
}

const matmulOp: Op<MatmulAttrs> = {
  name: 'matmul',
  opcode: R.OP_MATMUL,
  recordSize: R.MM_SIZE,
  encode(record, { inputs: [a, b, bias, residual], outputs: [out], attrs }) {
    const [n, k] = (b as Operand).dims.slice(-2) as number[];
    const rows = rowsOf(out.dims);
    record.setAddress(R.MM_A, a);
    record.set(R.MM_A_STRIDE, rowStrideOf(a as Operand));
    record.set(R.MM_A_BATCH, attrs.aBatch);
    record.setAddress(R.MM_B, b);
    record.set(R.MM_B_BATCH, attrs.bBatch);
    record.setAddress(R.MM_C, out);
    record.set(R.MM_C_STRIDE, n);
    record.setCell(R.MM_M, { symbol: rows.symbol, factor: rows.factor / attrs.batch });
    record.set(R.MM_C_BATCH, (rows.factor / attrs.batch) * n);
    record.set(R.MM_N, n);
    record.set(R.MM_K, k);
    record.set(R.MM_BATCH, attrs.batch);
    record.setAddress(R.MM_BIAS, bias);
    record.set(R.MM_ACT, activationKind(attrs.activation));
    record.setAddress(R.MM_RESIDUAL, residual);
    record.set(R.MM_R_STRIDE, residual ? rowStrideOf(residual) : 0);
    record.set(R.MM_TYPE, typeOf(b as Operand));
    record.set(R.MM_R_BATCH, residual ? (rows.factor / attrs.batch) * rowStrideOf(residual) : 0);
  },
  cost({ inputs: [, b], outputs: [out] }, size) {
    const [n, k] = (b as Operand).dims.slice(-2) as number[];
    const rows = size(rowsOf(out.dims));
    // arithmetic, or reading the weights where there are few rows
    return Math.max((rows * n * k) / 20, (n * k) / 3);
  },
  // an edge tile, two panels as f32, the packed block of A
  scratch({ inputs: [a, b], outputs: [out] }, size) {
    const k = lastDim((a as Operand).dims);
    const rows = Math.min(ROW_BLOCK, size(rowsOf(out.dims)));
    const converted = typeOf(b as Operand) === R.TYPE_F32 ? 0 : 16 * Math.min(K_BLOCK, k);
    return 256 + (rows * Math.min(K_PASS, k) + converted) * 4;
  },
};

export interface MatmulOptions {
  /** [N], added to every row. Its storage is padded to a multiple of 8. */
  bias?: Operand | null;
  activation?: Activation | null;
  /** Same dims as the result, added last. */
  residual?: Value | null;
}

/** act(a b + bias) + residual.
 *  @param a [..., M, K]
 *  @param b packed: [N, K] as nn.Linear's weight, shared by all rows; or [..., N, K] from `pack`, one for each matrix of a,
 *  or all for the same one if a has only one
 *  @returns [..., M, N] */
export function matmul(a: Value, b: Operand, options: MatmulOptions = {}): Value {
  const { bias = null, activation = null, residual = null } = options;
  const isPacked = b.kind === 'weight' ? b.layout === 'packed' : b.layout === 'packed';
  if (!isPacked)
    throw new WasmformerError('INVALID_ARGUMENT', `matmul: the right operand ${showDims(b.dims)} is not packed`);
  const [n, k] = b.dims.slice(-2) as number[];
  check(lastDim(a.dims) === k, 'matmul', 'the last dim of a must equal the depth of b [N, K]', a.dims, b.dims);
  const isBatched = b.dims.length > 2;
  const lead = countOf(a.dims.slice(0, -2));
  const isShared = isBatched && lead.symbol === null && lead.factor === 1;
  const dims: Dim[] = isShared ? [...b.dims.slice(0, -2), ...a.dims.slice(-2, -1), n] : [...a.dims.slice(0, -1), n];
  if (residual)
    check(
      residual.dims.length === dims.length && dims.every((d, i) => sameDim(d, residual.dims[i])),
      'matmul',
      'the residual must have the dims of the result',
      residual.dims,
      dims,
    );
  if (bias) check(countOf(bias.dims).factor >= n, 'matmul', 'the bias must have N elements', bias.dims, dims);
  let batch = 1;
  let aBatch = 0;
  let bBatch = 0;
  if (isBatched) {
    batch = countOf(b.dims.slice(0, -2)).factor;
    check(
      isShared || (lead.symbol === null && lead.factor === batch),
      'matmul',
      'the leading dims of a and b must agree',
      a.dims,
      b.dims,
    );
    aBatch = isShared ? 0 : (a.dims.at(-2) as number) * k;
    bBatch = ((n + 7) & ~7) * k;
  }
  return a.graph.add(
    matmulOp,
    [isBatched ? contiguous(a) : a, b, bias, residual],
    { activation, batch, aBatch, bBatch },
    dims,
  );
}
