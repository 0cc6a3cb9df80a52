// Register tiles: the innermost loops of every product of matrices.
//
//   C[rows, 8 p] = init + A[rows, k] B[k, 8 p]     one multiply-add chain an element, k ascending
//
//   a     packed A: [k][rows] f32, so that a step of k reads `rows` neighbours
//   b     packed B: panels of [k][8], f32 or 16 bits (halves.ts); the tiles of 16 columns and the row kernels read several panels
//   init  where the sums start: zeros, a bias (stride 0) or C itself, to resume a longer chain
//
// The loops' pointers stand one step back and move before they are used: what an addition has just made needs no instruction that makes
// 64 bits of it. That saves two instructions a step, and splatRows one less than rows. Processors that take in four a cycle are bound
// by their number: a Xeon (Skylake) that does 38 GFLOP/s in a loop of registers only went from 26 to 32 on V8 13 and later, and
// to 34 as tiles of five and six rows take four steps a turn. Where bounds are checked in code (Deno) that is 8 to 12 % for five rows,
// 6 % for six. Four rows gain nothing on V8 11, and lose 3 % on 13 and later.
//
// Accumulators are locals and are always loaded from memory: V8 keeps at most 15 vectors in registers, and pairs of
// loads, operations and stores at +16 bytes are what its revectoriser can widen. Steps of k that follow one another need an exit in
// between: without one, binaryen sinks the additions of both into one expression, whose operands V8 spills.
// A tile's height is a run-time choice (CTL_TILE_ROWS) because compilers differ in what they keep in registers:
// GFLOP/s of one thread, 512x768x3072, on an EPYC that does 59 in a loop of registers only, fused or mul + add (a processor
// that adds and multiplies on the same two ports, as Intel's do, does 3/4 of that in mul + add):
//
//   rows                        4     5     6     6 x 16
//   relaxed, V8 13 and later    52    53    56      -       revectorised: 71 (6 x 8), 110 (6 x 16)
//   baseline, V8 13 and later   45    48    30      -
//   relaxed, V8 11 and 12       52    34    39      -
//   baseline, V8 11 and 12      44    38    38      -
//   baseline, Firefox           48    45    30      -
//   either, Bun                 30    30    29      -
//
// The order of additions does not depend on the tile, so neither does any result.
import { TYPE_BF16, TYPE_F16, TYPE_F32 } from '../abi/records';
import { madd } from '../simd';
import { highHalves, lowHalves, lowHalvesShifted, maskOf, shiftOf } from './halves';

// A touch list says what a tile brings in for those that come after it: four addresses (u32), by how many bytes they move from
// one touch to the next (0: nothing is touched, C_NO_TOUCHES), and how many bytes of an f32 panel lie between two touches.
export const TOUCH_STEP: usize = 16;
export const TOUCH_STRETCH: usize = 20;

/** Loads a word at each of a list's addresses + offset, and gives the next offset. The values are dropped; a load may trap, so
 *  no compiler may leave it out. */
// @ts-ignore: decorator
@inline
function touch(list: usize, offset: usize): usize {
  load<i32>(<usize>load<u32>(list) + offset);
  load<i32>(<usize>load<u32>(list, 4) + offset);
  load<i32>(<usize>load<u32>(list, 8) + offset);
  load<i32>(<usize>load<u32>(list, 12) + offset);
  return offset + load<u32>(list, TOUCH_STEP);
}

/** Splats what a step of k splats, for nothing but the addresses: V8 adds the offset of a load that splats to where memory begins in an
 *  instruction of its own, and keeps the sum in a register throughout a loop if it was there before. */
// @ts-ignore: decorator
@inline
function splatRows(rows: i32, a: usize): void {
  if (rows > 1) v128.load32_splat(a, 4);
  if (rows > 2) v128.load32_splat(a, 8);
  if (rows > 3) v128.load32_splat(a, 12);
  if (rows > 4) v128.load32_splat(a, 16);
  if (rows > 5) v128.load32_splat(a, 20);
}

