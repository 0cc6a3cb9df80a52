// What attention does to a strip of rows of scores between its two products: biases, hidden keys, softmax.
//
// Scores are rows of floats, a multiple of 8 columns, column j the key `from + j`. Exponentials go out as [key][rows], which
// is how the register tiles read their left operand; the transposition hides behind the exponentials' arithmetic. The constants
// are kept in registers: 2.3 ns for four exponentials of one row, 2.9 of several; read at every step they took 3.2 and 3.1 ns, on
// Node 20 3.4 to 4.9.
import * as C from '../abi/constants';
import { ZEROS } from '../abi/layout';
import { expNonPositiveOf } from '../math';
import { madd, splat } from '../simd';
import { addRow } from './elementwise';
import { inverseSum, rowMax, shiftOf } from './softmax';

/** ALiBi: x += slope * (index of the key), from key `from` on, over n floats rounded up to 4. */
export function addSlope(x: usize, from: i32, n: i32, slope: usize): void {
  const factor = splat(slope),
    four = f32x4.splat(4);
  let index = f32x4.add(f32x4.splat(<f32>from), f32x4(0, 1, 2, 3));
  for (const end = x + ((<usize>n) << 2); x < end; x += 16) {
    v128.store(x, madd(factor, index, v128.load(x)));
    index = f32x4.add(index, four);
  }
}

/** x += *bias over n floats. */
function addConstant(x: usize, bias: usize, n: i32): void {
  const b = load<f32>(bias);
  for (const end = x + ((<usize>n) << 2); x < end; x += 4) store<f32>(x, load<f32>(x) + b);
}

/** x += table[clamp(key - query, -distance, distance) + distance] over n keys from `from` on. */
export function addRelative(x: usize, from: i32, n: i32, query: i32, table: usize, distance: i32): void {
  // keys before query - distance and after query + distance share the table's ends
  const low = max(0, min(n, query - distance - from)),
    high = max(low, min(n, query + distance + 1 - from));
  addConstant(x, table, low);
  addRow(x + ((<usize>low) << 2), table + ((<usize>(from + low - query + distance)) << 2), high - low);
  addConstant(x + ((<usize>high) << 2), table + ((<usize>(2 * distance)) << 2), n - high);
}

/** Columns [from, to) become -inf. */
export function hide(x: usize, from: i32, to: i32): void {
  const lowest = load<f32>(C.C_NEG_INF);
  for (let i = from; i < to; i++) store<f32>(x + ((<usize>i) << 2), lowest);
}

/** to = factor * every value at `from`, `step` bytes apart: n floats. */
export function scaleColumn(from: usize, step: usize, n: i32, factor: f32, to: usize): void {
  for (const end = to + ((<usize>n) << 2); to < end; to += 4, from += step) store<f32>(to, load<f32>(from) * factor);
}

// The exponentials of 1, 2 or 4 rows, `stride` bytes apart, go to `to` transposed, keys `step` bytes apart. `factors` has the
// rows' maxima before and 1 / sum after.
// prettier-ignore
// @ts-ignore: decorator
@inline
function exponentialsOf(rows: i32, x: usize, stride: usize, n: i32, to: usize, step: usize, factors: usize): void {
  const log2e = splat(C.C_LOG2E), lowest = splat(C.C_EXP2_MIN), round = splat(C.C_ROUND_BIASED), one = splat(C.C_ONE);
  const c5 = splat(C.C_EXP2_5), c4 = splat(C.C_EXP2_4), c3 = splat(C.C_EXP2_3), c2 = splat(C.C_EXP2_2), c1 = splat(C.C_EXP2_1);
  let s0 = splat(ZEROS), s1 = s0, s2 = s0, s3 = s0;
  for (const end = x + ((<usize>n) << 2); x < end; x += 16) {
    const e0 = expNonPositiveOf(f32x4.sub(v128.load(x), splat(factors)), log2e, lowest, round, c5, c4, c3, c2, c1, one);
    s0 = f32x4.add(s0, e0);
    if (rows == 1) {
      if (step == 4) {
        v128.store(to, e0); to += 16;
      } else {
        v128.store32_lane(to, e0, 0); to += step;
        v128.store32_lane(to, e0, 1); to += step;
        v128.store32_lane(to, e0, 2); to += step;
        v128.store32_lane(to, e0, 3); to += step;
      }
    } else {
      let from = x + stride;
      const e1 = expNonPositiveOf(f32x4.sub(v128.load(from), splat(factors + 4)), log2e, lowest, round, c5, c4, c3, c2, c1, one);
      s1 = f32x4.add(s1, e1);
      const a = i32x4.shuffle(e0, e1, 0, 4, 1, 5), c = i32x4.shuffle(e0, e1, 2, 6, 3, 7);
      if (rows == 2) {
        v128.store64_lane(to, a, 0); to += step;
        v128.store64_lane(to, a, 1); to += step;
        v128.store64_lane(to, c, 0); to += step;
        v128.store64_lane(to, c, 1); to += step;
      } else {
        from += stride;
        const e2 = expNonPositiveOf(f32x4.sub(v128.load(from), splat(factors + 8)), log2e, lowest, round, c5, c4, c3, c2, c1, one);
        s2 = f32x4.add(s2, e2);
        from += stride;
        const e3 = expNonPositiveOf(f32x4.sub(v128.load(from), splat(factors + 12)), log2e, lowest, round, c5, c4, c3, c2, c1, one);
        s3 = f32x4.add(s3, e3);
        const b = i32x4.shuffle(e2, e3, 0, 4, 1, 5), d = i32x4.shuffle(e2, e3, 2, 6, 3, 7);
        v128.store(to, i64x2.shuffle(a, b, 0, 2)); to += step;
        v128.store(to, i64x2.shuffle(a, b, 1, 3)); to += step;
        v128.store(to, i64x2.shuffle(c, d, 0, 2)); to += step;
        v128.store(to, i64x2.shuffle(c, d, 1, 3)); to += step;
      }
    }
  }
  store<f32>(factors, inverseSum(s0));
  if (rows > 1) store<f32>(factors, inverseSum(s1), 4);
  if (rows > 2) { store<f32>(factors, inverseSum(s2), 8); store<f32>(factors, inverseSum(s3), 12); }
}

/** exp(score - the row's maximum) of rows of n scores (a multiple of 8), `stride` bytes apart, as [n][rows] at `to`; `factors` gets each row's 1 / sum, or 0 where no key is left. */
export function exponentials(rows: i32, x: usize, stride: usize, n: i32, to: usize, factors: usize): void {
  const step = (<usize>rows) << 2;
  for (let r = 0; r < rows; r++)
    v128.store32_lane(factors + ((<usize>r) << 2), shiftOf(rowMax(x + <usize>r * stride, n)), 0);
  if (rows >= 4) {
    exponentialsOf(4, x, stride, n, to, step, factors);
    rows -= 4;
    x += stride << 2;
    to += 16;
    factors += 16;
  }
  if (rows >= 2) {
    exponentialsOf(2, x, stride, n, to, step, factors);
    rows -= 2;
    x += stride << 1;
    to += 8;
    factors += 8;
  }
  if (rows == 1) exponentialsOf(1, x, stride, n, to, step, factors);
}
