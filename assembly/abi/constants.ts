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
/** Below this exp is zero, above that it is infinite, in f32. */
export const C_EXP_MIN = CONSTANTS + 48;
export const C_EXP_MAX = CONSTANTS + 52;
/** -erfc(a / sqrt 2) / 2 = 2^(c a^2) t (c1 + c2 t + ... + c7 t^6), t = 1 / (1 + p a): p, c1 to c7, c = -log2(e) / 2. */
export const C_TAIL_P = CONSTANTS + 56;
export const C_TAIL_1 = CONSTANTS + 60;
export const C_TAIL_2 = CONSTANTS + 64;
export const C_TAIL_3 = CONSTANTS + 68;
export const C_TAIL_4 = CONSTANTS + 72;
export const C_TAIL_5 = CONSTANTS + 76;
export const C_TAIL_6 = CONSTANTS + 80;
export const C_TAIL_7 = CONSTANTS + 84;
/** Here c a^2 rounds to -127: from here on the tail is zero. */
export const C_TAIL_MAX = CONSTANTS + 88;
/** -2 sqrt(2 / pi) and 0.044715 times that: the tanh form of GELU as x sigmoid(...). */
export const C_GELU_A = CONSTANTS + 92;
export const C_GELU_B = CONSTANTS + 96;
/** -1.702: GELU as x sigmoid(1.702 x). */
export const C_QUICK_GELU = CONSTANTS + 100;
export const C_MINUS_TWO = CONSTANTS + 104;
export const C_NEG_INF = CONSTANTS + 108;
export const C_INF = CONSTANTS + 112;
/** tanh(x) = x + x z (c1 + c2 z + ... + c5 z^4), z = x^2, for |x| below C_TANH_SMALL. */
export const C_TANH_SMALL = CONSTANTS + 116;
export const C_TANH_1 = CONSTANTS + 120;
export const C_TANH_2 = CONSTANTS + 124;
export const C_TANH_3 = CONSTANTS + 128;
export const C_TANH_4 = CONSTANTS + 132;
export const C_TANH_5 = CONSTANTS + 136;
/** 1.5 * 2^23 + 127: as C_ROUND, but the low bits hold the integer as a float's biased exponent. */
export const C_ROUND_BIASED = CONSTANTS + 140;
/** 2^112: the difference between the exponent biases of f32 and f16. */
export const C_F16_SCALE = CONSTANTS + 148;
/** 2^16: above the largest finite f16. */
export const C_F16_LIMIT = CONSTANTS + 152;
/** -127 ln 2, the least that expNonPositive computes with: 2^-127, as it is built there, is an exact zero. */
export const C_EXP2_MIN = CONSTANTS + 156;
export const C_TAIL_EXP = CONSTANTS + 160;
/** 2^f = 1 + c1 f + ... + c5 f^5 for |f| <= 1 / 2, 1e-7 relative. */
export const C_EXP2_1 = CONSTANTS + 164;
export const C_EXP2_2 = CONSTANTS + 168;
export const C_EXP2_3 = CONSTANTS + 172;
export const C_EXP2_4 = CONSTANTS + 176;
export const C_EXP2_5 = CONSTANTS + 180;
/** 16 ones: the weight of a norm that has none. */
export const C_ONES = CONSTANTS + 192;
/** 2^102: f16 weights as they are held (kernels/halves.ts) convert to f32 times 2^-102. */
export const C_CODE_SCALE = CONSTANTS + 256;
/** As bits: the sign, 5 bits of exponent and 10 of mantissa. */
export const C_CODE_MASK = CONSTANTS + 260;
/** As bits: 2^13. */
export const C_BIT_13 = CONSTANTS + 264;
/** A touch list (kernels/tile.ts) of zeros but for the last word, its stretch: as bits, 2^14. */
export const C_NO_TOUCHES = CONSTANTS + 320;
export const C_NO_TOUCHES_STRETCH = C_NO_TOUCHES + 20;
