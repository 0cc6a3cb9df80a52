// Activations and arithmetic, element by element.
//
//   unary    out[i] = act(x[i])                             rows * width elements; out may be x
//   binary   out[i0, i1, i2, i3] = a[...] op b[...]         out contiguous; a and b through strides, of which 0
//            broadcasts; the innermost ones are 0 or 1. out may be an operand that is not broadcast.
//
// Error: binary is exactly rounded, max and min give NaN where an operand is NaN; unary has the bounds of math.ts.
// Threads: by ranges of 16 elements.
import * as R from '../abi/records';
import { activate, activateInline, gelu8 } from '../math';
import { shareStart } from '../share';
import { loadPart, splat, storePart } from '../simd';

/** The loop over a run. The kind is a constant where this is inlined. */
// @ts-ignore: decorator
@inline
function map(kind: i32, x: usize, out: usize, count: i32): void {
  const end8 = x + ((<usize>(count & ~7)) << 2),
    end4 = x + ((<usize>(count & ~3)) << 2);
  for (; x < end8; x += 32, out += 32) {
    if (kind == R.ACT_GELU) {
      gelu8(x, out);
    } else {
      const u = activateInline(kind, v128.load(x)),
        v = activateInline(kind, v128.load(x, 16));
      v128.store(out, u);
      v128.store(out, v, 16);
    }
  }
  if (x < end4) {
    v128.store(out, activateInline(kind, v128.load(x)));
    x += 16;
    out += 16;
  }
  if (count & 3) storePart(out, activateInline(kind, loadPart(x, count & 3)), count & 3);
}

// prettier-ignore
function mapGelu(x: usize, out: usize, count: i32): void { map(R.ACT_GELU, x, out, count); }
// prettier-ignore
function mapGeluTanh(x: usize, out: usize, count: i32): void { map(R.ACT_GELU_TANH, x, out, count); }
// prettier-ignore
function mapSilu(x: usize, out: usize, count: i32): void { map(R.ACT_SILU, x, out, count); }
// prettier-ignore
function mapQuickGelu(x: usize, out: usize, count: i32): void { map(R.ACT_QUICK_GELU, x, out, count); }
// prettier-ignore
function mapRelu(x: usize, out: usize, count: i32): void { map(R.ACT_RELU, x, out, count); }
/** The others share a loop that chooses again for every vector. */
function mapAny(kind: i32, x: usize, out: usize, count: i32): void {
  const end4 = x + ((<usize>(count & ~3)) << 2);
  for (; x < end4; x += 16, out += 16) v128.store(out, activate(kind, v128.load(x)));
  if (count & 3) storePart(out, activate(kind, loadPart(x, count & 3)), count & 3);
}

/** to = factor * from over n floats; in place, too. */
export function scaleRow(from: usize, n: i32, factor: f32, to: usize): void {
  const f = f32x4.splat(factor);
  const end8 = from + ((<usize>(n & ~7)) << 2),
    end4 = from + ((<usize>(n & ~3)) << 2);
  for (; from < end8; from += 32, to += 32) {
    const u = f32x4.mul(v128.load(from), f),
      v = f32x4.mul(v128.load(from, 16), f);
    v128.store(to, u);
    v128.store(to, v, 16);
  }
  if (from < end4) {
    v128.store(to, f32x4.mul(v128.load(from), f));
    from += 16;
    to += 16;
  }
  if (n & 3) storePart(to, f32x4.mul(loadPart(from, n & 3), f), n & 3);
}

/** x += y over n floats. */
export function addRow(x: usize, y: usize, n: i32): void {
  const end = x + ((<usize>n) << 2);
  for (; x + 16 <= end; x += 16, y += 16) v128.store(x, f32x4.add(v128.load(x), v128.load(y)));
  const left = (<i32>(end - x)) >> 2;
  if (left > 0) storePart(x, f32x4.add(loadPart(x, left), loadPart(y, left)), left);
}

