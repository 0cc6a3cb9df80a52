// What a follower uses in a browser.

/** Receives what startFollower sent. Nobody is told: the console shows what is thrown. */
export async function onStart(
  start: (module: WebAssembly.Module, memory: WebAssembly.Memory, tell: (message: unknown) => void) => void,
): Promise<void> {
  addEventListener('message', ({ data }) => start(data.module, data.memory, () => {}), { once: true });
}
