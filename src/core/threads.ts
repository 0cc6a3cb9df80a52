// How many threads a run is worth.
import type { Core } from './core';

/** Below so many nanoseconds of work, one thread is faster than several that wake up and then wait for each other after every record:
 *  four clients of a tiny BERT on two cores get 13,400 answers a second instead of 2,900. */
const ALONE_NS = 150e3;

/** @param cost of the whole run on one thread, in nanoseconds */
export function threadsFor(core: Core, cost: number): number {
  return cost < ALONE_NS ? 1 : core.taking;
}