/** out = act(x) over a run of `count` floats; out may be x. */
export function activateRow(kind: i32, x: usize, out: usize, count: i32): void {
  switch (kind) {
    case R.ACT_GELU:
      mapGelu(x, out, count);
      break;
    case R.ACT_GELU_TANH:
      mapGeluTanh(x, out, count);
      break;
    case R.ACT_SILU:
      mapSilu(x, out, count);
      break;
    case R.ACT_QUICK_GELU:
      mapQuickGelu(x, out, count);
      break;
    case R.ACT_RELU:
      mapRelu(x, out, count);
      break;
    default:
      mapAny(kind, x, out, count);
  }
}

export function unary(record: usize, ith: i32, nth: i32): void {
  const x = <usize>load<u32>(record, R.UN_X),
    out = <usize>load<u32>(record, R.UN_OUT);
  const count = load<i32>(<usize>load<u32>(record, R.UN_ROWS)) * load<i32>(record, R.UN_WIDTH);
  const blocks = (count + 15) >> 4;
  const from = shareStart(blocks, ith, nth) << 4,
    to = min(shareStart(blocks, ith + 1, nth) << 4, count);
  if (from < to) {
    const offset = (<usize>from) << 2;
    activateRow(load<i32>(record, R.UN_KIND), x + offset, out + offset, to - from);
  }
}

// @ts-ignore: decorator
@inline
function combine(kind: i32, a: v128, b: v128): v128 {
  if (kind == R.BIN_ADD) return f32x4.add(a, b);
  if (kind == R.BIN_SUB) return f32x4.sub(a, b);
  if (kind == R.BIN_MUL) return f32x4.mul(a, b);
  if (kind == R.BIN_DIV) return f32x4.div(a, b);
  if (kind == R.BIN_MAX) return f32x4.max(a, b);
  return f32x4.min(a, b);
}

/** A run of `count` elements; spreadA, spreadB: that operand is one element, not a run. Constants where inlined. */
// @ts-ignore: decorator
@inline
function combineRun(kind: i32, a: usize, b: usize, out: usize, count: i32, spreadA: bool, spreadB: bool): void {
  const u = splat(a),
    v = splat(b);
  const end8 = out + ((<usize>(count & ~7)) << 2),
    end4 = out + ((<usize>(count & ~3)) << 2);
  while (out < end8) {
    const y0 = combine(kind, spreadA ? u : v128.load(a), spreadB ? v : v128.load(b));
    const y1 = combine(kind, spreadA ? u : v128.load(a, 16), spreadB ? v : v128.load(b, 16));
    v128.store(out, y0);
    v128.store(out, y1, 16);
    if (!spreadA) a += 32;
    if (!spreadB) b += 32;
    out += 32;
  }
  if (out < end4) {
    v128.store(out, combine(kind, spreadA ? u : v128.load(a), spreadB ? v : v128.load(b)));
    if (!spreadA) a += 16;
    if (!spreadB) b += 16;
    out += 16;
  }
  const n = count & 3;
  if (n) storePart(out, combine(kind, spreadA ? u : loadPart(a, n), spreadB ? v : loadPart(b, n)), n);
}

/** A run whose strides are 0 or 1. */
// @ts-ignore: decorator
@inline
function combineStrided(kind: i32, a: usize, b: usize, out: usize, count: i32, strideA: i32, strideB: i32): void {
  if (strideA == 0) combineRun(kind, a, b, out, count, true, strideB == 0);
  else if (strideB == 0) combineRun(kind, a, b, out, count, false, true);
  else combineRun(kind, a, b, out, count, false, false);
}

