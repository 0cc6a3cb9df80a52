// Softmax over the middle of [outer, n, inner].
//
//   out[o, k, i] = exp(x[o, k, i] - m) / s,   m = max over k of x[o, k, i],   s = sum over k of exp(x[o, k, i] - m)
//
//   inner = 1   a row is n neighbours: lanes run along it           inner > 1   lanes are four neighbours of a row of
//               [ x0 x1 x2 x3 | x4 x5 ... ]                                     `inner`; the steps of k are inner apart
//
// Order: inner = 1 sums in four chains, one for each k mod 4, ascending, joined as (0 + 1) + (2 + 3); inner > 1 in one
// chain, k ascending. A row of nothing but -inf gives zeros; a NaN or +inf in a row makes all of it NaN.
// Error: |out - exact| <= 2^-24 (10 + n / 4 + 5/2 |x - m|) exact (+ 2^-126, below which exp is zero); inner > 1:
// n for n / 4.
// Threads: by rows; with inner > 1 by groups of 16 columns.
// Speed: 4096 x 1024 at 43-47 % of the speed of a copy (33 % where the last cache holds both matrices, and copying takes half the
// time); 39-41 % with two vectors at a time, which shared the loads of the constants instead of keeping them in registers, 33-34 %
// with the maximum of a row before its exps, half of that with exp4. Over the first axis 12-14 %, where four columns at a time
// reached 5 %.
import * as C from '../abi/constants';
import { ZEROS } from '../abi/layout';
import * as R from '../abi/records';
import { expNonPositive4, expNonPositiveOf } from '../math';
import { firstLanes, shareStart } from '../share';
import { loadPart, splat, storePart, sumLanes } from '../simd';
import { scaleRow } from './elementwise';

/** The first n (1..3) floats at an address; the other lanes are -inf, which neither maximum nor sum notices. */
function loadTail(address: usize, n: i32): v128 {
  return v128.bitselect(loadPart(address, n), splat(C.C_NEG_INF), firstLanes(n));
}

