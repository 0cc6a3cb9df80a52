// Products of few rows, which are as fast as the weights arrive from memory.
//
//   C[rows, 8] = init + A[rows, k] B[k, 8]     for several panels of B at once, each one `apart` bytes from the one before
//
// One row takes 6 panels at a time, two rows 3; of 16-bit weights, whose conversion needs registers, 4 and 2, but one row of f16
// takes 3 where tiles have four rows: with 4 V8 before 13 keeps one sum in memory (a row of SmolLM took 16.0 ms in place of 10.8). 4 in
// place of 3: a row of GPT-2 in f16 takes 3 to 4 % less time, in bf16 5 %, since fewer instructions a byte let the processor see
// further ahead; 5 takes 1 % less still, but widths are seldom multiples of 40. Each panel is the next one of a long run of its own
// (matmul.ts): memory delivers half as much again to several long streams as to one.
//
// 16-bit weights: a lane holds column i of a panel in its low half and column i + 4 in its high half (pack.ts).
//   bf16  shifted or masked, a half is the f32
//   f16   held with the exponent's bias at 25, so that zero has exponent 0 and all other values are normal (halves.ts): shifted by
//         3 and masked, a half is the weight times 2^-102. Here A comes times 2^102 in return: the products are the same
//
// The order of additions is that of the tiles (tile.ts), so the results are the same.
import { CTL_TILE_ROWS } from '../abi/layout';
import { TYPE_BF16, TYPE_F16, TYPE_F32 } from '../abi/records';
import { madd, splat } from '../simd';
import { highHalves, lowHalves, maskOf, shiftOf } from './halves';

// @ts-ignore: decorator
@inline
function convert(type: i32, from: usize, n: i32, to: usize, scale: usize): void {
  const mask = maskOf(type),
    lift = shiftOf(type),
    factor = splat(scale);
  for (const end = from + ((<usize>n) << 4); from < end; from += 16, to += 32) {
    const x = v128.load(from);
    let low = lowHalves(type, x, mask, lift),
      high = highHalves(type, x, mask);
    if (type == TYPE_F16) {
      low = f32x4.mul(low, factor);
      high = f32x4.mul(high, factor);
    }
    v128.store(to, low);
    v128.store(to, high, 16);
  }
}

/** n steps of k of panels of 16-bit weights to f32, those of f16 as weights times 2^-102 times the constant at `scale`. */
export function convertPanel(type: i32, from: usize, n: i32, to: usize, scale: usize): void {
  if (type == TYPE_F16) convert(TYPE_F16, from, n, to, scale);
  else convert(TYPE_BF16, from, n, to, scale);
}

