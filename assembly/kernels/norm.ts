// Layer norm, RMS norm and L2 normalisation over rows of d floats.
//
//   layer norm   out = (x - mean) / sqrt(var + eps) * weight + bias     mean, var over the row
//   RMS norm     out = x / sqrt(mean of x^2 + eps) * weight + bias
//   L2           out = x / max(sqrt(sum of x^2), eps)
//
//   x, out [rows, d]; weight, bias [d] or absent. out may be x.
//
// Order: a sum over a row is 16 chains, one for each position mod 16, ascending, over the whole blocks of 16; what is
// left goes to the first four. They are joined as (0 + 1) + (2 + 3), by vectors and then by lanes. The variance is of
// the centred values: a second pass over a row that is in the cache by then.
// Error: |out - exact| <= 2^-22 (8 + d / 16) (|x| + |mean|) / sqrt(var + eps) |weight| + 2^-23 |out|; in RMS norm and
// L2 the error is relative, 2^-23 (6 + d / 16).
// Threads: by rows.
// Speed: while a row is written the next one is read for its first sum, so that memory does not wait for arithmetic:
// 4096 x 1024 at 83-89 % of the speed of a copy (RMS norm 90-100 %); row after row reached 60-78 % (73-95 %). Where the last
// cache holds both matrices a copy takes half the time: 41 % (54 %).
import { C_ONES } from '../abi/constants';
import { ZEROS } from '../abi/layout';
import * as R from '../abi/records';
import { firstLanes, shareStart } from '../share';
import { loadPart, madd, storePart, sumLanes } from '../simd';

/** What is summed first: the values for a mean, else their squares. The flag is a constant where this is inlined. */
// @ts-ignore: decorator
@inline
function accumulate(squares: bool, x: v128, sum: v128): v128 {
  return squares ? madd(x, x, sum) : f32x4.add(sum, x);
}

