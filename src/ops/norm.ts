// Normalisations over the last dim: layer norm, RMS norm, L2.
import * as R from '../../assembly/abi/records';
import { countOf, lastDim, rowsOf, type Op, type Operand, type Value } from '../core/graph';
import { check } from './check';
import { contiguous } from './copy';

interface NormAttrs {
  eps: number;
}

function normOp(name: string, opcode: number): Op<NormAttrs> {
  return {
    name,
    opcode,
    recordSize: R.LN_SIZE,
    encode(record, { inputs: [x, weight, bias], outputs: [out], attrs }) {
      record.setAddress(R.LN_X, x);
      record.setAddress(R.LN_OUT, out);
      record.setCell(R.LN_ROWS, rowsOf(out.dims));
      record.set(R.LN_D, lastDim(out.dims));
      record.setAddress(R.LN_WEIGHT, weight);
      record.setAddress(R.LN_BIAS, bias);
      record.setFloat(R.LN_EPS, attrs.eps);
    },
    cost: ({ outputs: [out] }, size) => size(countOf(out.dims)) * 0.7,
  };
}

const layerNormOp = normOp('layerNorm', R.OP_LAYER_NORM);
const rmsNormOp = normOp('rmsNorm', R.OP_RMS_NORM);

const l2Op: Op<NormAttrs> = {
  name: 'l2Normalize',
  opcode: R.OP_L2_NORMALIZE,
  recordSize: R.L2_SIZE,
  encode(record, { inputs: [x], outputs: [out], attrs }) {
    record.setAddress(R.L2_X, x);
    record.setAddress(R.L2_OUT, out);
    record.setCell(R.L2_ROWS, rowsOf(out.dims));
    record.set(R.L2_D, lastDim(out.dims));
    record.setFloat(R.L2_EPS, attrs.eps);
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)) * 0.5,
};

function checkScale(op: string, x: Value, scale: Operand | null): void {
  if (scale)
    check(
      lastDim(scale.dims) === lastDim(x.dims),
      op,
      'weight and bias must be as long as the last dim',
      x.dims,
      scale.dims,
    );
}

/** (x - mean) / sqrt(variance + eps) * weight + bias over the last dim; nn.LayerNorm. */
export function layerNorm(x: Value, weight: Operand | null, bias: Operand | null, eps: number): Value {
  checkScale('layerNorm', x, weight);
  checkScale('layerNorm', x, bias);
  return x.graph.add(layerNormOp, [contiguous(x), weight, bias], { eps }, x.dims);
}

/** x / sqrt(mean(x^2) + eps) * weight over the last dim; nn.RMSNorm. */
export function rmsNorm(x: Value, weight: Operand | null, eps: number): Value {
  checkScale('rmsNorm', x, weight);
  return x.graph.add(rmsNormOp, [contiguous(x), weight, null], { eps }, x.dims);
}

/** x / max(|x|, eps) over the last dim; nn.functional.normalize. */
export function l2Normalize(x: Value, eps = 1e-12): Value {
  return x.graph.add(l2Op, [contiguous(x)], { eps }, x.dims);
}
