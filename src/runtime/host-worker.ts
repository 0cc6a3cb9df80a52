// An engine in a worker, behind Comlink.
import * as platform from '#platform';
import * as Comlink from 'comlink';
import type { CoreOptions } from '../core/core';
import { reply, unwrap, type EngineEndpoint } from './endpoint';
import type { Host, OnProgress } from './host';

/** How long a worker may take to end by itself. */
const GRACE_MS = 200;

export async function startWorkerHost(options: CoreOptions, onLost: () => void): Promise<Host> {
  const worker = await platform.startEngine(onLost);
  const remote = Comlink.wrap<EngineEndpoint>(worker.endpoint);
  const { cancel } = unwrap(await remote.create(options));
  const cancelCell = cancel && new Int32Array(cancel.buffer, cancel.address, 1);
  const progress = (onProgress: OnProgress = () => {}): OnProgress & Comlink.ProxyMarked => Comlink.proxy(onProgress);
  return {
    facts: () => remote.facts(),
    async loadEncoder(call, config, reader, onProgress) {
      const read = async (name: string, start: number, length: number) => {
        const result = await reply(() => reader.read(name, start, length));
        return 'value' in result ? Comlink.transfer(result, [result.value.buffer as ArrayBuffer]) : result;
      };
      // only what the loader checks crosses, not where the bytes lie
      const tensors = [...reader.tensors].map(
        ([name, { dtype, dims }]) => [name, { dtype, dims }] as [string, { dtype: string; dims: readonly number[] }],
      );
      return unwrap(
        await remote.loadEncoder(call, config, tensors, Comlink.proxy(read) as never, progress(onProgress) as never),
      );
    },
    runEncoder: async (call, id, request, onProgress) =>
      unwrap(await remote.runEncoder(call, id, request, progress(onProgress) as never)),
    explain: async (call, id, request) => unwrap(await remote.explain(call, id, request)),
    profile: async (call, id, request) => unwrap(await remote.profile(call, id, request)),
    cancel(call) {
      // the cell stops a running call at its next barrier; the message also reaches one that waits
      if (cancelCell) Atomics.store(cancelCell, 0, call);
      void remote.cancel(call);
    },
    unload: async (call, id) => unwrap(await remote.unload(call, id)),
    async dispose() {
      worker.expectEnd();
      await Promise.race([remote.dispose(), new Promise((resolve) => setTimeout(resolve, GRACE_MS))]).catch(() => {});
      await worker.terminate();
    },
    hold: (pending) => worker.hold(pending),
  };
}
