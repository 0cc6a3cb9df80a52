// Elementary functions on four floats at a time. All constants come from the table: a v128 literal inside a loop is
// rebuilt at every iteration. Bounds are against f64 over all of f32; a NaN gives a NaN.
//
//   exp                   < 1 ulp
//   expNonPositive        < 2^-24 (3 + 5/4 |x|) relative; an exact zero below -126.5 ln 2
//   tanh                  < 4 ulp
//   sigmoid, silu         < 3 ulp
//   gelu (erf form)       < 2.5e-7 + 2^-24 |x|, and for negative x also 1e-5 relative
//   gelu (tanh form)      < 3e-7 relative for |x| < 1, 2e-5 elsewhere
//   quick gelu            < 1e-6 relative for |x| < 8, 1e-5 elsewhere
//
// Where the exact result is below 2^-126 (1 + |x|) all of them may give zero instead.
import * as C from './abi/constants';
import { ZEROS } from './abi/layout';
import * as R from './abi/records';
import { madd, nmadd, splat } from './simd';

/** e^x. Zero below C_EXP_MIN, infinite above C_EXP_MAX. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // x log2 e, rounded to an integer n by adding 1.5 * 2^23; the low bits of t are n.
  const t = madd(x, splat(C.C_LOG2E), splat(C.C_ROUND));
  const n = f32x4.sub(t, splat(C.C_ROUND));
  const r = nmadd(n, splat(C.C_LN2_LO), nmadd(n, splat(C.C_LN2_HI), x));
  let p = madd(splat(C.C_EXP_0), r, splat(C.C_EXP_1));
  p = madd(p, r, splat(C.C_EXP_2));
  p = madd(p, r, splat(C.C_EXP_3));
  p = madd(p, r, splat(C.C_EXP_4));
  p = madd(p, r, splat(C.C_EXP_5));
  p = madd(madd(p, r, splat(C.C_ONE)), r, splat(C.C_ONE));
  // n goes into the exponent by an integer addition: as a factor, 2^128 would not exist.
  let y = i32x4.add(p, i32x4.shl(t, 23));
  y = v128.andnot(y, f32x4.lt(x, splat(C.C_EXP_MIN)));
  return v128.bitselect(y, f32x4.mul(x, splat(C.C_INF)), f32x4.le(x, splat(C.C_EXP_MAX)));
}

/** e^x for x <= 0 as 2^(x log2 e), a third cheaper than exp4: for weights that are about to be summed. */
// @ts-ignore: decorator
@inline
export function expNonPositive4(x: v128): v128 {
  return expNonPositiveOf(
    x,
    splat(C.C_LOG2E),
    splat(C.C_EXP2_MIN),
    splat(C.C_ROUND_BIASED),
    splat(C.C_EXP2_5),
    splat(C.C_EXP2_4),
    splat(C.C_EXP2_3),
    splat(C.C_EXP2_2),
    splat(C.C_EXP2_1),
    splat(C.C_ONE),
  );
}

/** The same with its constants as they are named in C_: a loop that keeps them in registers takes two thirds of the time. */
// prettier-ignore
// @ts-ignore: decorator
@inline
export function expNonPositiveOf(x: v128, log2e: v128, lowest: v128, round: v128, c5: v128, c4: v128, c3: v128, c2: v128, c1: v128, one: v128): v128 {
  const y = f32x4.pmax(x, lowest);
  // y log2 e = n + f; the low bits of s are n as an exponent.
  const s = madd(y, log2e, round);
  const f = madd(y, log2e, f32x4.sub(round, s));
  let p = madd(c5, f, c4);
  p = madd(p, f, c3);
  p = madd(p, f, c2);
  p = madd(p, f, c1);
  return f32x4.mul(madd(p, f, one), i32x4.shl(s, 23));
}