/** Of 16-bit weights the tile leaves what it reads in f32 at `to`, one step behind as `a` and `b`, for the strips that follow. */
// prettier-ignore
// @ts-ignore: decorator
@inline
function tile8(rows: i32, type: i32, a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16);
  let c10 = c00, c11 = c01;
  let c20 = c00, c21 = c01;
  let c30 = c00, c31 = c01;
  let c40 = c00, c41 = c01;
  let c50 = c00, c51 = c01;
  if (rows > 1) { init += initStride; c10 = v128.load(init); c11 = v128.load(init, 16); }
  if (rows > 2) { init += initStride; c20 = v128.load(init); c21 = v128.load(init, 16); }
  if (rows > 3) { init += initStride; c30 = v128.load(init); c31 = v128.load(init, 16); }
  if (rows > 4) { init += initStride; c40 = v128.load(init); c41 = v128.load(init, 16); }
  if (rows > 5) { init += initStride; c50 = v128.load(init); c51 = v128.load(init, 16); }
  // beside six rows there is a register for one constant, and not throughout
  const isFull = rows == 6, mask = type == TYPE_F32 || isFull ? c00 : maskOf(type), lift = type != TYPE_F16 || isFull ? c00 : shiftOf(type);
  const shift: usize = type == TYPE_F32 ? 5 : 4;
  splatRows(rows, a);
  const end = b + (<usize>k << shift);
  do {
    const stretch = <usize>load<u32>(ahead, TOUCH_STRETCH), stop = min(b + (type == TYPE_F32 ? stretch : stretch >> 1), end);
    if (load<u32>(ahead, TOUCH_STEP)) offset = touch(ahead, offset);
    do {
      a += <usize>rows << 2;
      b += <usize>1 << shift;
      let b0 = v128.load(b), b1 = b0;
      if (type == TYPE_F32) b1 = v128.load(b, 16);
      else {
        const m = isFull ? maskOf(type) : mask;
        b1 = highHalves(type, b0, m);
        b0 = isFull ? lowHalvesShifted(type, b0, m) : lowHalves(type, b0, m, lift);
        to += 32;
        v128.store(to, b0); v128.store(to, b1, 16);
      }
      let x = v128.load32_splat(a); c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
      if (rows > 1) { x = v128.load32_splat(a, 4); c10 = madd(x, b0, c10); c11 = madd(x, b1, c11); }
      if (rows > 2) { x = v128.load32_splat(a, 8); c20 = madd(x, b0, c20); c21 = madd(x, b1, c21); }
      if (rows > 3) { x = v128.load32_splat(a, 12); c30 = madd(x, b0, c30); c31 = madd(x, b1, c31); }
      if (rows > 4) { x = v128.load32_splat(a, 16); c40 = madd(x, b0, c40); c41 = madd(x, b1, c41); }
      if (rows > 5) { x = v128.load32_splat(a, 20); c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); }
      // written out: no function can change its caller's locals
      if (rows > 4 && type == TYPE_F32) {
        if (b == stop) break;
        a += <usize>rows << 2;
        b += 32;
        b0 = v128.load(b); b1 = v128.load(b, 16);
        x = v128.load32_splat(a); c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
        x = v128.load32_splat(a, 4); c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
        x = v128.load32_splat(a, 8); c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
        x = v128.load32_splat(a, 12); c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
        x = v128.load32_splat(a, 16); c40 = madd(x, b0, c40); c41 = madd(x, b1, c41);
        if (rows > 5) { x = v128.load32_splat(a, 20); c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); }
        if (b == stop) break;
        a += <usize>rows << 2;
        b += 32;
        b0 = v128.load(b); b1 = v128.load(b, 16);
        x = v128.load32_splat(a); c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
        x = v128.load32_splat(a, 4); c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
        x = v128.load32_splat(a, 8); c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
        x = v128.load32_splat(a, 12); c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
        x = v128.load32_splat(a, 16); c40 = madd(x, b0, c40); c41 = madd(x, b1, c41);
        if (rows > 5) { x = v128.load32_splat(a, 20); c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); }
        if (b == stop) break;
        a += <usize>rows << 2;
        b += 32;
        b0 = v128.load(b); b1 = v128.load(b, 16);
        x = v128.load32_splat(a); c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
        x = v128.load32_splat(a, 4); c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
        x = v128.load32_splat(a, 8); c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
        x = v128.load32_splat(a, 12); c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
        x = v128.load32_splat(a, 16); c40 = madd(x, b0, c40); c41 = madd(x, b1, c41);
        if (rows > 5) { x = v128.load32_splat(a, 20); c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); }
      }
    } while (b != stop);
  } while (b != end);
  v128.store(c, c00); v128.store(c, c01, 16);
  if (rows > 1) { c += stride; v128.store(c, c10); v128.store(c, c11, 16); }
  if (rows > 2) { c += stride; v128.store(c, c20); v128.store(c, c21, 16); }
  if (rows > 3) { c += stride; v128.store(c, c30); v128.store(c, c31, 16); }
  if (rows > 4) { c += stride; v128.store(c, c40); v128.store(c, c41, 16); }
  if (rows > 5) { c += stride; v128.store(c, c50); v128.store(c, c51, 16); }
}

