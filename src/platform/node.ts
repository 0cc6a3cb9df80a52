// What Node gives: files, worker threads, V8 flags. Chosen by the package's export conditions, never by sniffing. Modules that a
// single thread does not need are imported when they are: worker_threads and v8 take 10 ms of a short process.
import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import type { MessagePort as NodePort } from 'node:worker_threads';
import type { Endpoint } from 'comlink';
import { builtin } from './builtins-node';
import { endpointOf } from './node-ports';

export { nodeFiles as files } from './files-node';
export { wirePorts } from './node-ports';
export { nodeOutput as output } from './output-node';

/** A worker that waits inside wasm for its share of the work. */
export interface Follower {
  stop(): void;
}

/** Where the files beside this bundle are. */
export const assets = {
  wasm: (name: string): URL => new URL(`../wasm/${name}.wasm`, import.meta.url),
  follower: (): URL => new URL('./follower.js', import.meta.url),
  engine: (): URL => new URL('./worker.js', import.meta.url),
};

/** At once: it is small, and a round through Node's threads takes ten times as long. */
export async function wasmBytes(name: string): Promise<BufferSource> {
  return (await builtin('node:fs')).readFileSync(assets.wasm(name));
}

/** What to do about a core that is not there. */
export const CORE_ADVICE =
  'leave wasmformer out of a bundle for a server (esbuild: --external:wasmformer), or pass `module`; where it is in none, install it again';

/** What to do about a worker that cannot start. */
export const WORKER_ADVICE =
  "if a bundler has taken wasmformer into a bundle for a server, leave it out (Next.js: serverExternalPackages: ['wasmformer'], esbuild: --external:wasmformer)";

/** What else to do where there are too few addresses: a memory takes 8 GB of them, or what it may grow to without the trap handler. */
export const MEMORY_ADVICE = '; where addresses are limited (ulimit -v), start Node with --disable-wasm-trap-handler';

/** Memory can always be shared. */
export const SHARING_ADVICE = '';

const v8Major = Number(process.versions.v8?.split('.')[0] ?? 0);
const nodeMajor = Number(process.versions.node.split('.')[0]);

/** Node 20 knows relaxed SIMD behind a flag, which counts for all that is compiled later; newer ones have it or refuse it. */
export async function enableRelaxedSimd(): Promise<void> {
  if (nodeMajor === 20) (await import('node:v8')).setFlagsFromString('--experimental-wasm-relaxed-simd');
}

/** False where V8 has no such flag. */
export async function enableRevectorizer(): Promise<boolean> {
  if (nodeMajor < 24) return false;
  (await import('node:v8')).setFlagsFromString('--experimental-wasm-revectorize');
  return true;
}

/** Rows of a matmul tile that this V8 keeps in registers (assembly/kernels/tile.ts). */
export function tileRows(relaxed: boolean): number {
  if (v8Major < 13) return 4;
  return relaxed ? 6 : 5;
}

export function hasWorkers(): boolean {
  return true;
}

export function hasSharedMemory(): boolean {
  return true;
}

/** Threads that run at the same time. */
export function cores(): number {
  return availableParallelism();
}

/** Threads for `threads: 'auto'`. */
export function defaultThreads(): number {
  return Math.min(8, cores());
}

/** Starts a thread over a core's shared memory. `onLost` is called if it dies unasked, with whether it had come up. */
export async function startFollower(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  onLost: (joined: boolean) => void,
): Promise<Follower> {
  const { Worker } = await builtin('node:worker_threads');
  const worker = new Worker(assets.follower(), {
    workerData: { module, memory },
    execArgv: [],
    stdout: false,
    stderr: false,
  });
  let stopping = false;
  let joined = false;
  const lost = (): void => {
    if (!stopping) onLost(joined);
    stopping = true;
  };
  worker.on('message', (message) => {
    joined = true;
    // a trap, which the rejection of the call cannot name: it is thrown before this comes
    if (message instanceof Error) process.emitWarning(message);
  });
  worker.on('error', lost);
  worker.on('exit', lost);
  // after its listeners: one for messages holds the process again
  worker.unref();
  return {
    stop: () => {
      stopping = true;
      void worker.terminate();
    },
  };
}

/** One signal may be of any number of calls at a time: Node, which warns of more than ten listeners, is told so, as its fetch does. */
export function shareSignal(signal: AbortSignal): void {
  try {
    setMaxListeners(0, signal);
  } catch {
    // a signal from elsewhere, whose listeners nobody counts
  }
}

/** Lets the event loop turn once. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The engine's worker. */
export interface EngineWorker {
  /** Where Comlink talks to it. */
  readonly endpoint: Endpoint;
  /** Whether it keeps the process alive. */
  hold(pending: boolean): void;
  /** From now on its end is wanted. */
  expectEnd(): void;
  terminate(): Promise<void>;
}

/** In the engine's worker: gives the endpoint that startEngine holds the other end of. */
export async function exposeEngine(expose: (endpoint: Endpoint) => void): Promise<void> {
  const { workerData } = await builtin('node:worker_threads');
  expose(endpointOf((workerData as { port: NodePort }).port));
}
