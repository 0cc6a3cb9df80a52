// Strips: how rows are cut for the register tiles, and the packing of a strip.
//
// n rows make ceil(n / height) strips whose sizes differ by at most one (16 rows make 6 + 5 + 5, not 6 + 6 + 4): a thin
// last strip would have too few chains in flight. A packed strip is [k][rows]: the tile reads it front to back.
import { storeColumns } from '../simd';

// @ts-ignore: decorator
@inline
export function stripCount(n: i32, height: i32): i32 {
  return (n + height - 1) / height;
}

/** Rows of strip s when n rows make `count` strips: the longer ones come first. */
// @ts-ignore: decorator
@inline
export function stripRows(n: i32, count: i32, s: i32): i32 {
  const base = n / count;
  return s < n - base * count ? base + 1 : base;
}

/** Transposes 4 rows of k floats, `stride` bytes apart, into columns `step` bytes apart. */
// @ts-ignore: decorator
@inline
function transpose4(r0: usize, r1: usize, r2: usize, r3: usize, i: usize, to: usize, step: usize): void {
  storeColumns(v128.load(r0 + i), v128.load(r1 + i), v128.load(r2 + i), v128.load(r3 + i), to, step);
}

// @ts-ignore: decorator
@inline
function packTall(rows: i32, from: usize, stride: usize, k: i32, to: usize): void {
  const r0 = from,
    r1 = r0 + stride,
    r2 = r1 + stride,
    r3 = r2 + stride,
    r4 = r3 + stride,
    r5 = r4 + stride;
  const step = (<usize>rows) << 2,
    end = (<usize>k) << 2;
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) {
    transpose4(r0, r1, r2, r3, i, to, step);
    if (rows == 5) {
      const x = v128.load(r4 + i);
      v128.store32_lane(to, x, 0, 16);
      v128.store32_lane(to + step, x, 1, 16);
      v128.store32_lane(to + 2 * step, x, 2, 16);
      v128.store32_lane(to + 3 * step, x, 3, 16);
    }
    if (rows == 6) {
      const x = v128.load(r4 + i),
        y = v128.load(r5 + i);
      const low = i32x4.shuffle(x, y, 0, 4, 1, 5),
        high = i32x4.shuffle(x, y, 2, 6, 3, 7);
      v128.store64_lane(to, low, 0, 16);
      v128.store64_lane(to + step, low, 1, 16);
      v128.store64_lane(to + 2 * step, high, 0, 16);
      v128.store64_lane(to + 3 * step, high, 1, 16);
    }
    to += 4 * step;
  }
  for (; i < end; i += 4) {
    store<f32>(to, load<f32>(r0 + i));
    store<f32>(to, load<f32>(r1 + i), 4);
    store<f32>(to, load<f32>(r2 + i), 8);
    store<f32>(to, load<f32>(r3 + i), 12);
    if (rows > 4) store<f32>(to, load<f32>(r4 + i), 16);
    if (rows > 5) store<f32>(to, load<f32>(r5 + i), 20);
    to += step;
  }
}

function pack6(from: usize, stride: usize, k: i32, to: usize): void {
  packTall(6, from, stride, k, to);
}

function pack5(from: usize, stride: usize, k: i32, to: usize): void {
  packTall(5, from, stride, k, to);
}

function pack4(from: usize, stride: usize, k: i32, to: usize): void {
  packTall(4, from, stride, k, to);
}

function packLow(rows: i32, from: usize, stride: usize, k: i32, to: usize): void {
  const step = (<usize>rows) << 2,
    end = (<usize>k) << 2;
  for (let r = 0; r < rows; r++) {
    let p = to + ((<usize>r) << 2);
    for (let i: usize = 0; i < end; i += 4) {
      store<f32>(p, load<f32>(from + i));
      p += step;
    }
    from += stride;
  }
}

/** Packs `rows` (1 to 6) rows of k floats, `stride` bytes apart, as [k][rows]. */
export function packStrip(rows: i32, from: usize, stride: usize, k: i32, to: usize): void {
  switch (rows) {
    case 6:
      pack6(from, stride, k, to);
      break;
    case 5:
      pack5(from, stride, k, to);
      break;
    case 4:
      pack4(from, stride, k, to);
      break;
    default:
      packLow(rows, from, stride, k, to);
  }
}

/** Packs 8 rows as [k][8]. Rows from `rows` on repeat the last one. */
export function packEight(rows: i32, from: usize, stride: usize, k: i32, to: usize): void {
  const last = from + <usize>(rows - 1) * stride,
    end = (<usize>k) << 2;
  for (let half = 0; half < 8; half += 4) {
    const r0 = min(from + <usize>half * stride, last),
      r1 = min(r0 + stride, last);
    const r2 = min(r1 + stride, last),
      r3 = min(r2 + stride, last);
    let p = to + ((<usize>half) << 2),
      i: usize = 0;
    for (; i + 16 <= end; i += 16) {
      transpose4(r0, r1, r2, r3, i, p, 32);
      p += 128;
    }
    for (; i < end; i += 4) {
      store<f32>(p, load<f32>(r0 + i));
      store<f32>(p, load<f32>(r1 + i), 4);
      store<f32>(p, load<f32>(r2 + i), 8);
      store<f32>(p, load<f32>(r3 + i), 12);
      p += 32;
    }
  }
}
