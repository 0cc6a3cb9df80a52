// Opens our own built package with the options of a bench process.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { models, root } from './paths.mjs';

const entry = (name) => join(root, 'dist/node', name);

export const built = () => existsSync(entry('index.js')) && existsSync(entry('kernels.js'));

/** An encoder of models/NAME, run inline; `wasmBytes()` is the size of its engine's memory. */
export async function openEncoder(name, { threads, revectorize = false }) {
  const { Encoder, createEngine } = await import(entry('index.js'));
  const engine = await createEngine({ threads, worker: false, revectorize });
  const encoder = await Encoder.fromPretrained(join(models, name), { engine });
  const close = async () => {
    await encoder.dispose();
    await engine.dispose();
  };
  const wasmBytes = async () => (await engine.info()).memory.total;
  return { encoder, wasmBytes, close };
}

/** Kernels of one build, and Tensor. `time(run)` is the least time of the plan alone, in ms. */
export async function openKernels({ threads, build }) {
  const { Tensor } = await import(entry('index.js'));
  const { createKernels } = await import(entry('kernels.js'));
  const kernels = await createKernels({ threads, build });
  const time = (run) => Math.min(...kernels.time(run, 3));
  return { kernels, Tensor, time, close: () => kernels.dispose?.() };
}