// prettier-ignore
function multiply8Rows6(a: usize, b: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(6, TYPE_F32, a, b, 0, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply8Rows5(a: usize, b: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(5, TYPE_F32, a, b, 0, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply8Rows4(a: usize, b: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(4, TYPE_F32, a, b, 0, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply8Rows3(a: usize, b: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(3, TYPE_F32, a, b, 0, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply8Rows2(a: usize, b: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(2, TYPE_F32, a, b, 0, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply8Rows1(a: usize, b: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(1, TYPE_F32, a, b, 0, k, init, initStride, c, stride, ahead, offset); }

/** A tile of 1 to 6 rows and 8 columns of f32. k >= 1; strides in bytes. `ahead` is a touch list, `offset` where in its runs this tile begins. */
// prettier-ignore
export function multiply8(rows: i32, a: usize, b: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void {
  a -= <usize>rows << 2;
  b -= 32;
  switch (rows) {
    case 6: multiply8Rows6(a, b, k, init, initStride, c, stride, ahead, offset); break;
    case 5: multiply8Rows5(a, b, k, init, initStride, c, stride, ahead, offset); break;
    case 4: multiply8Rows4(a, b, k, init, initStride, c, stride, ahead, offset); break;
    case 3: multiply8Rows3(a, b, k, init, initStride, c, stride, ahead, offset); break;
    case 2: multiply8Rows2(a, b, k, init, initStride, c, stride, ahead, offset); break;
    default: multiply8Rows1(a, b, k, init, initStride, c, stride, ahead, offset);
  }
}

// prettier-ignore
function convertF16Rows6(a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(6, TYPE_F16, a, b, to, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function convertF16Rows5(a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(5, TYPE_F16, a, b, to, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function convertF16Rows4(a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(4, TYPE_F16, a, b, to, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function convertF16Rows3(a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(3, TYPE_F16, a, b, to, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function convertBF16Rows6(a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(6, TYPE_BF16, a, b, to, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function convertBF16Rows5(a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(5, TYPE_BF16, a, b, to, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function convertBF16Rows4(a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(4, TYPE_BF16, a, b, to, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function convertBF16Rows3(a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile8(3, TYPE_BF16, a, b, to, k, init, initStride, c, stride, ahead, offset); }

/** The same of 3 to 6 rows with a panel of 16-bit weights, which is at `to` in f32 then. f16 takes A times 2^102 and leaves weights times 2^-102. */
// prettier-ignore
export function convertAndMultiply8(rows: i32, type: i32, a: usize, b: usize, to: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void {
  a -= <usize>rows << 2;
  b -= 16;
  to -= 32;
  if (type == TYPE_F16) {
    switch (rows) {
      case 6: convertF16Rows6(a, b, to, k, init, initStride, c, stride, ahead, offset); break;
      case 5: convertF16Rows5(a, b, to, k, init, initStride, c, stride, ahead, offset); break;
      case 4: convertF16Rows4(a, b, to, k, init, initStride, c, stride, ahead, offset); break;
      default: convertF16Rows3(a, b, to, k, init, initStride, c, stride, ahead, offset);
    }
  } else {
    switch (rows) {
      case 6: convertBF16Rows6(a, b, to, k, init, initStride, c, stride, ahead, offset); break;
      case 5: convertBF16Rows5(a, b, to, k, init, initStride, c, stride, ahead, offset); break;
      case 4: convertBF16Rows4(a, b, to, k, init, initStride, c, stride, ahead, offset); break;
      default: convertBF16Rows3(a, b, to, k, init, initStride, c, stride, ahead, offset);
    }
  }
}

// prettier-ignore
// @ts-ignore: decorator
@inline
function tile16(rows: i32, a: usize, b: usize, second: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16), c02 = v128.load(init, 32), c03 = v128.load(init, 48);
  let c10 = c00, c11 = c01, c12 = c02, c13 = c03;
  let c20 = c00, c21 = c01, c22 = c02, c23 = c03;
  let c30 = c00, c31 = c01, c32 = c02, c33 = c03;
  let c40 = c00, c41 = c01, c42 = c02, c43 = c03;
  let c50 = c00, c51 = c01, c52 = c02, c53 = c03;
  if (rows > 1) { init += initStride; c10 = v128.load(init); c11 = v128.load(init, 16); c12 = v128.load(init, 32); c13 = v128.load(init, 48); }
  if (rows > 2) { init += initStride; c20 = v128.load(init); c21 = v128.load(init, 16); c22 = v128.load(init, 32); c23 = v128.load(init, 48); }
  if (rows > 3) { init += initStride; c30 = v128.load(init); c31 = v128.load(init, 16); c32 = v128.load(init, 32); c33 = v128.load(init, 48); }
  if (rows > 4) { init += initStride; c40 = v128.load(init); c41 = v128.load(init, 16); c42 = v128.load(init, 32); c43 = v128.load(init, 48); }
  if (rows > 5) { init += initStride; c50 = v128.load(init); c51 = v128.load(init, 16); c52 = v128.load(init, 32); c53 = v128.load(init, 48); }
  splatRows(rows, a);
  const end = b + (<usize>k << 5);
  do {
    const stop = min(b + load<u32>(ahead, TOUCH_STRETCH), end);
    if (load<u32>(ahead, TOUCH_STEP)) offset = touch(ahead, offset);
    do {
      a += <usize>rows << 2;
      b += 32;
      const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b + second), b3 = v128.load(b + second, 16);
      let x = v128.load32_splat(a); c00 = madd(x, b0, c00); c01 = madd(x, b1, c01); c02 = madd(x, b2, c02); c03 = madd(x, b3, c03);
      if (rows > 1) { x = v128.load32_splat(a, 4); c10 = madd(x, b0, c10); c11 = madd(x, b1, c11); c12 = madd(x, b2, c12); c13 = madd(x, b3, c13); }
      if (rows > 2) { x = v128.load32_splat(a, 8); c20 = madd(x, b0, c20); c21 = madd(x, b1, c21); c22 = madd(x, b2, c22); c23 = madd(x, b3, c23); }
      if (rows > 3) { x = v128.load32_splat(a, 12); c30 = madd(x, b0, c30); c31 = madd(x, b1, c31); c32 = madd(x, b2, c32); c33 = madd(x, b3, c33); }
      if (rows > 4) { x = v128.load32_splat(a, 16); c40 = madd(x, b0, c40); c41 = madd(x, b1, c41); c42 = madd(x, b2, c42); c43 = madd(x, b3, c43); }
      if (rows > 5) { x = v128.load32_splat(a, 20); c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); c52 = madd(x, b2, c52); c53 = madd(x, b3, c53); }
    } while (b != stop);
  } while (b != end);
  v128.store(c, c00); v128.store(c, c01, 16); v128.store(c, c02, 32); v128.store(c, c03, 48);
  if (rows > 1) { c += stride; v128.store(c, c10); v128.store(c, c11, 16); v128.store(c, c12, 32); v128.store(c, c13, 48); }
  if (rows > 2) { c += stride; v128.store(c, c20); v128.store(c, c21, 16); v128.store(c, c22, 32); v128.store(c, c23, 48); }
  if (rows > 3) { c += stride; v128.store(c, c30); v128.store(c, c31, 16); v128.store(c, c32, 32); v128.store(c, c33, 48); }
  if (rows > 4) { c += stride; v128.store(c, c40); v128.store(c, c41, 16); v128.store(c, c42, 32); v128.store(c, c43, 48); }
  if (rows > 5) { c += stride; v128.store(c, c50); v128.store(c, c51, 16); v128.store(c, c52, 32); v128.store(c, c53, 48); }
}

// prettier-ignore
function multiply16Rows6(a: usize, b: usize, second: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile16(6, a, b, second, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply16Rows5(a: usize, b: usize, second: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile16(5, a, b, second, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply16Rows4(a: usize, b: usize, second: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile16(4, a, b, second, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply16Rows3(a: usize, b: usize, second: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile16(3, a, b, second, k, init, initStride, c, stride, ahead, offset); }
// prettier-ignore
function multiply16Rows2(a: usize, b: usize, second: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void { tile16(2, a, b, second, k, init, initStride, c, stride, ahead, offset); }

/** A tile of 2 to 6 rows and 16 columns of f32, in two panels `second` bytes apart. */
// prettier-ignore
export function multiply16(rows: i32, a: usize, b: usize, second: usize, k: i32, init: usize, initStride: usize, c: usize, stride: usize, ahead: usize, offset: usize): void {
  a -= <usize>rows << 2;
  b -= 32;
  switch (rows) {
    case 6: multiply16Rows6(a, b, second, k, init, initStride, c, stride, ahead, offset); break;
    case 5: multiply16Rows5(a, b, second, k, init, initStride, c, stride, ahead, offset); break;
    case 4: multiply16Rows4(a, b, second, k, init, initStride, c, stride, ahead, offset); break;
    case 3: multiply16Rows3(a, b, second, k, init, initStride, c, stride, ahead, offset); break;
    default: multiply16Rows2(a, b, second, k, init, initStride, c, stride, ahead, offset);
  }
}

/** 1 row of 32 columns: 4 panels, as many as a page or a head of 32 has. */
// prettier-ignore
export function row1x32(a: usize, b: usize, panel: usize, k: i32, init: usize, c: usize): void {
  let c0 = v128.load(init), c1 = v128.load(init, 16), c2 = v128.load(init, 32), c3 = v128.load(init, 48), c4 = v128.load(init, 64), c5 = v128.load(init, 80), c6 = v128.load(init, 96), c7 = v128.load(init, 112);
  a -= 4;
  b -= 32;
  const end = b + (<usize>k << 5);
  do {
    a += 4;
    b += 32;
    let p = b;
    const x = v128.load32_splat(a);
    c0 = madd(x, v128.load(p), c0); c1 = madd(x, v128.load(p, 16), c1);
    p += panel;
    c2 = madd(x, v128.load(p), c2); c3 = madd(x, v128.load(p, 16), c3);
    p += panel;
    c4 = madd(x, v128.load(p), c4); c5 = madd(x, v128.load(p, 16), c5);
    p += panel;
    c6 = madd(x, v128.load(p), c6); c7 = madd(x, v128.load(p, 16), c7);
  } while (b != end);
  v128.store(c, c0); v128.store(c, c1, 16); v128.store(c, c2, 32); v128.store(c, c3, 48); v128.store(c, c4, 64); v128.store(c, c5, 80); v128.store(c, c6, 96); v128.store(c, c7, 112);
}
