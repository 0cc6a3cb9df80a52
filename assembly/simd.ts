// The only file that knows which build this is: fused multiply-add where relaxed SIMD is on, mul + add where it is not.

/** a * b + c. One rounding where the processor fuses, two in the baseline build. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b)); // in this order V8 moves nothing
}

/** c - a * b. */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** Four copies of the f32 at an address: a constant of the table, or an element of a row. */
// @ts-ignore: decorator
@inline
export function splat(address: usize): v128 {
  return v128.load32_splat(address);
}

/** The four lanes summed as (0 + 1) + (2 + 3). */
// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, i8x16.shuffle(x, x, 4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 2);
}

/** Loads the first n (1..3) floats at an address; the other lanes are zero. Reads nothing beyond them. */
export function loadPart(address: usize, n: i32): v128 {
  let x = v128.load32_zero(address);
  if (n > 1) x = f32x4.replace_lane(x, 1, load<f32>(address, 4));
  if (n > 2) x = f32x4.replace_lane(x, 2, load<f32>(address, 8));
  return x;
}

/** Stores the first n (1..3) lanes. Writes nothing beyond them. */
export function storePart(address: usize, x: v128, n: i32): void {
  v128.store32_lane(address, x, 0);
  if (n > 1) v128.store32_lane(address, x, 1, 4);
  if (n > 2) v128.store32_lane(address, x, 2, 8);
}

/** Stores the four columns of four rows of 32-bit lanes, each `step` bytes after the one before. */
// @ts-ignore: decorator
@inline
export function storeColumns(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5),
    cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const ab2 = i32x4.shuffle(a, b, 2, 6, 3, 7),
    cd2 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(to, i64x2.shuffle(ab, cd, 0, 2));
  v128.store(to + step, i64x2.shuffle(ab, cd, 1, 3));
  v128.store(to + 2 * step, i64x2.shuffle(ab2, cd2, 0, 2));
  v128.store(to + 3 * step, i64x2.shuffle(ab2, cd2, 1, 3));
}
