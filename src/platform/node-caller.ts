// What only the caller's side of an engine uses in Node.
import { builtin } from './builtins-node';
import { assets, type EngineWorker } from './node';
import { endpointOf } from './node-ports';

/** Young objects' share of the heap, in MB, which V8 would let grow to 48: the engine leaves little behind, and none of it stays. */
const YOUNG_MB = 4;

/** Starts the engine's worker. `onLost` is called if it dies unasked. */
export async function startEngine(onLost: (cause?: unknown) => void): Promise<EngineWorker> {
  const { MessageChannel, Worker } = await builtin('node:worker_threads');
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(assets.engine(), {
    workerData: { port: port2 },
    transferList: [port2],
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  let expected = false;
  const lost = (cause?: unknown): void => {
    if (expected) return;
    expected = true;
    onLost(cause);
  };
  worker.on('error', lost);
  worker.on('exit', () => lost());
  return {
    endpoint: endpointOf(port1),
    hold(pending) {
      if (pending) port1.ref();
      else port1.unref();
      if (pending) worker.ref();
      else worker.unref();
    },
    expectEnd: () => {
      expected = true;
    },
    async terminate() {
      expected = true;
      port1.close();
      await worker.terminate();
    },
  };
}
