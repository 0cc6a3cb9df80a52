// Long lists, read some entries at a time.

import type { Pause } from './json.js';

/** Entries between two pauses: a millisecond or so. */
const BLOCK = 1024;

/** Calls `read` for each entry of the list in order, with pauses in between. The loop over entries is a function of its own: one that
 *  awaits would go on in the interpreter each time, however often it has run. */
export async function inBlocks<T>(
  list: readonly T[],
  pause: Pause,
  read: (entry: T, index: number) => void,
): Promise<void> {
  const readBlock = (from: number): void => {
    const to = Math.min(list.length, from + BLOCK);
    for (let i = from; i < to; i++) read(list[i], i);
  };
  for (let from = 0; from < list.length; from += BLOCK) {
    await pause();
    readBlock(from);
  }
}
