// What kernels have in common: how threads split the work, where each has room of its own, and the lanes of a tail.
import { CTL_SCRATCH, CTL_SCRATCH_STRIDE } from './abi/layout';

/** Where share `ith` of `nth` of `total` units starts; it ends where the next one starts. Shares may be empty. */
// @ts-ignore: decorator
@inline
export function shareStart(total: i32, ith: i32, nth: i32): i32 {
  return <i32>((<u64>total * <u64>ith) / <u64>nth);
}

/** The scratch memory of a thread. */
export function scratchOf(thread: i32): usize {
  return <usize>load<u32>(CTL_SCRATCH) + <usize>thread * <usize>load<u32>(CTL_SCRATCH_STRIDE);
}

/** All bits set in the first n of four lanes. */
// @ts-ignore: decorator
@inline
export function firstLanes(n: i32): v128 {
  return i32x4.gt_s(i32x4.splat(n), i32x4(0, 1, 2, 3));
}
