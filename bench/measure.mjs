// Timing: contenders take turns within one process, and the least of all their runs counts.
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that a synchronous function takes. */
export function elapsed(run) {
  const start = performance.now();
  run();
  return performance.now() - start;
}

async function once(run) {
  const start = performance.now();
  const own = await run();
  return typeof own === 'number' ? own : performance.now() - start;
}

/**
 * The least time in milliseconds of each contender.
 *
 * A contender is a function that runs once, possibly asynchronously; where it returns a number, that is its time. Each
 * round gives every contender a turn of `turn` milliseconds, one run at least; rounds end early once `budget` is spent,
 * two at least. A pause before each turn lets the spinning threads of the one before fall asleep.
 */
export async function alternate(contenders, { rounds, turn, pause, budget }) {
  const least = Object.fromEntries(Object.keys(contenders).map((name) => [name, Infinity]));
  const last = performance.now() + budget;
  for (let round = 0; round < rounds && (round < 2 || performance.now() < last); round++) {
    for (const [name, run] of Object.entries(contenders)) {
      if (pause) await sleep(pause);
      const end = performance.now() + turn;
      do least[name] = Math.min(least[name], await once(run));
      while (performance.now() < end);
    }
  }
  return least;
}

/** Numbers in [0, 1), the same at every run (Numerical Recipes' linear congruential generator). */
export function random(seed) {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Float32Array of values in [-1, 1). */
export function randomFloats(length, seed) {
  const next = random(seed);
  return Float32Array.from({ length }, () => next() * 2 - 1);
}
