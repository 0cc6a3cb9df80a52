// What only the caller's side of an engine uses in a browser: the worker must not contain what starts it, or bundlers go round in
// circles.
import { hasSharedMemory } from './browser';
import type { EngineWorker } from './node';

/** How long an engine's worker outlives its followers. Chromium keeps both for ever if it is ended while they are ending. */
const OUTLIVE_MS = 250;

/** Starts the engine's worker. `onLost` is called if it dies unasked. */
export async function startEngine(onLost: (cause?: unknown) => void): Promise<EngineWorker> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  let expected = false;
  worker.addEventListener('error', ({ message }) => {
    if (!expected) onLost(new Error(message ?? 'its file cannot be loaded'));
  });
  return {
    endpoint: worker,
    hold: () => {},
    expectEnd: () => {
      expected = true;
    },
    async terminate() {
      expected = true;
      if (hasSharedMemory()) setTimeout(() => worker.terminate(), OUTLIVE_MS);
      else worker.terminate();
    },
  };
}
