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
import { ZEROS } from '../abi/layout';
import * as R from '../abi/records';
import { firstLanes, shareStart } from '../share';
import { loadPart, madd, storePart, sumLanes } from '../simd';

/** The sum of d floats. */
function rowSum(x: usize, d: i32): f32 {
  let s0 = v128.load(ZEROS), s1 = s0, s2 = s0, s3 = s0;
  const end16 = x + (<usize>(d & ~15) << 2), end4 = x + (<usize>(d & ~3) << 2);
  for (; x < end16; x += 64) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
  }
  for (; x < end4; x += 16) s0 = f32x4.add(s0, v128.load(x));
  if (d & 3) s0 = f32x4.add(s0, loadPart(x, d & 3));
  return sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

/** The sum of (x - centre)^2 over d floats. */
function rowSquares(x: usize, d: i32, centre: v128): f32 {
  let s0 = v128.load(ZEROS), s1 = s0, s2 = s0, s3 = s0;
  const end16 = x + (<usize>(d & ~15) << 2), end4 = x + (<usize>(d & ~3) << 2);
  for (; x < end16; x += 64) {
    const u = f32x4.sub(v128.load(x), centre), v = f32x4.sub(v128.load(x, 16), centre);
    const w = f32x4.sub(v128.load(x, 32), centre), y = f32x4.sub(v128.load(x, 48), centre);
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

/** One vector of the result. The flags are constants where this is inlined. */
// @ts-ignore: decorator
@inline
function normalized(x: v128, centre: v128, factor: v128, w: v128, b: v128, weighted: bool, biased: bool): v128 {
  const y = f32x4.mul(f32x4.sub(x, centre), factor);
  if (weighted) return biased ? madd(y, w, b) : f32x4.mul(y, w);
  return biased ? f32x4.add(y, b) : y;
}

/** out = (x - centre) * factor (* weight) (+ bias) over d floats. */
// @ts-ignore: decorator
@inline
function rowWrite(x: usize, out: usize, d: i32, centre: v128, factor: v128, w: usize, b: usize, weighted: bool, biased: bool): void {
  const zero = v128.load(ZEROS);
  const end8 = x + (<usize>(d & ~7) << 2), end4 = x + (<usize>(d & ~3) << 2);
  for (; x < end8; x += 32, out += 32) {
    const w0 = weighted ? v128.load(w) : zero, w1 = weighted ? v128.load(w, 16) : zero;
    const b0 = biased ? v128.load(b) : zero, b1 = biased ? v128.load(b, 16) : zero;
    const y0 = normalized(v128.load(x), centre, factor, w0, b0, weighted, biased);
    const y1 = normalized(v128.load(x, 16), centre, factor, w1, b1, weighted, biased);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    if (weighted) w += 32;
    if (biased) b += 32;
  }
  if (x < end4) {
    const w0 = weighted ? v128.load(w) : zero, b0 = biased ? v128.load(b) : zero;
    v128.store(out, normalized(v128.load(x), centre, factor, w0, b0, weighted, biased));
    x += 16;
    out += 16;
    if (weighted) w += 16;
    if (biased) b += 16;
  }
  if (d & 3) {
    const w0 = weighted ? loadPart(w, d & 3) : zero, b0 = biased ? loadPart(b, d & 3) : zero;
    storePart(out, normalized(loadPart(x, d & 3), centre, factor, w0, b0, weighted, biased), d & 3);
  }
}

// prettier-ignore
function writeBoth(x: usize, out: usize, d: i32, c: v128, f: v128, w: usize, b: usize): void { rowWrite(x, out, d, c, f, w, b, true, true); }
// prettier-ignore
function writeWeighted(x: usize, out: usize, d: i32, c: v128, f: v128, w: usize): void { rowWrite(x, out, d, c, f, w, 0, true, false); }
// prettier-ignore
function writeBiased(x: usize, out: usize, d: i32, c: v128, f: v128, b: usize): void { rowWrite(x, out, d, c, f, 0, b, false, true); }
// prettier-ignore
function writePlain(x: usize, out: usize, d: i32, c: v128, f: v128): void { rowWrite(x, out, d, c, f, 0, 0, false, false); }

function write(x: usize, out: usize, d: i32, centre: v128, factor: f32, w: usize, b: usize): void {
  const f = f32x4.splat(factor);
  if (w != 0 && b != 0) writeBoth(x, out, d, centre, f, w, b);
  else if (w != 0) writeWeighted(x, out, d, centre, f, w);
  else if (b != 0) writeBiased(x, out, d, centre, f, b);
  else writePlain(x, out, d, centre, f);
}

function norm(record: usize, ith: i32, nth: i32, centred: bool): void {
  const rows = load<i32>(<usize>load<u32>(record, R.LN_ROWS)), d = load<i32>(record, R.LN_D);
  const weight = <usize>load<u32>(record, R.LN_WEIGHT), bias = <usize>load<u32>(record, R.LN_BIAS);
  const eps = load<f32>(record, R.LN_EPS), count = <f32>d;
  const from = shareStart(rows, ith, nth), to = shareStart(rows, ith + 1, nth);
  const size = <usize>d << 2;
  let x = <usize>load<u32>(record, R.LN_X) + <usize>from * size;
  let out = <usize>load<u32>(record, R.LN_OUT) + <usize>from * size;
  for (let i = from; i < to; i++, x += size, out += size) {
    const centre = f32x4.splat(centred ? rowSum(x, d) / count : 0);
    write(x, out, d, centre, <f32>1 / sqrt<f32>(rowSquares(x, d, centre) / count + eps), weight, bias);
  }
}

export function layerNorm(record: usize, ith: i32, nth: i32): void {
  norm(record, ith, nth, true);
}

export function rmsNorm(record: usize, ith: i32, nth: i32): void {
  norm(record, ith, nth, false);
}

export function l2Normalize(record: usize, ith: i32, nth: i32): void {
  const rows = load<i32>(<usize>load<u32>(record, R.L2_ROWS)), d = load<i32>(record, R.L2_D);
  const eps = load<f32>(record, R.L2_EPS);
  const from = shareStart(rows, ith, nth), to = shareStart(rows, ith + 1, nth);
  const size = <usize>d << 2;
  let x = <usize>load<u32>(record, R.L2_X) + <usize>from * size;
  let out = <usize>load<u32>(record, R.L2_OUT) + <usize>from * size;
  const zero = v128.load(ZEROS);
  for (let i = from; i < to; i++, x += size, out += size) {
    write(x, out, d, zero, <f32>1 / max<f32>(sqrt<f32>(rowSquares(x, d, zero)), eps), 0, 0);
  }
}
