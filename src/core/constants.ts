// Values of the constant table whose addresses the kernels know (assembly/abi/constants.ts).
import * as C from '../../assembly/abi/constants';

/** [address, value] of every constant. */
export const CONSTANT_VALUES: readonly (readonly [address: number, value: number])[] = [
  [C.C_LOG2E, Math.LOG2E],
  [C.C_ROUND, 12582912],
  [C.C_LN2_HI, 0.693359375],
  [C.C_LN2_LO, -2.12194440e-4],
  [C.C_EXP_0, 1.9875691500e-4],
  [C.C_EXP_1, 1.3981999507e-3],
  [C.C_EXP_2, 8.3334519073e-3],
  [C.C_EXP_3, 4.1665795894e-2],
  [C.C_EXP_4, 1.6666665459e-1],
  [C.C_EXP_5, 5.0000001201e-1],
  [C.C_ONE, 1],
  [C.C_HALF, 0.5],
  [C.C_EXP_MIN, -87.33654],
  [C.C_EXP_MAX, 88.72283],
  [C.C_ERF_P, 0.3275911],
  [C.C_ERF_1, 0.254829592],
  [C.C_ERF_2, -0.284496736],
  [C.C_ERF_3, 1.421413741],
  [C.C_ERF_4, -1.453152027],
  [C.C_ERF_5, 1.061405429],
  [C.C_SQRT_HALF, Math.SQRT1_2],
  [C.C_GELU_A, Math.sqrt(2 / Math.PI)],
  [C.C_GELU_B, 0.044715],
  [C.C_TWO, 2],
  [C.C_NEG_INF, -Infinity],
];
