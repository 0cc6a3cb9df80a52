// What a follower uses in Node.
import { builtin } from './builtins-node';

/** Receives what startFollower sent. */
export async function onStart(
  start: (module: WebAssembly.Module, memory: WebAssembly.Memory, tell: (message: unknown) => void) => void,
): Promise<void> {
  const { parentPort, workerData } = await builtin('node:worker_threads');
  const { module, memory } = workerData as { module: WebAssembly.Module; memory: WebAssembly.Memory };
  start(module, memory, (message) => parentPort!.postMessage(message));
}
