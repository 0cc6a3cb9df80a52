// How the threads of a core start a slice together and meet between records. Thread 0 coordinates: it alone reads the
// cancel cell, so that all threads leave at the same record. In the builds without shared memory all of it folds away.
import {
  CTL_ARRIVED,
  CTL_CALL,
  CTL_CANCEL,
  CTL_FAILED,
  CTL_GENERATION,
  CTL_RELEASE,
  CTL_SLEEPERS,
  CTL_SPIN,
  CTL_STOP,
  CTL_WAITING,
} from './abi/layout';

/** Sleeps until the cell at an address is no longer `value`, or a second has passed. False, at once, where this thread may not
 *  sleep: a page's own. From JavaScript (Atomics.wait): the wasm instruction hangs in Node 20's baseline compiler. */
// @ts-ignore: decorator
@external("env", "wait")
declare function wait(address: usize, value: i32): bool;

/** Looks between two checks of whether the other threads are alive: some 100 us. */
const LOOKS = 1 << 16;
/** Checks before a silent thread counts as lost: about a minute. A trap is told by CTL_FAILED. */
const PATIENCE = 1 << 19;
/** Checks that a sleep of a second is worth. */
const SLEEP = PATIENCE / 60;

/** Waits in a follower until the cell differs from `seen`: first looking, then asleep. Returns the new value. */
export function awaitChange(address: usize, seen: i32): i32 {
  let left = load<i32>(CTL_SPIN);
  let value = atomic.load<i32>(address);
  while (value == seen) {
    if (--left < 0) {
      atomic.add<i32>(CTL_SLEEPERS, 1);
      wait(address, seen);
      atomic.sub<i32>(CTL_SLEEPERS, 1);
    }
    value = atomic.load<i32>(address);
  }
  return value;
}

/** Thread 0 changes a cell that followers wait on. */
function publish(address: usize, value: i32): void {
  atomic.store<i32>(address, value);
  if (atomic.load<i32>(CTL_SLEEPERS) > 0) atomic.notify(address, -1);
}

/** Thread 0 lets `threads - 1` followers begin the slice that the control block describes. */
export function startSlice(threads: i32): void {
  if (ASC_FEATURE_THREADS) {
    const generation = atomic.load<i32>(CTL_GENERATION);
    publish(CTL_GENERATION, (((generation >>> 8) + 1) << 8) | threads);
  }
}

/** Thread 0 waits until the followers have arrived: looking, then asleep where it may, since a thread that looks takes the processor
 *  from those that it waits for. False if one of them is lost. */
export function gather(threads: i32): bool {
  if (ASC_FEATURE_THREADS) {
    let left = load<i32>(CTL_SPIN),
      checks = 0;
    while (atomic.load<i32>(CTL_ARRIVED) != threads - 1) {
      if (--left >= 0) continue;
      if (atomic.load<i32>(CTL_FAILED) != 0 || checks > PATIENCE) {
        atomic.store<i32>(CTL_FAILED, 1);
        return false;
      }
      atomic.store<i32>(CTL_WAITING, 1);
      const arrived = atomic.load<i32>(CTL_ARRIVED);
      if (arrived == threads - 1 || wait(CTL_ARRIVED, arrived)) {
        checks += SLEEP;
      } else {
        left = LOOKS;
        checks++;
      }
      atomic.store<i32>(CTL_WAITING, 0);
    }
    atomic.store<i32>(CTL_ARRIVED, 0);
  }
  return true;
}

function cancelled(): bool {
  const call = load<i32>(CTL_CALL);
  return ASC_FEATURE_THREADS ? atomic.load<i32>(CTL_CANCEL) == call : load<i32>(CTL_CANCEL) == call;
}

/** A follower says that it has finished its share; the last one wakes thread 0. */
export function arrive(threads: i32): void {
  if (ASC_FEATURE_THREADS) {
    const before = atomic.add<i32>(CTL_ARRIVED, 1);
    if (before == threads - 2 && atomic.load<i32>(CTL_WAITING) != 0) atomic.notify(CTL_ARRIVED, 1);
  }
}

/** All threads meet. False: leave the slice (cancelled, or a thread is lost); so is every barrier then, until the slice has ended, even
 *  if another call has taken the cancel cell meanwhile. */
export function barrier(thread: i32, threads: i32): bool {
  if (ASC_FEATURE_THREADS && threads > 1) {
    const seen = atomic.load<i32>(CTL_RELEASE);
    if (thread == 0) {
      const alive = gather(threads);
      const stop = !alive || load<i32>(CTL_STOP) != 0 || cancelled();
      if (stop) store<i32>(CTL_STOP, 1);
      publish(CTL_RELEASE, seen + 1);
      return !stop;
    }
    arrive(threads);
    awaitChange(CTL_RELEASE, seen);
    return load<i32>(CTL_STOP) == 0;
  }
  return !cancelled();
}