/** The end of a row's sum: at x are the d & 15 floats after the blocks of 16, whose chains are given. */
// @ts-ignore: decorator
@inline
function finishSum(squares: bool, x: usize, d: i32, s0: v128, s1: v128, s2: v128, s3: v128): f32 {
  const end4 = x + ((<usize>(d & 12)) << 2);
  for (; x < end4; x += 16) s0 = accumulate(squares, v128.load(x), s0);
  if (d & 3) s0 = accumulate(squares, loadPart(x, d & 3), s0);
  return sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

/** The sum of (x - centre)^2 over d floats. */
function rowSquares(x: usize, d: i32, centre: v128): f32 {
  let s0 = v128.load(ZEROS),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  const end16 = x + ((<usize>(d & ~15)) << 2),
    end4 = x + ((<usize>(d & ~3)) << 2);
  for (; x < end16; x += 64) {
    const u = f32x4.sub(v128.load(x), centre),
      v = f32x4.sub(v128.load(x, 16), centre);
    const w = f32x4.sub(v128.load(x, 32), centre),
      y = f32x4.sub(v128.load(x, 48), centre);
    s0 = madd(u, u, s0);
    s1 = madd(v, v, s1);
    s2 = madd(w, w, s2);
    s3 = madd(y, y, s3);
  }
  for (; x < end4; x += 16) {
    const u = f32x4.sub(v128.load(x), centre);
    s0 = madd(u, u, s0);
  }
  if (d & 3) {
    const u = v128.and(f32x4.sub(loadPart(x, d & 3), centre), firstLanes(d & 3));
    s0 = madd(u, u, s0);
  }
  return sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

/** (x - centre) * factor * weight + bias. */
// @ts-ignore: decorator
@inline
function scaled(x: v128, centre: v128, factor: v128, weight: v128, bias: v128): v128 {
  return madd(f32x4.mul(f32x4.sub(x, centre), factor), weight, bias);
}

/** Writes a row and returns the first sum of the row at `next`, which may be any row. An absent weight is 16 ones, an absent
 *  bias zeros, with a step of 0; else the step is 64, the bytes of a block. */
// prettier-ignore
// @ts-ignore: decorator
@inline
function writeRow(squares: bool, x: usize, out: usize, d: i32, centre: v128, factor: v128, w: usize, stepW: usize, b: usize, stepB: usize, next: usize): f32 {
  let s0 = v128.load(ZEROS), s1 = s0, s2 = s0, s3 = s0;
  for (const end = x + (<usize>(d & ~15) << 2); x < end; x += 64, out += 64, next += 64, w += stepW, b += stepB) {
    s0 = accumulate(squares, v128.load(next), s0);
    s1 = accumulate(squares, v128.load(next, 16), s1);
    s2 = accumulate(squares, v128.load(next, 32), s2);
    s3 = accumulate(squares, v128.load(next, 48), s3);
    v128.store(out, scaled(v128.load(x), centre, factor, v128.load(w), v128.load(b)));
    v128.store(out, scaled(v128.load(x, 16), centre, factor, v128.load(w, 16), v128.load(b, 16)), 16);
    v128.store(out, scaled(v128.load(x, 32), centre, factor, v128.load(w, 32), v128.load(b, 32)), 32);
    v128.store(out, scaled(v128.load(x, 48), centre, factor, v128.load(w, 48), v128.load(b, 48)), 48);
  }
  stepW >>= 2;
  stepB >>= 2;
  for (const end = x + (<usize>(d & 12) << 2); x < end; x += 16, out += 16, w += stepW, b += stepB) {
    v128.store(out, scaled(v128.load(x), centre, factor, v128.load(w), v128.load(b)));
  }
  const rest = d & 3;
  if (rest) storePart(out, scaled(loadPart(x, rest), centre, factor, loadPart(w, rest), loadPart(b, rest)), rest);
  return finishSum(squares, next, d, s0, s1, s2, s3);
}

// prettier-ignore
function writeThenSum(x: usize, out: usize, d: i32, centre: v128, factor: v128, w: usize, stepW: usize, b: usize, stepB: usize, next: usize): f32 {
  return writeRow(false, x, out, d, centre, factor, w, stepW, b, stepB, next);
}
// prettier-ignore
function writeThenSquare(x: usize, out: usize, d: i32, factor: v128, w: usize, stepW: usize, b: usize, stepB: usize, next: usize): f32 {
  return writeRow(true, x, out, d, v128.load(ZEROS), factor, w, stepW, b, stepB, next);
}

/** The first sum of the first row. */
function firstSum(x: usize, d: i32): f32 {
  let s0 = v128.load(ZEROS),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  for (const end = x + ((<usize>(d & ~15)) << 2); x < end; x += 64) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
  }
  return finishSum(false, x, d, s0, s1, s2, s3);
}

export function layerNorm(record: usize, ith: i32, nth: i32): void {
  const rows = load<i32>(<usize>load<u32>(record, R.LN_ROWS)),
    d = load<i32>(record, R.LN_D);
  const from = shareStart(rows, ith, nth),
    to = shareStart(rows, ith + 1, nth);
  if (from >= to) return;
  const weight = <usize>load<u32>(record, R.LN_WEIGHT),
    bias = <usize>load<u32>(record, R.LN_BIAS);
  const w = weight ? weight : C_ONES,
    stepW = weight ? 64 : 0,
    b = bias ? bias : ZEROS,
    stepB = bias ? 64 : 0;
  const eps = load<f32>(record, R.LN_EPS),
    count = <f32>d;
  const size = (<usize>d) << 2;
  let x = <usize>load<u32>(record, R.LN_X) + <usize>from * size;
  let out = <usize>load<u32>(record, R.LN_OUT) + <usize>from * size;
  let sum = firstSum(x, d);
  for (let i = from; i < to; i++, x += size, out += size) {
    const centre = f32x4.splat(sum / count);
    const factor = f32x4.splat(<f32>1 / sqrt<f32>(rowSquares(x, d, centre) / count + eps));
    sum = writeThenSum(x, out, d, centre, factor, w, stepW, b, stepB, i + 1 < to ? x + size : x);
  }
}

export function rmsNorm(record: usize, ith: i32, nth: i32): void {
  const rows = load<i32>(<usize>load<u32>(record, R.LN_ROWS)),
    d = load<i32>(record, R.LN_D);
  const from = shareStart(rows, ith, nth),
    to = shareStart(rows, ith + 1, nth);
  if (from >= to) return;
  const weight = <usize>load<u32>(record, R.LN_WEIGHT),
    bias = <usize>load<u32>(record, R.LN_BIAS);
  const w = weight ? weight : C_ONES,
    stepW = weight ? 64 : 0,
    b = bias ? bias : ZEROS,
    stepB = bias ? 64 : 0;
  const eps = load<f32>(record, R.LN_EPS),
    count = <f32>d;
  const size = (<usize>d) << 2;
  let x = <usize>load<u32>(record, R.LN_X) + <usize>from * size;
  let out = <usize>load<u32>(record, R.LN_OUT) + <usize>from * size;
  let squares = rowSquares(x, d, v128.load(ZEROS));
  for (let i = from; i < to; i++, x += size, out += size) {
    const factor = f32x4.splat(<f32>1 / sqrt<f32>(squares / count + eps));
    squares = writeThenSquare(x, out, d, factor, w, stepW, b, stepB, i + 1 < to ? x + size : x);
  }
}

export function l2Normalize(record: usize, ith: i32, nth: i32): void {
  const rows = load<i32>(<usize>load<u32>(record, R.L2_ROWS)),
    d = load<i32>(record, R.L2_D);
  const from = shareStart(rows, ith, nth),
    to = shareStart(rows, ith + 1, nth);
  if (from >= to) return;
  const eps = load<f32>(record, R.L2_EPS);
  const size = (<usize>d) << 2;
  let x = <usize>load<u32>(record, R.L2_X) + <usize>from * size;
  let out = <usize>load<u32>(record, R.L2_OUT) + <usize>from * size;
  let squares = rowSquares(x, d, v128.load(ZEROS));
  for (let i = from; i < to; i++, x += size, out += size) {
    const factor = f32x4.splat(<f32>1 / max<f32>(sqrt<f32>(squares), eps));
    squares = writeThenSquare(x, out, d, factor, C_ONES, 0, ZEROS, 0, i + 1 < to ? x + size : x);
  }
}