/** tanh: a polynomial near zero, (1 - e) / (1 + e) with e = exp(-2 |x|) elsewhere. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const a = f32x4.abs(x);
  const e = expNonPositive4(f32x4.mul(a, splat(C.C_MINUS_TWO)));
  const one = splat(C.C_ONE);
  const large = v128.or(f32x4.div(f32x4.sub(one, e), f32x4.add(one, e)), v128.xor(x, a));
  const z = f32x4.mul(x, x);
  let p = madd(splat(C.C_TANH_5), z, splat(C.C_TANH_4));
  p = madd(p, z, splat(C.C_TANH_3));
  p = madd(p, z, splat(C.C_TANH_2));
  p = madd(p, z, splat(C.C_TANH_1));
  return v128.bitselect(madd(f32x4.mul(p, z), x, x), large, f32x4.lt(a, splat(C.C_TANH_SMALL)));
}

/** x / (1 + e^y): the shape of every sigmoid-weighted activation. */
// @ts-ignore: decorator
@inline
function gated(x: v128, y: v128): v128 {
  return f32x4.div(x, f32x4.add(splat(C.C_ONE), exp4(y)));
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  return gated(splat(C.C_ONE), f32x4.neg(x));
}

/** x sigmoid(x). */
// @ts-ignore: decorator
@inline
export function silu4(x: v128): v128 {
  return gated(x, f32x4.neg(x));
}

/** x sigmoid(1.702 x). */
// @ts-ignore: decorator
@inline
export function quickGelu4(x: v128): v128 {
  return gated(x, f32x4.mul(x, splat(C.C_QUICK_GELU)));
}

/** x (1 + tanh(u)) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3). */
// @ts-ignore: decorator
@inline
export function geluTanh4(x: v128): v128 {
  const s = madd(f32x4.mul(x, x), splat(C.C_GELU_B), splat(C.C_GELU_A));
  return gated(x, f32x4.mul(x, s));
}

/** x (1 + erf(x / sqrt 2)) / 2, as max(x, 0) - |x| erfc(|x| / sqrt 2) / 2: no cancellation on either side. */
// @ts-ignore: decorator
@inline
export function gelu4(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), splat(C.C_TAIL_MAX)),
    one = splat(C.C_ONE);
  const t = f32x4.div(one, madd(a, splat(C.C_TAIL_P), one));
  let p = madd(splat(C.C_TAIL_7), t, splat(C.C_TAIL_6));
  p = madd(p, t, splat(C.C_TAIL_5));
  p = madd(p, t, splat(C.C_TAIL_4));
  p = madd(p, t, splat(C.C_TAIL_3));
  p = madd(p, t, splat(C.C_TAIL_2));
  p = f32x4.mul(madd(p, t, splat(C.C_TAIL_1)), t);
  // 2^(a^2 c) as in expNonPositive4.
  const square = f32x4.mul(a, a),
    c = splat(C.C_TAIL_EXP),
    round = splat(C.C_ROUND_BIASED);
  const s = madd(square, c, round);
  const f = madd(square, c, f32x4.sub(round, s));
  let e = madd(splat(C.C_EXP2_5), f, splat(C.C_EXP2_4));
  e = madd(e, f, splat(C.C_EXP2_3));
  e = madd(e, f, splat(C.C_EXP2_2));
  e = madd(e, f, splat(C.C_EXP2_1));
  e = f32x4.mul(madd(e, f, one), i32x4.shl(s, 23));
  return madd(f32x4.mul(p, e), a, relu4(x));
}