// Accumulators are named by row and panel in one: slot = row * panels + panel, p its columns 0..3 and q 4..7.
// prettier-ignore
// @ts-ignore: decorator
@inline
function product(rows: i32, panels: i32, type: i32, a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void {
  let at = init;
  let p0 = v128.load(at), q0 = v128.load(at, 16), p1 = p0, q1 = q0, p2 = p0, q2 = q0, p3 = p0, q3 = q0, p4 = p0, q4 = q0, p5 = p0, q5 = q0;
  at += initApart; p1 = v128.load(at); q1 = v128.load(at, 16);
  if (panels > 2) { at += initApart; p2 = v128.load(at); q2 = v128.load(at, 16); }
  if (panels > 3) { at += initApart; p3 = v128.load(at); q3 = v128.load(at, 16); }
  if (panels > 4) { at += initApart; p4 = v128.load(at); q4 = v128.load(at, 16); }
  if (panels > 5) { at += initApart; p5 = v128.load(at); q5 = v128.load(at, 16); }
  if (rows > 1) {
    at = init + initStride;
    if (panels == 2) {
      p2 = v128.load(at); q2 = v128.load(at, 16); at += initApart; p3 = v128.load(at); q3 = v128.load(at, 16);
    } else {
      p3 = v128.load(at); q3 = v128.load(at, 16); at += initApart; p4 = v128.load(at); q4 = v128.load(at, 16); at += initApart; p5 = v128.load(at); q5 = v128.load(at, 16);
    }
  }
  const mask = type == TYPE_F32 ? p0 : maskOf(type), lift = type == TYPE_F16 ? shiftOf(type) : p0;
  const shift: usize = type == TYPE_F32 ? 5 : 4;
  const end = b + (<usize>k << shift);
  do {
    let w = b;
    const x0 = splat(a), x1 = rows > 1 ? splat(a + 4) : x0;
    let u = v128.load(w), v = u;
    if (type == TYPE_F32) v = v128.load(w, 16); else { v = highHalves(type, u, mask); u = lowHalves(type, u, mask, lift); }
    p0 = madd(x0, u, p0); q0 = madd(x0, v, q0);
    if (rows > 1) { if (panels == 2) { p2 = madd(x1, u, p2); q2 = madd(x1, v, q2); } else { p3 = madd(x1, u, p3); q3 = madd(x1, v, q3); } }
    w += apart; u = v128.load(w);
    if (type == TYPE_F32) v = v128.load(w, 16); else { v = highHalves(type, u, mask); u = lowHalves(type, u, mask, lift); }
    p1 = madd(x0, u, p1); q1 = madd(x0, v, q1);
    if (rows > 1) { if (panels == 2) { p3 = madd(x1, u, p3); q3 = madd(x1, v, q3); } else { p4 = madd(x1, u, p4); q4 = madd(x1, v, q4); } }
    if (panels > 2) {
      w += apart; u = v128.load(w);
      if (type == TYPE_F32) v = v128.load(w, 16); else { v = highHalves(type, u, mask); u = lowHalves(type, u, mask, lift); }
      p2 = madd(x0, u, p2); q2 = madd(x0, v, q2);
      if (rows > 1) { p5 = madd(x1, u, p5); q5 = madd(x1, v, q5); }
    }
    if (panels > 3) {
      w += apart; u = v128.load(w);
      if (type == TYPE_F32) v = v128.load(w, 16); else { v = highHalves(type, u, mask); u = lowHalves(type, u, mask, lift); }
      p3 = madd(x0, u, p3); q3 = madd(x0, v, q3);
    }
    if (panels > 4) {
      w += apart; u = v128.load(w);
      if (type == TYPE_F32) v = v128.load(w, 16); else { v = highHalves(type, u, mask); u = lowHalves(type, u, mask, lift); }
      p4 = madd(x0, u, p4); q4 = madd(x0, v, q4);
    }
    if (panels > 5) {
      w += apart; u = v128.load(w);
      if (type == TYPE_F32) v = v128.load(w, 16); else { v = highHalves(type, u, mask); u = lowHalves(type, u, mask, lift); }
      p5 = madd(x0, u, p5); q5 = madd(x0, v, q5);
    }
    a += <usize>rows << 2;
    b += <usize>1 << shift;
  } while (b != end);
  at = c;
  v128.store(at, p0); v128.store(at, q0, 16); at += cApart; v128.store(at, p1); v128.store(at, q1, 16);
  if (panels > 2) { at += cApart; v128.store(at, p2); v128.store(at, q2, 16); }
  if (panels > 3) { at += cApart; v128.store(at, p3); v128.store(at, q3, 16); }
  if (panels > 4) { at += cApart; v128.store(at, p4); v128.store(at, q4, 16); }
  if (panels > 5) { at += cApart; v128.store(at, p5); v128.store(at, q5, 16); }
  if (rows > 1) {
    at = c + stride;
    if (panels == 2) {
      v128.store(at, p2); v128.store(at, q2, 16); at += cApart; v128.store(at, p3); v128.store(at, q3, 16);
    } else {
      v128.store(at, p3); v128.store(at, q3, 16); at += cApart; v128.store(at, p4); v128.store(at, q4, 16); at += cApart; v128.store(at, p5); v128.store(at, q5, 16);
    }
  }
}

// prettier-ignore
function row1x6(a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void { product(1, 6, TYPE_F32, a, b, apart, k, init, initStride, initApart, c, stride, cApart); }
// prettier-ignore
function row2x3(a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void { product(2, 3, TYPE_F32, a, b, apart, k, init, initStride, initApart, c, stride, cApart); }
// prettier-ignore
function row1x3F16(a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void { product(1, 3, TYPE_F16, a, b, apart, k, init, initStride, initApart, c, stride, cApart); }
// prettier-ignore
function row1x4F16(a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void { product(1, 4, TYPE_F16, a, b, apart, k, init, initStride, initApart, c, stride, cApart); }
// prettier-ignore
function row2x2F16(a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void { product(2, 2, TYPE_F16, a, b, apart, k, init, initStride, initApart, c, stride, cApart); }
// prettier-ignore
function row1x4BF16(a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void { product(1, 4, TYPE_BF16, a, b, apart, k, init, initStride, initApart, c, stride, cApart); }
// prettier-ignore
function row2x2BF16(a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void { product(2, 2, TYPE_BF16, a, b, apart, k, init, initStride, initApart, c, stride, cApart); }

/** Whether the compiler has too few registers for the four panels of a row. */
// @ts-ignore: decorator
@inline
function hasFewRegisters(type: i32): bool {
  return type == TYPE_F16 && load<i32>(CTL_TILE_ROWS) == 4;
}

/** How many panels multiplyRows takes at a time. */
// @ts-ignore: decorator
@inline
export function panelsAtOnce(rows: i32, type: i32): i32 {
  if (type == TYPE_F32) return rows == 1 ? 6 : 3;
  if (rows == 2) return 2;
  return hasFewRegisters(type) ? 3 : 4;
}

/** One or two rows times as many panels as panelsAtOnce says, `apart` bytes from each other; their columns of C are `cApart` from
 *  each other, those of init `initApart`. f16 takes A times 2^102. k >= 1. */
// prettier-ignore
export function multiplyRows(rows: i32, type: i32, a: usize, b: usize, apart: usize, k: i32, init: usize, initStride: usize, initApart: usize, c: usize, stride: usize, cApart: usize): void {
  if (type == TYPE_F16) {
    if (rows == 2) row2x2F16(a, b, apart, k, init, initStride, initApart, c, stride, cApart);
    else if (hasFewRegisters(type)) row1x3F16(a, b, apart, k, init, initStride, initApart, c, stride, cApart);
    else row1x4F16(a, b, apart, k, init, initStride, initApart, c, stride, cApart);
  } else if (type == TYPE_BF16) {
    if (rows == 2) row2x2BF16(a, b, apart, k, init, initStride, initApart, c, stride, cApart);
    else row1x4BF16(a, b, apart, k, init, initStride, initApart, c, stride, cApart);
  } else if (rows == 1) row1x6(a, b, apart, k, init, initStride, initApart, c, stride, cApart);
  else row2x3(a, b, apart, k, init, initStride, initApart, c, stride, cApart);
}
