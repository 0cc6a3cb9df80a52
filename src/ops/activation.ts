// Elementwise functions of one operand. The same table serves the matmul's epilogue.
import * as R from '../../assembly/abi/records';
import { countOf, rowsOf, lastDim, type Op, type Value } from '../core/graph';
import { contiguous } from './copy';

const KINDS = {
  relu: R.ACT_RELU,
  gelu: R.ACT_GELU,
  geluTanh: R.ACT_GELU_TANH,
  quickGelu: R.ACT_QUICK_GELU,
  silu: R.ACT_SILU,
  tanh: R.ACT_TANH,
  sigmoid: R.ACT_SIGMOID,
  exp: R.ACT_EXP,
  neg: R.ACT_NEG,
  sqrt: R.ACT_SQRT,
  abs: R.ACT_ABS,
} as const;

/** Name of an elementwise function. `gelu` is the exact one (erf), `geluTanh` its tanh approximation. */
export type Activation = keyof typeof KINDS;

export const ACTIVATIONS = Object.keys(KINDS) as Activation[];

/** The kind's number in records. */
export function activationKind(name: Activation | null): number {
  return name === null ? R.ACT_NONE : KINDS[name];
}

const unaryOp: Op<{ kind: Activation }> = {
  name: 'unary',
  opcode: R.OP_UNARY,
  recordSize: R.UN_SIZE,
  encode(record, { inputs: [x], outputs: [out], attrs }) {
    record.setAddress(R.UN_X, x);
    record.setAddress(R.UN_OUT, out);
    record.setCell(R.UN_ROWS, rowsOf(out.dims));
    record.set(R.UN_WIDTH, lastDim(out.dims));
    record.set(R.UN_KIND, KINDS[attrs.kind]);
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)),
};

/** act(x), elementwise. */
export function activation(x: Value, kind: Activation): Value {
  return x.graph.add(unaryOp, [contiguous(x)], { kind }, x.dims);
}
