// How weights are held, as records say it.
import * as R from '../../assembly/abi/records';
import type { Operand, WeightType } from '../core/graph';

/** TYPE_* of every way to hold a weight. */
export const WEIGHT_TYPES: Readonly<Record<WeightType, number>> = {
  f32: R.TYPE_F32,
  f16: R.TYPE_F16,
  bf16: R.TYPE_BF16,
};

/** TYPE_* of an operand; values are f32. */
export function typeOf(operand: Operand): number {
  return operand.kind === 'weight' ? WEIGHT_TYPES[operand.dtype] : R.TYPE_F32;
}
