// An engine in a worker, behind Comlink.
import { wirePorts } from '#platform';
import { startEngine } from '#platform-caller';
import * as Comlink from 'comlink';
import type { CoreOptions } from '../core/core';
import type { EngineEndpoint } from './endpoint';
import type { MemoryFacts } from './engine-core';
import type { Host } from './host';
import type { TensorPart, TensorReader } from './load';
import { reply, unwrap } from './wire';

/** What there is to read where weights come from a seed. */
const NOTHING: TensorReader = { tensors: new Map(), read: async () => new Uint8Array(0) };

/** How long a worker may take to end by itself. */
const GRACE_MS = 200;

wirePorts(Comlink);

export async function startWorkerHost(options: CoreOptions, onLost: (cause?: unknown) => void): Promise<Host> {
  const worker = await startEngine(onLost);
  const remote = Comlink.wrap<EngineEndpoint>(worker.endpoint);
  const created = await remote.create(options);
  // an engine that cannot be made leaves no worker behind
  if ('error' in created) {
    worker.expectEnd();
    await worker.terminate();
  }
  const { cancel } = unwrap(created);
  let memory: MemoryFacts | null = null;
  const cancelCell = cancel && new Int32Array(cancel.buffer, cancel.address, 1);
  return {
    facts: () => remote.facts(),
    memory: () => memory,
    async load(call, kind, config, source, dtype, onProgress) {
      const reader: TensorReader = 'seed' in source ? NOTHING : source;
      const read = async (parts: readonly TensorPart[]) => {
        const result = await reply(() => reader.read(parts));
        return 'value' in result ? Comlink.transfer(result, [result.value.buffer as ArrayBuffer]) : result;
      };
      // only what the loader checks crosses, not where the bytes lie
      const tensors =
        'seed' in source
          ? source.seed
          : [...reader.tensors].map(
              ([name, { dtype, dims }]) =>
                [name, { dtype, dims }] as [string, { dtype: string; dims: readonly number[] }],
            );
      const callbacks = [Comlink.proxy(read) as never, Comlink.proxy(onProgress) as never] as const;
      return unwrap(await remote.load(call, kind, config, tensors, dtype, ...callbacks));
    },
    async invoke(call, id, method, request, onEvent) {
      const hear = onEvent && Comlink.proxy((event: unknown) => reply(() => onEvent(event)));
      const answer = await remote.invoke(call, id, method, request, hear as never);
      memory = answer.memory;
      return unwrap(answer.result);
    },
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
