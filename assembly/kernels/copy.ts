// Strided copy: transposes, slices and the parts of a concatenation.
//
//   out[i0, ..., i5] = x[i0, ..., i5]    each side through 6 strides of its own, in elements; they do not overlap
//
// The innermost dimension decides:   runs            both sides have neighbours: vectors, or the engine's memory copy
//                                    tiles           out has neighbours there, x along the first dimension or the
//                                                    second: a transpose, in tiles of 16 rows of out, in blocks of 4 x 4
//                                                    in registers
//                                    elements        anything else
//
// Error: none, bits are moved. Threads: by ranges of 16 elements of out, or by tiles.
import * as R from '../abi/records';
import { shareStart } from '../share';

/** `count` neighbours. Beyond 1 KB the engine's copy is faster than its call is dear. */
function copyRun(x: usize, out: usize, count: i32): void {
  if (count >= 256) {
    memory.copy(out, x, (<usize>count) << 2);
    return;
  }
  const end4 = x + ((<usize>(count & ~3)) << 2),
    end = x + ((<usize>count) << 2);
  for (; x < end4; x += 16, out += 16) v128.store(out, v128.load(x));
  for (; x < end; x += 4, out += 4) store<u32>(out, load<u32>(x));
}

/** `count` elements, strides in bytes. */
function copyElements(x: usize, strideX: usize, out: usize, strideOut: usize, count: i32): void {
  for (let i = 0; i < count; i++, x += strideX, out += strideOut) store<u32>(out, load<u32>(x));
}

/** out[r, c] = x[c, r] for `rows` rows of out (neighbours in x) and `columns` columns (neighbours in out). */
function transposeTile(x: usize, strideX: usize, out: usize, strideOut: usize, rows: i32, columns: i32): void {
  const rows4 = rows & ~3,
    columns4 = columns & ~3;
  for (let c = 0; c < columns4; c += 4, x += strideX << 2, out += 16) {
    let p = x,
      q = out;
    for (let r = 0; r < rows4; r += 4, p += 16, q += strideOut << 2) {
      const a = v128.load(p),
        b = v128.load(p + strideX);
      const p2 = p + (strideX << 1),
        q2 = q + (strideOut << 1);
      const d = v128.load(p2),
        e = v128.load(p2 + strideX);
      const ab = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
      const de = i8x16.shuffle(d, e, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
      const AB = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
      const DE = i8x16.shuffle(d, e, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
      v128.store(q, i8x16.shuffle(ab, de, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
      v128.store(q + strideOut, i8x16.shuffle(ab, de, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
      v128.store(q2, i8x16.shuffle(AB, DE, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
      v128.store(q2 + strideOut, i8x16.shuffle(AB, DE, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
    }
    for (let r = rows4; r < rows; r++, p += 4, q += strideOut) copyElements(p, strideX, q, 4, 4);
  }
  for (let c = columns4; c < columns; c++, x += strideX, out += 4) copyElements(x, 4, out, strideOut, rows);
}

export function copy(record: usize, ith: i32, nth: i32): void {
  const x = <usize>load<u32>(record, R.CP_X),
    out = <usize>load<u32>(record, R.CP_OUT);
  let d0 = load<i32>(<usize>load<u32>(record, R.CP_D0)),
    d1 = load<i32>(record, R.CP_D1);
  let x0 = load<i32>(record, R.CP_X0),
    x1 = load<i32>(record, R.CP_X1);
  let out0 = load<i32>(record, R.CP_OUT0),
    out1 = load<i32>(record, R.CP_OUT1);
  const d2 = load<i32>(record, R.CP_D2),
    d3 = load<i32>(record, R.CP_D3),
    d4 = load<i32>(record, R.CP_D4);
  const x2 = load<i32>(record, R.CP_X2),
    x3 = load<i32>(record, R.CP_X3),
    x4 = load<i32>(record, R.CP_X4);
  const out2 = load<i32>(record, R.CP_OUT2),
    out3 = load<i32>(record, R.CP_OUT3),
    out4 = load<i32>(record, R.CP_OUT4);
  const n = load<i32>(record, R.CP_D5),
    x5 = load<i32>(record, R.CP_X5),
    out5 = load<i32>(record, R.CP_OUT5);
  const runs = x5 == 1 && out5 == 1;
  // The dimension along which x has neighbours, the first or the second: it becomes a dimension of tiles of 16.
  let across = -1,
    height = 0,
    strideOut = 0;
  if (!runs && out5 == 1 && n >= 4) {
    if (x1 == 1 && d1 >= 4) {
      across = 1;
      height = d1;
      strideOut = out1;
      d1 = (d1 + 15) >> 4;
      x1 = 16;
      out1 <<= 4;
    } else if (x0 == 1 && d0 >= 4) {
      across = 0;
      height = d0;
      strideOut = out0;
      d0 = (d0 + 15) >> 4;
      x0 = 16;
      out0 <<= 4;
    }
  }
  // Units: tiles, or elements of out in ranges of 16.
  const length = across < 0 ? n : 1,
    shift = across < 0 ? 4 : 0;
  const total = d0 * d1 * d2 * d3 * d4 * length;
  const blocks = across < 0 ? (total + 15) >> 4 : total;
  const to = min(shareStart(blocks, ith + 1, nth) << shift, total);
  let at = shareStart(blocks, ith, nth) << shift;
  if (at >= to) return;
  const rest = at / length;
  let column = at - rest * length;
  let i3 = rest / d4;
  let i4 = rest - i3 * d4;
  let i2 = i3 / d3;
  i3 -= i2 * d3;
  let i1 = i2 / d2;
  i2 -= i1 * d2;
  let i0 = i1 / d1;
  i1 -= i0 * d1;
  while (true) {
    const count = min(length - column, to - at);
    const p = x + ((<usize>(i0 * x0 + i1 * x1 + i2 * x2 + i3 * x3 + i4 * x4 + column * x5)) << 2);
    const q = out + ((<usize>(i0 * out0 + i1 * out1 + i2 * out2 + i3 * out3 + i4 * out4 + column * out5)) << 2);
    if (runs) {
      copyRun(p, q, count);
    } else if (across < 0) {
      copyElements(p, (<usize>x5) << 2, q, (<usize>out5) << 2, count);
    } else {
      const tile = across ? i1 : i0;
      transposeTile(p, (<usize>x5) << 2, q, (<usize>strideOut) << 2, min(16, height - (tile << 4)), n);
    }
    at += count;
    if (at >= to) return;
    column = 0;
    if (++i4 == d4) {
      i4 = 0;
      if (++i3 == d3) {
        i3 = 0;
        if (++i2 == d2) {
          i2 = 0;
          if (++i1 == d1) {
            i1 = 0;
            i0++;
          }
        }
      }
    }
  }
}
