// Types of weights: from a file to f32, or to what they are held in.
//
//   f16, bf16, f32  [count] -> f32, or f16 or bf16 as held (halves.ts) [count]      neighbouring elements; the source may be at
//                                                                                  any address
//
// Error: none to f32; all values of the three types are f32 values (denormals and infinities too; a NaN stays a NaN). To 16 bits
// as halves.ts says.
// Threads: by ranges of 16 elements.
import { C_F16_LIMIT, C_F16_SCALE, C_INF } from '../abi/constants';
import * as R from '../abi/records';
import { shareStart } from '../share';
import { splat } from '../simd';
import { encode, encode4, encode8, UNHELD } from './halves';

/** Four f16 in the low halves of four lanes to f32: exponent and mantissa in f32's places, times 2^112, exact for
 *  denormals too. What was infinite or NaN comes out at 2^16 or more and gets the exponent of infinity. */
// @ts-ignore: decorator
@inline
function halves(h: v128): v128 {
  const magnitude = f32x4.mul(i32x4.shr_u(i32x4.shl(h, 17), 4), splat(C_F16_SCALE));
  const infinite = v128.and(f32x4.ge(magnitude, splat(C_F16_LIMIT)), splat(C_INF));
  return v128.or(v128.or(magnitude, infinite), i32x4.shl(i32x4.shr_u(h, 15), 31));
}

/** Four neighbouring elements of a file as f32. */
export function elements4(from: usize, type: i32): v128 {
  if (type == R.TYPE_F32) return v128.load(from);
  const x = v128.load16x4_u(from);
  return type == R.TYPE_BF16 ? i32x4.shl(x, 16) : halves(x);
}

/** One element of a file as f32. */
export function element(from: usize, type: i32): f32 {
  if (type == R.TYPE_F32) return load<f32>(from);
  const bits = <u32>load<u16>(from);
  if (type == R.TYPE_BF16) return reinterpret<f32>(bits << 16);
  return f32x4.extract_lane(halves(i32x4.splat(bits)), 0);
}

/** Gives bit 16 if a value cannot be held. */
function toHalves(src: usize, type: i32, dst: usize, count: i32, held: i32): i32 {
  const step: usize = type == R.TYPE_F32 ? 4 : 2;
  const end = dst + ((<usize>count) << 1);
  let seen = 0;
  if (type == held) {
    seen = encode8(type, src, dst, count);
    const bytes = (<usize>(count & ~7)) << 1;
    src += bytes;
    dst += bytes;
  } else {
    let unheld = i32x4.splat(0);
    for (const end4 = dst + ((<usize>(count & ~3)) << 1); dst < end4; src += step << 2, dst += 8) {
      const codes = encode4(held, elements4(src, type));
      unheld = v128.or(unheld, codes);
      v128.store64_lane(dst, i16x8.narrow_i32x4_u(v128.and(codes, i32x4.splat(0xffff)), codes), 0);
    }
    if (v128.any_true(v128.and(unheld, i32x4.splat(UNHELD)))) seen = UNHELD;
  }
  for (; dst < end; src += step, dst += 2) {
    const code = encode(held, element(src, type));
    seen |= code;
    store<u16>(dst, <u16>code);
  }
  return seen & UNHELD;
}

function toFloats(src: usize, type: i32, dst: usize, count: i32): void {
  const end = dst + ((<usize>count) << 2),
    end4 = dst + ((<usize>(count & ~3)) << 2);
  for (; dst < end4; src += 8, dst += 16) v128.store(dst, elements4(src, type));
  for (; dst < end; src += 2, dst += 4) store<f32>(dst, element(src, type));
}

export function convert(record: usize, ith: i32, nth: i32): void {
  const src = <usize>load<u32>(record, R.CV_SRC),
    dst = <usize>load<u32>(record, R.CV_DST);
  const count = load<i32>(record, R.CV_COUNT),
    type = load<i32>(record, R.CV_TYPE);
  const blocks = (count + 15) >> 4;
  const from = shareStart(blocks, ith, nth) << 4,
    to = min(shareStart(blocks, ith + 1, nth) << 4, count);
  if (from >= to) return;
  const held = load<i32>(record, R.CV_TO);
  if (held != R.TYPE_F32) {
    const start = src + ((<usize>from) << (type == R.TYPE_F32 ? 2 : 1));
    if (toHalves(start, type, dst + ((<usize>from) << 1), to - from, held) != 0) store<i32>(record, 1, R.CV_UNHELD);
    return;
  }
  const out = dst + ((<usize>from) << 2);
  if (type == R.TYPE_F32) memory.copy(out, src + ((<usize>from) << 2), (<usize>(to - from)) << 2);
  else toFloats(src + ((<usize>from) << 1), type, out, to - from);
}
