// What an edge function gives: neither files, threads, nor a compiler at run time. The core comes as a module that the platform has
// compiled ahead. Chosen by the package's export conditions, never by sniffing.
import type { Endpoint } from 'comlink';
import { WasmformerError } from '../errors';
import type { FileOutput } from '../io/file-output';
import type { FileAccess } from '../io/source-base';
import type { Follower } from './node';

export const files: FileAccess | undefined = undefined;
export const output: FileOutput | undefined = undefined;

export const CORE_ADVICE = '';
export const MEMORY_ADVICE = '';
export const WORKER_ADVICE = '';
export const SHARING_ADVICE = '';

export function hasWorkers(): boolean {
  return false;
}

export async function wasmBytes(): Promise<BufferSource> {
  throw new WasmformerError(
    'UNSUPPORTED_PLATFORM',
    'nothing is compiled at run time here: import wasm from "wasmformer/wasm/relaxed.wasm" and pass it as the option `module`',
  );
}

export async function enableRelaxedSimd(): Promise<void> {}

export async function enableRevectorizer(): Promise<boolean> {
  return false;
}

/** Rows of a matmul tile (assembly/kernels/tile.ts). */
export function tileRows(relaxed: boolean): number {
  return relaxed ? 6 : 5;
}

export function hasSharedMemory(): boolean {
  return false;
}

export function cores(): number {
  return 1;
}

export function defaultThreads(): number {
  return 1;
}

function noWorkers(): never {
  throw new WasmformerError('UNSUPPORTED_PLATFORM', 'there are no workers here');
}

export function wirePorts(): void {}

export const startFollower: (...args: unknown[]) => Promise<Follower> = noWorkers;
export const exposeEngine: (expose: (endpoint: Endpoint) => void) => Promise<void> = noWorkers;

/** Only Node counts listeners. */
export const shareSignal: (signal: AbortSignal) => void = () => {};

/** Lets the event loop turn once. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
