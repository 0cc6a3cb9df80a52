// What the module exports. One instance a thread, all over the same memory.
import { CTL_EXIT, CTL_GENERATION, CTL_READY, CTL_STOP } from './abi/layout';
import { walk } from './plan';
import { arrive, awaitChange, gather, startSlice } from './sync';

/** Which build this is: 1 with relaxed SIMD. */
export const RELAXED: i32 = i32(ASC_FEATURE_RELAXED_SIMD);

/** Thread 0 runs the slice of records that the control block describes, together with threads - 1 followers.
 *  1: done; 0: stopped by the cancel cell or because a follower is lost (CTL_FAILED tells). */
export function run(threads: i32): i32 {
  store<i32>(CTL_STOP, 0);
  if (threads > 1) startSlice(threads);
  const done = walk(0, threads);
  return threads > 1 ? i32(gather(threads) && done) : i32(done);
}

/** A follower's whole life: takes a number, then runs its share of every slice that includes it. Shared builds only. */
export function follow(): void {
  if (ASC_FEATURE_THREADS) {
    let seen = atomic.load<i32>(CTL_GENERATION);
    const thread = atomic.add<i32>(CTL_READY, 1) + 1;
    while (atomic.load<i32>(CTL_EXIT) == 0) {
      seen = awaitChange(CTL_GENERATION, seen);
      if (atomic.load<i32>(CTL_EXIT)) return;
      const threads = seen & 255;
      if (thread < threads) {
        walk(thread, threads);
        arrive(threads);
      }
    }
  }
}
