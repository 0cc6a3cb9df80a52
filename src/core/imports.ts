// What every instance of the core imports, on any thread.

export interface CoreImports {
  [module: string]: Record<string, unknown>;
  env: { memory: WebAssembly.Memory; wait(address: number, value: number): boolean };
}

/** `wait` sleeps until a cell changes; at most a second, so that a missed wake-up costs time and never a hang. It gives false where
 *  the thread may not sleep: a page's own. */
export function coreImports(memory: WebAssembly.Memory): CoreImports {
  const cells = new Int32Array(memory.buffer);
  let maySleep = true;
  const wait = (address: number, value: number): boolean => {
    if (!maySleep) return false;
    try {
      Atomics.wait(cells, address >>> 2, value, 1000);
    } catch {
      maySleep = false;
    }
    return maySleep;
  };
  return { env: { memory, wait } };
}
