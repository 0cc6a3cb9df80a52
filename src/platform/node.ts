// What Node gives: files, worker threads, V8 flags. Chosen by the package's export conditions, never by sniffing.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { MessageChannel, Worker, workerData, type MessagePort as NodePort } from 'node:worker_threads';
import type { Endpoint } from 'comlink';

export { nodeFiles as files } from './files-node';

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

export async function wasmBytes(name: string): Promise<BufferSource> {
  return readFile(assets.wasm(name));
}

const v8Major = Number(process.versions.v8?.split('.')[0] ?? 0);
const nodeMajor = Number(process.versions.node.split('.')[0]);

/** Node 20 knows relaxed SIMD behind a flag, which counts for all that is compiled later; newer ones have it or refuse it. */
export function enableRelaxedSimd(): void {
  if (nodeMajor === 20) setFlagsFromString('--experimental-wasm-relaxed-simd');
}

/** False where V8 has no such flag. */
export function enableRevectorizer(): boolean {
  if (nodeMajor < 24) return false;
  setFlagsFromString('--experimental-wasm-revectorize');
  return true;
}

/** Rows of a matmul tile that this V8 keeps in registers (assembly/kernels/tile.ts). */
export function tileRows(relaxed: boolean): number {
  if (v8Major < 12) return 4;
  return relaxed ? 6 : 5;
}

export function hasSharedMemory(): boolean {
  return true;
}

/** Threads for `threads: 'auto'`. */
export function defaultThreads(): number {
  return Math.min(8, availableParallelism());
}

/** Starts a thread over a core's shared memory. `onLost` is called if it dies unasked. */
export function startFollower(module: WebAssembly.Module, memory: WebAssembly.Memory, onLost: () => void): Follower {
  const worker = new Worker(assets.follower(), { workerData: { module, memory }, execArgv: [], stdout: false, stderr: false });
  let stopping = false;
  worker.unref();
  worker.on('error', () => {
    if (!stopping) onLost();
  });
  worker.on('exit', () => {
    if (!stopping) onLost();
  });
  return {
    stop: () => {
      stopping = true;
      void worker.terminate();
    },
  };
}

/** Lets the event loop turn once. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** In a follower: receives what startFollower sent. */
export function onStart(start: (module: WebAssembly.Module, memory: WebAssembly.Memory) => void): void {
  const { module, memory } = workerData as { module: WebAssembly.Module; memory: WebAssembly.Memory };
  start(module, memory);
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

/** Starts the engine's worker. `onLost` is called if it dies unasked. */
export function startEngine(onLost: () => void): EngineWorker {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(assets.engine(), { workerData: { port: port2 }, transferList: [port2], execArgv: [] });
  let expected = false;
  const lost = (): void => {
    if (expected) return;
    expected = true;
    onLost();
  };
  worker.on('error', lost);
  worker.on('exit', lost);
  return {
    endpoint: port1 as unknown as Endpoint,
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

/** In the engine's worker: gives the endpoint that startEngine holds the other end of. */
export function exposeEngine(expose: (endpoint: Endpoint) => void): void {
  expose((workerData as { port: NodePort }).port as unknown as Endpoint);
}
