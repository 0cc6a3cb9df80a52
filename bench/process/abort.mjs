// The longest time from an abort to the rejection of a load, a forward pass, a large embed and a prompt, in a worker and inline.
import { openAborted } from '../ours.mjs';

const DELAYS = [5, 20, 60, 150, 300];
let worst = 0;

for (const worker of [true, false]) {
  const { runs, close } = await openAborted({ worker, threads: 1 });
  for (const run of runs) {
    for (const delay of DELAYS) {
      const controller = new AbortController();
      let at = 0;
      setTimeout(() => {
        at = performance.now();
        controller.abort();
      }, delay);
      // what was done before the abort has no time
      await run(controller.signal).catch((error) => {
        if (error.code !== 'ABORTED') throw error;
        worst = Math.max(worst, performance.now() - at);
      });
    }
  }
  await close();
}
process.send({ worst });
