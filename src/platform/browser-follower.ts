// What a follower uses in a browser.

/** Receives what startFollower sent. */
export async function onStart(start: (module: WebAssembly.Module, memory: WebAssembly.Memory) => void): Promise<void> {
  addEventListener('message', ({ data }) => start(data.module, data.memory), { once: true });
}
