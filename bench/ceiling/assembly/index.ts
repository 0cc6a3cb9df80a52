// What one thread of this machine can do: multiply-adds on registers alone, copying memory, reading it (read.ts).
//
// Accumulators are locals, so that nothing but the arithmetic is timed; with 15 vector registers in V8 the largest loops
// are near the limit, and the bench takes the best shape. In the relaxed build an accumulator is c = x * y + c, as in a
// matrix product. In the baseline build it is c = c * x + y: products that do not depend on c would leave the loop.
// x and y are arguments because V8 builds a literal again at every use.

export * from './read';

// @ts-ignore: decorator
@inline
function step(x: v128, y: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, y, c);
  return f32x4.add(f32x4.mul(c, x), y);
}

// prettier-ignore
// @ts-ignore: decorator
@inline
function chains(width: i32, times: i32, factor: f32, term: f32): f32 {
  const x = f32x4.splat(factor), y = f32x4.splat(term);
  let c0 = f32x4.splat(0), c1 = f32x4.splat(1), c2 = f32x4.splat(2), c3 = f32x4.splat(3);
  let c4 = f32x4.splat(4), c5 = f32x4.splat(5), c6 = f32x4.splat(6), c7 = f32x4.splat(7);
  let c8 = f32x4.splat(8), c9 = f32x4.splat(9), c10 = f32x4.splat(10), c11 = f32x4.splat(11);
  let c12 = f32x4.splat(12), c13 = f32x4.splat(13);
  do {
    c0 = step(x, y, c0); c1 = step(x, y, c1); c2 = step(x, y, c2); c3 = step(x, y, c3);
    c4 = step(x, y, c4); c5 = step(x, y, c5); c6 = step(x, y, c6); c7 = step(x, y, c7);
    if (width > 8) { c8 = step(x, y, c8); c9 = step(x, y, c9); }
    if (width > 10) { c10 = step(x, y, c10); c11 = step(x, y, c11); }
    if (width > 12) { c12 = step(x, y, c12); c13 = step(x, y, c13); }
  } while (--times);
  let sum = f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(f32x4.add(c4, c5), f32x4.add(c6, c7)));
  if (width > 8) sum = f32x4.add(sum, f32x4.add(c8, c9));
  if (width > 10) sum = f32x4.add(sum, f32x4.add(c10, c11));
  if (width > 12) sum = f32x4.add(sum, f32x4.add(c12, c13));
  return f32x4.extract_lane(sum, 0);
}

/** `times` steps of 8 accumulators, 64 floating-point operations each; a factor below 1 keeps the sums finite. */
export function chains8(times: i32, factor: f32, term: f32): f32 {
  return chains(8, times, factor, term);
}

/** `times` steps of 10 accumulators. */
export function chains10(times: i32, factor: f32, term: f32): f32 {
  return chains(10, times, factor, term);
}

/** `times` steps of 12 accumulators. */
export function chains12(times: i32, factor: f32, term: f32): f32 {
  return chains(12, times, factor, term);
}

/** `times` steps of 14 accumulators. */
export function chains14(times: i32, factor: f32, term: f32): f32 {
  return chains(14, times, factor, term);
}

/** Copies with the engine's own instruction. */
export function copyMemory(to: usize, from: usize, bytes: usize): void {
  memory.copy(to, from, bytes);
}

/** Copies with vector loads and stores; `bytes` is a multiple of 64. */
export function copyVectors(to: usize, from: usize, bytes: usize): void {
  const end = to + bytes;
  do {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
    v128.store(to, v128.load(from, 48), 48);
    to += 64;
    from += 64;
  } while (to != end);
}
