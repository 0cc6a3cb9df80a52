// What the row kernels have in common: how threads split the work, and the lanes of a tail.

/** Where share `ith` of `nth` of `total` units starts; it ends where the next one starts. Shares may be empty. */
// @ts-ignore: decorator
@inline
export function shareStart(total: i32, ith: i32, nth: i32): i32 {
  return <i32>((<u64>total * <u64>ith) / <u64>nth);
}

/** All bits set in the first n of four lanes. */
// @ts-ignore: decorator
@inline
export function firstLanes(n: i32): v128 {
  return i32x4.gt_s(i32x4.splat(n), i32x4(0, 1, 2, 3));
}
