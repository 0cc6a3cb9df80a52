// The table of f32 constants that kernels read with `splat(C_...)`: addresses for the kernels, values for TypeScript.
import { CONSTANTS } from './layout';

export const C_LOG2E = CONSTANTS + 0;
/** 1.5 * 2^23: adding it rounds a float to an integer held in the low mantissa bits. */
export const C_ROUND = CONSTANTS + 4;
/** ln 2 in two parts, for Cody-Waite reduction. */
export const C_LN2_HI = CONSTANTS + 8;
export const C_LN2_LO = CONSTANTS + 12;
/** exp's polynomial (Cephes expf): degree 5 in the reduced argument, highest first. */
export const C_EXP_0 = CONSTANTS + 16;
export const C_EXP_1 = CONSTANTS + 20;
export const C_EXP_2 = CONSTANTS + 24;
export const C_EXP_3 = CONSTANTS + 28;
export const C_EXP_4 = CONSTANTS + 32;
export const C_EXP_5 = CONSTANTS + 36;
export const C_ONE = CONSTANTS + 40;
export const C_HALF = CONSTANTS + 44;
/** Below this exp is zero, above that it is infinite, in f32. */
export const C_EXP_MIN = CONSTANTS + 48;
export const C_EXP_MAX = CONSTANTS + 52;
/** erf by Abramowitz & Stegun 7.1.26: p and a1..a5. */
export const C_ERF_P = CONSTANTS + 56;
export const C_ERF_1 = CONSTANTS + 60;
export const C_ERF_2 = CONSTANTS + 64;
export const C_ERF_3 = CONSTANTS + 68;
export const C_ERF_4 = CONSTANTS + 72;
export const C_ERF_5 = CONSTANTS + 76;
export const C_SQRT_HALF = CONSTANTS + 80;
/** sqrt(2 / pi) and 0.044715: the tanh form of GELU. */
export const C_GELU_A = CONSTANTS + 84;
export const C_GELU_B = CONSTANTS + 88;
export const C_TWO = CONSTANTS + 92;
export const C_NEG_INF = CONSTANTS + 96;
