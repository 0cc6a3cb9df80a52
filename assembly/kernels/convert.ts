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
import { splat, storePart } from '../simd';
import { encode, UNHELD } from './halves';

/** Four f16 in the low halves of four lanes to f32: exponent and mantissa in f32's places, times 2^112, exact for
 *  denormals too. What was infinite or NaN comes out at 2^16 or more and gets the exponent of infinity. */
// @ts-ignore: decorator
@inline
function halves(h: v128): v128 {
  const magnitude = f32x4.mul(i32x4.shr_u(i32x4.shl(h, 17), 4), splat(C_F16_SCALE));
  const infinite = v128.and(f32x4.ge(magnitude, splat(C_F16_LIMIT)), splat(C_INF));
  return v128.or(v128.or(magnitude, infinite), i32x4.shl(i32x4.shr_u(h, 15), 31));
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
  let seen = 0;
  for (const end = dst + ((<usize>count) << 1); dst < end; src += step, dst += 2) {
    const code = encode(held, element(src, type));
    seen |= code;
    store<u16>(dst, <u16>code);
  }
  return seen & UNHELD;
}

/** The first n (1..3) 16-bit values at an address in the low halves of lanes. Reads nothing beyond them. */
function loadHalves(address: usize, n: i32): v128 {
  let h = i32x4.splat(load<u16>(address));
  if (n > 1) h = i32x4.replace_lane(h, 1, load<u16>(address, 2));
  if (n > 2) h = i32x4.replace_lane(h, 2, load<u16>(address, 4));
  return h;
}

function fromF16(src: usize, dst: usize, count: i32): void {
  const end4 = dst + ((<usize>(count & ~3)) << 2);
  for (; dst < end4; src += 8, dst += 16) v128.store(dst, halves(v128.load16x4_u(src)));
  if (count & 3) storePart(dst, halves(loadHalves(src, count & 3)), count & 3);
}

function fromBF16(src: usize, dst: usize, count: i32): void {
  const end4 = dst + ((<usize>(count & ~3)) << 2);
  for (; dst < end4; src += 8, dst += 16) v128.store(dst, i32x4.shl(v128.load16x4_u(src), 16));
  if (count & 3) storePart(dst, i32x4.shl(loadHalves(src, count & 3), 16), count & 3);
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
  if (type == R.TYPE_F16) fromF16(src + ((<usize>from) << 1), out, to - from);
  else if (type == R.TYPE_BF16) fromBF16(src + ((<usize>from) << 1), out, to - from);
  else memory.copy(out, src + ((<usize>from) << 2), (<usize>(to - from)) << 2);
}
