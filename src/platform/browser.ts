// What a browser gives. Chosen by the package's export conditions, never by sniffing.
import type { Endpoint } from 'comlink';
import type { FileOutput } from '../io/file-output';
import type { FileAccess } from '../io/source-base';
import type { Follower } from './node';

/** A page has no file system. */
export const files: FileAccess | undefined = undefined;
export const output: FileOutput | undefined = undefined;

/** A page has them; not every place where a page's code runs does. */
export function hasWorkers(): boolean {
  return typeof Worker === 'function';
}

/** What to do about a core that is not there. */
export const CORE_ADVICE = 'serve dist/wasm beside dist/web';

/** What to do about a worker that cannot start. */
export const WORKER_ADVICE = 'serve worker.js beside the bundle, or pass worker: false';

export const MEMORY_ADVICE = '';

/** What to do about memory that cannot be shared. */
export const SHARING_ADVICE =
  'For more, send the page over https with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';

export async function wasmBytes(name: string): Promise<BufferSource> {
  const url = wasmUrl(name);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href}: HTTP ${response.status}`);
  return response.arrayBuffer();
}

// one literal expression a file: that is what bundlers follow
function wasmUrl(name: string): URL {
  switch (name) {
    case 'base':
      return new URL('../wasm/base.wasm', import.meta.url);
    case 'relaxed':
      return new URL('../wasm/relaxed.wasm', import.meta.url);
    case 'base-shared':
      return new URL('../wasm/base-shared.wasm', import.meta.url);
    default:
      return new URL('../wasm/relaxed-shared.wasm', import.meta.url);
  }
}

/** No flag can be set from a page. */
export async function enableRelaxedSimd(): Promise<void> {}

export async function enableRevectorizer(): Promise<boolean> {
  return false;
}

/** Rows of a matmul tile (assembly/kernels/tile.ts). A page without relaxed SIMD is one of Firefox or Safari. */
export function tileRows(relaxed: boolean): number {
  return relaxed ? 6 : 4;
}

/** Of memory a page may make without sharing it only isolation tells; WebKitGTK is isolated without having any. */
export function hasSharedMemory(): boolean {
  return globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer === 'function';
}

/** Threads that run at the same time, as far as a page may know. */
export function cores(): number {
  return navigator.hardwareConcurrency ?? 2;
}

/** Threads for `threads: 'auto'`: one is left to the page. */
export function defaultThreads(): number {
  return Math.min(8, Math.max(1, cores() - 1));
}

export async function startFollower(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  onLost: (joined: boolean) => void,
): Promise<Follower> {
  const worker = new Worker(new URL('./follower.js', import.meta.url), { type: 'module' });
  // a trap is told through memory: this is a file that cannot be loaded, or a policy
  worker.addEventListener('error', () => onLost(false));
  worker.postMessage({ module, memory });
  return { stop: () => worker.terminate() };
}

/** Only Node counts listeners. */
export const shareSignal: (signal: AbortSignal) => void = () => {};

/** Lets the event loop turn once. A message is not throttled, as timers are. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

/** A page's ports are what Comlink expects. */
export function wirePorts(): void {}

/** In the engine's worker: gives the endpoint that startEngine holds the other end of. */
export async function exposeEngine(expose: (endpoint: Endpoint) => void): Promise<void> {
  expose(globalThis as unknown as Endpoint);
}
