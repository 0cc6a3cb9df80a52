// What every instance of the core imports, on any thread.

export interface CoreImports {
  [module: string]: Record<string, unknown>;
  env: { memory: WebAssembly.Memory; wait(address: number, value: number): void };
}

/** `wait` sleeps until a cell changes; at most a second, so that a missed wake-up costs time and never a hang. Only
 *  followers call it. */
export function coreImports(memory: WebAssembly.Memory): CoreImports {
  const cells = new Int32Array(memory.buffer);
  return { env: { memory, wait: (address, value) => void Atomics.wait(cells, address >>> 2, value, 1000) } };
}
