// Measures the ceilings of one thread: the best register-only loop of a build, and the best way to copy 16 MB.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { peers } from '../paths.mjs';
import { elapsed } from '../measure.mjs';

const WIDTHS = [8, 10, 12, 14];
const FLOPS_PER_ACCUMULATOR = 8;
const MEGABYTES_16 = 1 << 24;

export async function load(build) {
  const bytes = readFileSync(join(peers, `ceiling-${build}.wasm`));
  const { instance } = await WebAssembly.instantiate(bytes, { env: { abort: () => {} } });
  return instance.exports;
}

/** Picks the best shape once; `contender(flops)` then times that loop and scales it to a kernel's operations, in ms.
 *  The loop is kept short, so that on a busy machine it still finds a quiet moment: the ceiling never comes out too low. */
export async function openCeiling(build) {
  const wasm = await load(build);
  const times = 200_000;
  const run = (width) => elapsed(() => wasm[`chains${width}`](times, 0.5, 0.25));
  const rates = Object.fromEntries(WIDTHS.map((width) => [width, 0]));
  for (let round = 0; round < 30; round++) {
    for (const width of WIDTHS) {
      rates[width] = Math.max(rates[width], (times * width * FLOPS_PER_ACCUMULATOR) / run(width) / 1e6);
    }
  }
  const best = WIDTHS.reduce((a, b) => (rates[b] > rates[a] ? b : a));
  const scale = (flops) => flops / (times * best * FLOPS_PER_ACCUMULATOR);
  return { rates, contender: (flops) => () => run(best) * scale(flops) };
}

/** A contender that copies 16 MB once, the faster of the two ways. */
export async function openCopy() {
  const wasm = await load('base');
  const from = 1 << 20;
  const to = from + MEGABYTES_16 + (1 << 20);
  new Float32Array(wasm.memory.buffer).fill(1);
  return () =>
    Math.min(...['copyMemory', 'copyVectors'].map((way) => elapsed(() => wasm[way](to, from, MEGABYTES_16))));
}