// prettier-ignore
function addRun(a: usize, b: usize, out: usize, count: i32, sa: i32, sb: i32): void { combineStrided(R.BIN_ADD, a, b, out, count, sa, sb); }
// prettier-ignore
function subRun(a: usize, b: usize, out: usize, count: i32, sa: i32, sb: i32): void { combineStrided(R.BIN_SUB, a, b, out, count, sa, sb); }
// prettier-ignore
function mulRun(a: usize, b: usize, out: usize, count: i32, sa: i32, sb: i32): void { combineStrided(R.BIN_MUL, a, b, out, count, sa, sb); }
// prettier-ignore
function divRun(a: usize, b: usize, out: usize, count: i32, sa: i32, sb: i32): void { combineStrided(R.BIN_DIV, a, b, out, count, sa, sb); }
// prettier-ignore
function maxRun(a: usize, b: usize, out: usize, count: i32, sa: i32, sb: i32): void { combineStrided(R.BIN_MAX, a, b, out, count, sa, sb); }
// prettier-ignore
function minRun(a: usize, b: usize, out: usize, count: i32, sa: i32, sb: i32): void { combineStrided(R.BIN_MIN, a, b, out, count, sa, sb); }

export function binary(record: usize, ith: i32, nth: i32): void {
  const a = <usize>load<u32>(record, R.BI_A),
    b = <usize>load<u32>(record, R.BI_B);
  const kind = load<i32>(record, R.BI_KIND);
  let d0 = load<i32>(<usize>load<u32>(record, R.BI_D0)),
    d1 = load<i32>(record, R.BI_D1);
  let d2 = load<i32>(record, R.BI_D2),
    n = load<i32>(record, R.BI_D3);
  let a0 = load<i32>(record, R.BI_A0),
    a1 = load<i32>(record, R.BI_A1),
    a2 = load<i32>(record, R.BI_A2);
  let b0 = load<i32>(record, R.BI_B0),
    b1 = load<i32>(record, R.BI_B1),
    b2 = load<i32>(record, R.BI_B2);
  let strideA = load<i32>(record, R.BI_A3),
    strideB = load<i32>(record, R.BI_B3);
  const total = d0 * d1 * d2 * n;
  // Rows that follow each other without a gap (or of one element) are one long row.
  for (let i = 0; i < 3; i++) {
    if (n == 1) {
      if (d2 != 1 && ((a2 | b2) & ~1) != 0) break;
      strideA = d2 == 1 ? 0 : a2;
      strideB = d2 == 1 ? 0 : b2;
    } else if (d2 != 1 && (a2 != strideA * n || b2 != strideB * n)) break;
    n *= d2;
    d2 = d1;
    a2 = a1;
    b2 = b1;
    d1 = d0;
    a1 = a0;
    b1 = b0;
    d0 = 1;
    a0 = 0;
    b0 = 0;
  }
  const blocks = (total + 15) >> 4;
  const to = min(shareStart(blocks, ith + 1, nth) << 4, total);
  let at = shareStart(blocks, ith, nth) << 4;
  if (at >= to) return;
  let out = <usize>load<u32>(record, R.BI_OUT) + ((<usize>at) << 2);
  const rest = at / n;
  let column = at - rest * n;
  let i1 = rest / d2;
  let i2 = rest - i1 * d2;
  let i0 = i1 / d1;
  i1 -= i0 * d1;
  while (true) {
    const count = min(n - column, to - at);
    const p = a + ((<usize>(i0 * a0 + i1 * a1 + i2 * a2 + column * strideA)) << 2);
    const q = b + ((<usize>(i0 * b0 + i1 * b1 + i2 * b2 + column * strideB)) << 2);
    switch (kind) {
      case R.BIN_ADD:
        addRun(p, q, out, count, strideA, strideB);
        break;
      case R.BIN_SUB:
        subRun(p, q, out, count, strideA, strideB);
        break;
      case R.BIN_MUL:
        mulRun(p, q, out, count, strideA, strideB);
        break;
      case R.BIN_DIV:
        divRun(p, q, out, count, strideA, strideB);
        break;
      case R.BIN_MAX:
        maxRun(p, q, out, count, strideA, strideB);
        break;
      default:
        minRun(p, q, out, count, strideA, strideB);
    }
    at += count;
    if (at >= to) return;
    out += (<usize>count) << 2;
    column = 0;
    if (++i2 == d2) {
      i2 = 0;
      if (++i1 == d1) {
        i1 = 0;
        i0++;
      }
    }
  }
}
