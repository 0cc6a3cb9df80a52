// Long lists, read some entries at a time.

import type { Pause } from './json.js';

/** Entries between two pauses: a millisecond or so. */
const BLOCK = 1024;

/** Calls `read` for [from, to) of `count` entries after another, with pauses in between. The loop over entries is a function of its own:
 *  one that awaits would go on in the interpreter each time, however often it has run. */
export async function inBlocks(count: number, pause: Pause, read: (from: number, to: number) => void): Promise<void> {
  for (let from = 0; from < count; from += BLOCK) {
    await pause();
    read(from, Math.min(count, from + BLOCK));
  }
}
