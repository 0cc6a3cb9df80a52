// Weights held in 16 bits, and how they become the f32 that they stand for.
//
//   bf16  the upper half of the f32
//   f16   sign, 5 bits of exponent, 10 of mantissa as in IEEE 754, but with the exponent's bias at 25 and without subnormals:
//         exponent 0 is zero alone. It holds exactly the halves below 128 in magnitude; weights that are not are held as f32.
//         In return, a shift by 3 and a mask make it an f32, w 2^-102, and never a subnormal one, which is slow to compute with
//
// Error: none on reading; writing rounds to the nearest, ties to even.
import { C_BIT_13, C_CODE_MASK, C_NEG_INF, C_ONE } from '../abi/constants';
import { TYPE_BF16, TYPE_F16 } from '../abi/records';
import { splat } from '../simd';

/** Set in what `encode` gives for a value that f16 does not hold. */
export const UNHELD = 0x10000;

const TWO_102: f32 = 5.070602400912918e30;
const TWO_MINUS_102: f32 = 1.9721522630525295e-31;

/** The 16 bits that hold x as f16 or bf16, and UNHELD. */
export function encode(type: i32, x: f32): i32 {
  return i32x4.extract_lane(encode4(type, f32x4.splat(x)), 0);
}

/** The same of four values. */
export function encode4(type: i32, x: v128): v128 {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff)),
    top = i32x4.shr_u(x, 16);
  if (type == TYPE_BF16) {
    const odd = v128.and(top, i32x4.splat(1)),
      rounded = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16);
    const isNaN = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000));
    return v128.bitselect(v128.or(top, i32x4.splat(0x40)), rounded, isNaN);
  }
  // adding 2^13 times the exponent's power of two, or that of the smallest normal half, rounds to the last bit of a half
  const exponent = i32x4.max_s(i32x4.shr_u(magnitude, 23), i32x4.splat(113)),
    whole = i32x4.shl(i32x4.add(exponent, i32x4.splat(13)), 23);
  const rounded = f32x4.sub(f32x4.add(magnitude, whole), whole),
    unheld = v128.andnot(i32x4.splat(UNHELD), f32x4.lt(rounded, f32x4.splat(128)));
  const code = i32x4.shr_u(f32x4.mul(rounded, f32x4.splat(TWO_MINUS_102)), 13);
  const bits = v128.bitselect(code, top, i32x4.splat(0x7fff));
  return v128.or(v128.and(bits, i32x4.splat(0xffff)), unheld);
}

/** Stored values of a type, as far as vectors of eight go, as `encode` gives them of that type; in place, too. Gives UNHELD if one
 *  cannot be held. */
export function encode8(type: i32, from: usize, to: usize, count: i32): i32 {
  let seen = i32x4.splat(0);
  for (const end = to + ((<usize>(count & ~7)) << 1); to < end; from += 16, to += 16) {
    const x = v128.load(from),
      magnitude = v128.and(x, i16x8.splat(0x7fff));
    if (type == TYPE_BF16) {
      // a NaN becomes a quiet one
      v128.store(to, v128.or(x, v128.and(i16x8.gt_s(magnitude, i16x8.splat(0x7f80)), i16x8.splat(0x40))));
      continue;
    }
    seen = v128.or(seen, i16x8.gt_s(magnitude, i16x8.splat(0x57ff)));
    const normal = i16x8.gt_s(magnitude, i16x8.splat(0x3ff));
    let code = v128.and(i16x8.add(magnitude, i16x8.splat(10 << 10)), normal);
    const subnormal = v128.andnot(magnitude, normal);
    if (v128.any_true(subnormal)) {
      // they are f32 with halves' own bias, for which those are normal
      const low = f32x4.mul(i32x4.shl(i32x4.extend_low_i16x8_u(subnormal), 13), f32x4.splat(1024)),
        high = f32x4.mul(i32x4.shl(i32x4.extend_high_i16x8_u(subnormal), 13), f32x4.splat(1024));
      code = v128.or(code, i16x8.narrow_i32x4_u(i32x4.shr_u(low, 13), i32x4.shr_u(high, 13)));
    }
    v128.store(to, v128.or(code, v128.andnot(x, i16x8.splat(0x7fff))));
  }
  return v128.any_true(seen) ? UNHELD : 0;
}

/** The value of what `encode` gives. */
// @ts-ignore: decorator
@inline
export function decode(type: i32, code: u32): f32 {
  if (type == TYPE_BF16) return reinterpret<f32>(code << 16);
  return reinterpret<f32>(((<i32>(code << 16)) >> 3) & 0x8fffe000) * TWO_102;
}

/** What vectors of halves are masked with: for bf16 0xffff0000. */
// @ts-ignore: decorator
@inline
export function maskOf(type: i32): v128 {
  return type == TYPE_F16 ? splat(C_CODE_MASK) : i32x4.shr_s(splat(C_NEG_INF), 7);
}

/** What low halves of f16 are multiplied with, to be shifted to their place with their sign in one operation. */
// @ts-ignore: decorator
@inline
export function shiftOf(type: i32): v128 {
  return splat(type == TYPE_F16 ? C_BIT_13 : C_ONE);
}

/** The low halves of lanes as f32, f16 times 2^-102. */
// @ts-ignore: decorator
@inline
export function lowHalves(type: i32, x: v128, mask: v128, shift: v128): v128 {
  if (type == TYPE_BF16) return i32x4.shl(x, 16);
  return v128.and(i32x4.dot_i16x8_s(x, shift), mask);
}

/** The same without a second constant, by an operation more. */
// @ts-ignore: decorator
@inline
export function lowHalvesShifted(type: i32, x: v128, mask: v128): v128 {
  const high = i32x4.shl(x, 16);
  return type == TYPE_BF16 ? high : highHalves(type, high, mask);
}

/** The high halves. */
// @ts-ignore: decorator
@inline
export function highHalves(type: i32, x: v128, mask: v128): v128 {
  if (type == TYPE_BF16) return v128.and(x, mask);
  return v128.and(i32x4.shr_s(x, 3), mask);
}
