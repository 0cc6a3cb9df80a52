// Sum, mean, maximum and minimum over the middle of [outer, n, inner], n >= 1.
//
//   out[o, i] = sum over k of x[o, k, i]        (mean: / n)
//
//   inner = 1   a row is n neighbours: lanes run along it        inner > 1   lanes are neighbours of a row of `inner`
//
// Order: inner = 1 sums in 16 chains, one for each k mod 16, over the whole blocks of 16; what is left goes to the
// first four; they are joined as (0 + 1) + (2 + 3), by vectors and then by lanes. inner > 1 is one chain, k ascending.
// Maximum and minimum are exact and NaN where there is a NaN.
// Error: |out - exact| <= 2^-24 (5 + n / 16) sum of |x| for inner = 1, 2^-24 n sum of |x| for inner > 1 (mean: / n).
// Threads: by rows; with inner > 1 by groups of 16 columns.
import { ZEROS } from '../abi/layout';
import * as R from '../abi/records';
import { firstLanes, shareStart } from '../share';
import { loadPart, splat, storePart, sumLanes } from '../simd';

// @ts-ignore: decorator
@inline
function fold(kind: i32, a: v128, b: v128): v128 {
  if (kind == R.RED_MAX) return f32x4.max(a, b);
  if (kind == R.RED_MIN) return f32x4.min(a, b);
  return f32x4.add(a, b);
}

/** n neighbours to one value. The kind is a constant where this is inlined. */
// @ts-ignore: decorator
@inline
function foldRow(kind: i32, x: usize, n: i32): f32 {
  // What changes nothing: zero for sums, an element of the row for maxima.
  const neutral = kind == R.RED_SUM ? splat(ZEROS) : splat(x);
  let s0 = neutral,
    s1 = s0,
    s2 = s0,
    s3 = s0;
  const end16 = x + ((<usize>(n & ~15)) << 2),
    end4 = x + ((<usize>(n & ~3)) << 2);
  for (; x < end16; x += 64) {
    s0 = fold(kind, s0, v128.load(x));
    s1 = fold(kind, s1, v128.load(x, 16));
    s2 = fold(kind, s2, v128.load(x, 32));
    s3 = fold(kind, s3, v128.load(x, 48));
  }
  for (; x < end4; x += 16) s0 = fold(kind, s0, v128.load(x));
  if (n & 3) s0 = fold(kind, s0, v128.bitselect(loadPart(x, n & 3), neutral, firstLanes(n & 3)));
  s0 = fold(kind, fold(kind, s0, s1), fold(kind, s2, s3));
  if (kind == R.RED_SUM) return sumLanes(s0);
  s0 = fold(kind, s0, i8x16.shuffle(s0, s0, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  s0 = fold(kind, s0, i8x16.shuffle(s0, s0, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(s0, 0);
}

// prettier-ignore
function sumRow(x: usize, n: i32): f32 { return foldRow(R.RED_SUM, x, n); }
// prettier-ignore
function maxRow(x: usize, n: i32): f32 { return foldRow(R.RED_MAX, x, n); }
// prettier-ignore
function minRow(x: usize, n: i32): f32 { return foldRow(R.RED_MIN, x, n); }

/** n rows, `stride` bytes apart, of up to 16 columns to one. The kind is a constant where this is inlined. */
// @ts-ignore: decorator
@inline
function foldColumns(kind: i32, x: usize, n: i32, stride: usize, width: i32, out: usize, divisor: f32): void {
  const sums = kind == R.RED_SUM;
  const d = f32x4.splat(divisor);
  const end = x + <usize>n * stride;
  const first = sums ? x : x + stride;
  if (width >= 16) {
    let s0 = sums ? v128.load(ZEROS) : v128.load(x),
      s1 = sums ? s0 : v128.load(x, 16);
    let s2 = sums ? s0 : v128.load(x, 32),
      s3 = sums ? s0 : v128.load(x, 48);
    for (let p = first; p < end; p += stride) {
      s0 = fold(kind, s0, v128.load(p));
      s1 = fold(kind, s1, v128.load(p, 16));
      s2 = fold(kind, s2, v128.load(p, 32));
      s3 = fold(kind, s3, v128.load(p, 48));
    }
    v128.store(out, sums ? f32x4.div(s0, d) : s0);
    v128.store(out, sums ? f32x4.div(s1, d) : s1, 16);
    v128.store(out, sums ? f32x4.div(s2, d) : s2, 32);
    v128.store(out, sums ? f32x4.div(s3, d) : s3, 48);
    return;
  }
  for (let c = 0; c < width; c += 4) {
    const offset = (<usize>c) << 2,
      lanes = width - c;
    const whole = lanes >= 4;
    let s = sums ? v128.load(ZEROS) : whole ? v128.load(x + offset) : loadPart(x + offset, lanes);
    for (let p = first + offset; p < end; p += stride) s = fold(kind, s, whole ? v128.load(p) : loadPart(p, lanes));
    if (sums) s = f32x4.div(s, d);
    if (whole) v128.store(out + offset, s);
    else storePart(out + offset, s, lanes);
  }
}

// prettier-ignore
function sumColumns(x: usize, n: i32, stride: usize, width: i32, out: usize, divisor: f32): void { foldColumns(R.RED_SUM, x, n, stride, width, out, divisor); }
// prettier-ignore
function maxColumns(x: usize, n: i32, stride: usize, width: i32, out: usize, divisor: f32): void { foldColumns(R.RED_MAX, x, n, stride, width, out, divisor); }
// prettier-ignore
function minColumns(x: usize, n: i32, stride: usize, width: i32, out: usize, divisor: f32): void { foldColumns(R.RED_MIN, x, n, stride, width, out, divisor); }

/** n >= 1 rows, `stride` bytes apart, of up to 16 columns to one row: RED_MAX, RED_MIN, or the sum over a divisor. */
export function reduceColumns(kind: i32, x: usize, n: i32, stride: usize, width: i32, out: usize, divisor: f32): void {
  if (kind == R.RED_MAX) maxColumns(x, n, stride, width, out, divisor);
  else if (kind == R.RED_MIN) minColumns(x, n, stride, width, out, divisor);
  else sumColumns(x, n, stride, width, out, divisor);
}

export function reduce(record: usize, ith: i32, nth: i32): void {
  const x = <usize>load<u32>(record, R.RE_X),
    out = <usize>load<u32>(record, R.RE_OUT);
  const outer = load<i32>(<usize>load<u32>(record, R.RE_OUTER));
  const n = load<i32>(record, R.RE_N),
    inner = load<i32>(record, R.RE_INNER),
    kind = load<i32>(record, R.RE_KIND);
  const divisor = kind == R.RED_MEAN ? <f32>n : <f32>1;
  const groups = inner == 1 ? 1 : (inner + 15) >> 4;
  const from = shareStart(outer * groups, ith, nth),
    to = shareStart(outer * groups, ith + 1, nth);
  if (inner == 1) {
    for (let i = from; i < to; i++) {
      const p = x + ((<usize>i * n) << 2);
      const y = kind == R.RED_MAX ? maxRow(p, n) : kind == R.RED_MIN ? minRow(p, n) : sumRow(p, n) / divisor;
      store<f32>(out + ((<usize>i) << 2), y);
    }
    return;
  }
  for (let i = from; i < to; i++) {
    const o = i / groups,
      column = (i - o * groups) << 4;
    const p = x + ((<usize>o * n * inner + column) << 2),
      q = out + ((<usize>o * inner + column) << 2);
    reduceColumns(kind, p, n, (<usize>inner) << 2, inner - column, q, divisor);
  }
}
