// Node's own modules, without their import. `import 'node:fs'` reads every export once, and some load a part of Node when they are
// read: 4 ms of a short process, and worker_threads 2 ms.
import type * as Fs from 'node:fs';
import type * as WorkerThreads from 'node:worker_threads';

interface Builtins {
  'node:fs': typeof Fs;
  'node:worker_threads': typeof WorkerThreads;
}

/** Asynchronous for Node before 20.16, which knows no other way than the import. */
export async function builtin<Name extends keyof Builtins>(name: Name): Promise<Builtins[Name]> {
  const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => unknown };
  return (getBuiltinModule?.(name) ?? (await import(name))) as Builtins[Name];
}

/** A callback function of node:fs as a promise. node:fs/promises would do, but it loads half of Node: 10 ms of a short process. */
export function call<T = void>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}

/** What a failed call of node:fs says. */
export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