/** The largest lane in all lanes. */
// @ts-ignore: decorator
@inline
function spreadMax(x: v128): v128 {
  const y = f32x4.pmax(x, i8x16.shuffle(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  return f32x4.pmax(y, i8x16.shuffle(y, y, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
}

/** What is subtracted before exp: the maximum, but 0 for a row without finite values, whose exps are then all zero. */
// @ts-ignore: decorator
@inline
export function shiftOf(max: v128): v128 {
  return v128.bitselect(splat(ZEROS), max, f32x4.eq(max, splat(C.C_NEG_INF)));
}

/** 1 / sum, or 0 where the sum is zero. */
// @ts-ignore: decorator
@inline
function inverseOf(sum: v128): v128 {
  return v128.andnot(f32x4.div(splat(C.C_ONE), sum), f32x4.eq(sum, splat(ZEROS)));
}

/** 1 / sum, where the sum is that of the lanes of x; 0 where it is 0. */
export function inverseSum(x: v128): f32 {
  const sum = sumLanes(x);
  return sum == 0 ? 0 : load<f32>(C.C_ONE) / sum;
}

/** The maximum of n floats, in all lanes. NaNs are passed over: their exp makes the sum NaN anyway. */
export function rowMax(x: usize, n: i32): v128 {
  let m0 = splat(C.C_NEG_INF),
    m1 = m0,
    m2 = m0,
    m3 = m0;
  const end16 = x + ((<usize>(n & ~15)) << 2),
    end4 = x + ((<usize>(n & ~3)) << 2);
  for (; x < end16; x += 64) {
    m0 = f32x4.pmax(m0, v128.load(x));
    m1 = f32x4.pmax(m1, v128.load(x, 16));
    m2 = f32x4.pmax(m2, v128.load(x, 32));
    m3 = f32x4.pmax(m3, v128.load(x, 48));
  }
  for (; x < end4; x += 16) m0 = f32x4.pmax(m0, v128.load(x));
  if (n & 3) m1 = f32x4.pmax(m1, loadTail(x, n & 3));
  return spreadMax(f32x4.pmax(f32x4.pmax(m0, m1), f32x4.pmax(m2, m3)));
}

/**
 * `count` rows of n floats, one behind the other. While the exps of a row are computed, the next row comes from memory
 * for its maximum: neither waits for the other.
 */
function rows(x: usize, out: usize, n: i32, count: i32): void {
  const bytes = (<usize>n) << 2,
    bytes4 = bytes & ~15;
  // prettier-ignore
  const log2e = splat(C.C_LOG2E), lowest = splat(C.C_EXP2_MIN), round = splat(C.C_ROUND_BIASED), one = splat(C.C_ONE), c5 = splat(C.C_EXP2_5), c4 = splat(C.C_EXP2_4), c3 = splat(C.C_EXP2_3), c2 = splat(C.C_EXP2_2), c1 = splat(C.C_EXP2_1);
  let max = rowMax(x, n);
  for (; count > 0; count--) {
    const shift = shiftOf(max),
      start = out,
      end4 = x + bytes4,
      next = count > 1 ? bytes : 0;
    let sum = splat(ZEROS),
      nextMax = splat(C.C_NEG_INF);
    for (; x < end4; x += 16, out += 16) {
      const e = expNonPositiveOf(f32x4.sub(v128.load(x), shift), log2e, lowest, round, c5, c4, c3, c2, c1, one);
      nextMax = f32x4.pmax(nextMax, v128.load(x + next));
      v128.store(out, e);
      sum = f32x4.add(sum, e);
    }
    if (n & 3) {
      const e = expNonPositive4(f32x4.sub(loadTail(x, n & 3), shift));
      nextMax = f32x4.pmax(nextMax, loadTail(x + next, n & 3));
      storePart(out, e, n & 3);
      sum = f32x4.add(sum, e);
    }
    max = spreadMax(nextMax);
    scaleRow(start, n, inverseSum(sum), start);
    x += bytes - bytes4;
    out = start + bytes;
  }
}

/** Up to four columns, `stride` bytes from one step of k to the next. */
function columns4(x: usize, out: usize, n: i32, stride: usize, width: i32): void {
  const whole = width >= 4,
    end = x + <usize>n * stride;
  let max = splat(C.C_NEG_INF),
    sum = splat(ZEROS);
  for (let p = x; p < end; p += stride) max = f32x4.pmax(max, whole ? v128.load(p) : loadPart(p, width));
  const shift = shiftOf(max);
  for (let p = x, q = out; p < end; p += stride, q += stride) {
    const e = expNonPositive4(f32x4.sub(whole ? v128.load(p) : loadPart(p, width), shift));
    if (whole) v128.store(q, e);
    else storePart(q, e, width);
    sum = f32x4.add(sum, e);
  }
  const factor = inverseOf(sum);
  for (const last = out + <usize>n * stride; out < last; out += stride) {
    if (whole) v128.store(out, f32x4.mul(v128.load(out), factor));
    else storePart(out, f32x4.mul(loadPart(out, width), factor), width);
  }
}

/** 16 columns, a cache line of each step, so that distant steps are fetched once a pass. */
function columns16(x: usize, out: usize, n: i32, stride: usize): void {
  const end = x + <usize>n * stride;
  let m0 = splat(C.C_NEG_INF),
    m1 = m0,
    m2 = m0,
    m3 = m0;
  for (let p = x; p < end; p += stride) {
    m0 = f32x4.pmax(m0, v128.load(p));
    m1 = f32x4.pmax(m1, v128.load(p, 16));
    m2 = f32x4.pmax(m2, v128.load(p, 32));
    m3 = f32x4.pmax(m3, v128.load(p, 48));
  }
  m0 = shiftOf(m0);
  m1 = shiftOf(m1);
  m2 = shiftOf(m2);
  m3 = shiftOf(m3);
  let s0 = splat(ZEROS),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  for (let p = x, q = out; p < end; p += stride, q += stride) {
    let e = expNonPositive4(f32x4.sub(v128.load(p), m0));
    v128.store(q, e);
    s0 = f32x4.add(s0, e);
    e = expNonPositive4(f32x4.sub(v128.load(p, 16), m1));
    v128.store(q, e, 16);
    s1 = f32x4.add(s1, e);
    e = expNonPositive4(f32x4.sub(v128.load(p, 32), m2));
    v128.store(q, e, 32);
    s2 = f32x4.add(s2, e);
    e = expNonPositive4(f32x4.sub(v128.load(p, 48), m3));
    v128.store(q, e, 48);
    s3 = f32x4.add(s3, e);
  }
  s0 = inverseOf(s0);
  s1 = inverseOf(s1);
  s2 = inverseOf(s2);
  s3 = inverseOf(s3);
  for (const last = out + <usize>n * stride; out < last; out += stride) {
    v128.store(out, f32x4.mul(v128.load(out), s0));
    v128.store(out, f32x4.mul(v128.load(out, 16), s1), 16);
    v128.store(out, f32x4.mul(v128.load(out, 32), s2), 32);
    v128.store(out, f32x4.mul(v128.load(out, 48), s3), 48);
  }
}

export function softmax(record: usize, ith: i32, nth: i32): void {
  const x = <usize>load<u32>(record, R.SM_X),
    out = <usize>load<u32>(record, R.SM_OUT);
  const outer = load<i32>(<usize>load<u32>(record, R.SM_OUTER));
  const n = load<i32>(record, R.SM_N),
    inner = load<i32>(record, R.SM_INNER);
  const groups = inner == 1 ? 1 : (inner + 15) >> 4;
  const from = shareStart(outer * groups, ith, nth),
    to = shareStart(outer * groups, ith + 1, nth);
  if (inner == 1) {
    const offset = (<usize>from * n) << 2;
    if (to > from) rows(x + offset, out + offset, n, to - from);
    return;
  }
  const stride = (<usize>inner) << 2;
  for (let i = from; i < to; i++) {
    const o = i / groups,
      column = (i - o * groups) << 4,
      width = inner - column;
    const p = x + ((<usize>o * n * inner + column) << 2),
      q = out + (p - x);
    if (width >= 16) columns16(p, q, n, stride);
    else
      for (let c = 0; c < width; c += 4) columns4(p + ((<usize>c) << 2), q + ((<usize>c) << 2), n, stride, width - c);
  }
}