/** gelu4 of 8 floats in memory, the same bits: interleaved, two vectors share the loads of the constants. */
// @ts-ignore: decorator
@inline
export function gelu8(x: usize, out: usize): void {
  const x0 = v128.load(x),
    x1 = v128.load(x, 16),
    one = splat(C.C_ONE);
  let c = splat(C.C_TAIL_MAX);
  const a0 = f32x4.pmin(f32x4.abs(x0), c),
    a1 = f32x4.pmin(f32x4.abs(x1), c);
  c = splat(C.C_TAIL_P);
  const t0 = f32x4.div(one, madd(a0, c, one)),
    t1 = f32x4.div(one, madd(a1, c, one));
  // First the exponential, which does not wait for the divisions.
  c = splat(C.C_TAIL_EXP);
  let d = splat(C.C_ROUND_BIASED);
  const square0 = f32x4.mul(a0, a0),
    square1 = f32x4.mul(a1, a1);
  const s0 = madd(square0, c, d),
    s1 = madd(square1, c, d);
  const f0 = madd(square0, c, f32x4.sub(d, s0)),
    f1 = madd(square1, c, f32x4.sub(d, s1));
  c = splat(C.C_EXP2_5);
  d = splat(C.C_EXP2_4);
  let e0 = madd(c, f0, d),
    e1 = madd(c, f1, d);
  c = splat(C.C_EXP2_3);
  e0 = madd(e0, f0, c);
  e1 = madd(e1, f1, c);
  c = splat(C.C_EXP2_2);
  e0 = madd(e0, f0, c);
  e1 = madd(e1, f1, c);
  c = splat(C.C_EXP2_1);
  e0 = madd(e0, f0, c);
  e1 = madd(e1, f1, c);
  e0 = f32x4.mul(madd(e0, f0, one), i32x4.shl(s0, 23));
  e1 = f32x4.mul(madd(e1, f1, one), i32x4.shl(s1, 23));
  c = splat(C.C_TAIL_7);
  d = splat(C.C_TAIL_6);
  let p0 = madd(c, t0, d),
    p1 = madd(c, t1, d);
  c = splat(C.C_TAIL_5);
  p0 = madd(p0, t0, c);
  p1 = madd(p1, t1, c);
  c = splat(C.C_TAIL_4);
  p0 = madd(p0, t0, c);
  p1 = madd(p1, t1, c);
  c = splat(C.C_TAIL_3);
  p0 = madd(p0, t0, c);
  p1 = madd(p1, t1, c);
  c = splat(C.C_TAIL_2);
  p0 = madd(p0, t0, c);
  p1 = madd(p1, t1, c);
  c = splat(C.C_TAIL_1);
  p0 = f32x4.mul(madd(p0, t0, c), t0);
  p1 = f32x4.mul(madd(p1, t1, c), t1);
  v128.store(out, madd(f32x4.mul(p0, e0), a0, relu4(x0)));
  v128.store(out, madd(f32x4.mul(p1, e1), a1, relu4(x1)), 16);
}

/** max(x, 0), and NaN for NaN. */
// @ts-ignore: decorator
@inline
export function relu4(x: v128): v128 {
  return f32x4.pmax(x, splat(ZEROS));
}

/** One activation, ACT_*. With a constant kind it folds to that function alone. */
// @ts-ignore: decorator
@inline
export function activateInline(kind: i32, x: v128): v128 {
  switch (kind) {
    case R.ACT_RELU:
      return relu4(x);
    case R.ACT_GELU:
      return gelu4(x);
    case R.ACT_GELU_TANH:
      return geluTanh4(x);
    case R.ACT_SILU:
      return silu4(x);
    case R.ACT_TANH:
      return tanh4(x);
    case R.ACT_SIGMOID:
      return sigmoid4(x);
    case R.ACT_EXP:
      return exp4(x);
    case R.ACT_NEG:
      return f32x4.neg(x);
    case R.ACT_SQRT:
      return f32x4.sqrt(x);
    case R.ACT_ABS:
      return f32x4.abs(x);
    case R.ACT_QUICK_GELU:
      return quickGelu4(x);
    default:
      return x;
  }
}

/** One activation of ACT_* on four floats; ACT_NONE gives them back. */
export function activate(kind: i32, x: v128): v128 {
  return activateInline(kind, x);
}
