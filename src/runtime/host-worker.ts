// An engine in a worker, behind Comlink.
import { wirePorts } from '#platform';
import { startEngine } from '#platform-caller';
import * as Comlink from 'comlink';
import type { CoreOptions } from '../core/core';
import { loadBuild } from '../core/build';
import type { Created, EngineEndpoint } from './endpoint';
import type { Host } from './host';
import type { TensorPart, TensorReader } from './load';
import { reply, unwrap } from './wire';

/** What there is to read where weights come from a seed. */
const NOTHING: TensorReader = { tensors: new Map(), read: async () => new Uint8Array(0) };

/** How long a worker may take to end by itself. */
const GRACE_MS = 200;
/** How long its end is waited for once it is ended: no call may hang because a thread does. */
const END_MS = 5000;

wirePorts(Comlink);

/** A worker that never came up. The cause is what was said of it; none if it was ended. */
export class WorkerRefusal extends Error {
  constructor(cause?: unknown) {
    super('', { cause });
  }
}

/** @throws WorkerRefusal, and as EngineCore.create */
export async function startWorkerHost(options: CoreOptions, onLost: (cause?: unknown) => void): Promise<Host> {
  let refuse!: (cause?: unknown) => void;
  const refused = new Promise<never>((_, reject) => (refuse = (cause) => reject(new WorkerRefusal(cause))));
  refused.catch(() => {});
  let lost = refuse;
  const starting = startEngine((cause) => lost(cause));
  starting.catch(() => {});
  // compiled while the worker comes up, which tries itself where the caller may not
  const build = loadBuild(options).catch(() => undefined);
  let worker: Awaited<typeof starting>;
  try {
    worker = await starting;
  } catch (cause) {
    throw new WorkerRefusal(cause);
  }
  const remote = Comlink.wrap<EngineEndpoint>(worker.endpoint);
  // got once: each `remote.invoke` makes a proxy that Comlink's registry of finalizers holds until V8's next full collection
  const remoteInvoke = remote.invoke;
  const create = async (): Promise<Created> => unwrap(await remote.create({ ...options, build: await build }));
  let created: Created;
  try {
    created = await Promise.race([create(), refused]);
  } catch (error) {
    // an engine that cannot be made leaves no worker behind
    worker.expectEnd();
    await atMost(END_MS, worker.terminate());
    throw error;
  }
  lost = onLost;
  const { cancel } = created;
  let lastFacts = created.facts;
  const cancelCell = cancel && new Int32Array(cancel.buffer, cancel.address, 1);
  return {
    facts: () => remote.facts(),
    get lastFacts() {
      return lastFacts;
    },
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
      const { result, facts } = await remote.load(call, kind, config, tensors, dtype, ...callbacks);
      lastFacts = facts;
      return unwrap(result);
    },
    invoke(call, id, method, request, onEvent) {
      // one argument where it can be, since Comlink wraps each
      const heard: [never?] = onEvent ? [Comlink.proxy((event: unknown) => reply(() => onEvent(event))) as never] : [];
      return remoteInvoke({ call, id, method, request }, ...heard).then(({ result, facts }) => {
        lastFacts = facts;
        return unwrap(result);
      });
    },
    cancel(call) {
      // the cell stops a running call at its next barrier; the message also reaches one that waits
      if (cancelCell) Atomics.store(cancelCell, 0, call);
      void remote.cancel(call);
    },
    unload: async (call, id) => unwrap(await remote.unload(call, id)),
    async dispose() {
      worker.expectEnd();
      await atMost(GRACE_MS, remote.dispose());
      await atMost(END_MS, worker.terminate());
    },
    hold: (pending) => worker.hold(pending),
  };
}

/** Waits until a promise has settled, but not for longer. */
async function atMost(ms: number, pending: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([pending.catch(() => {}), late]);
  clearTimeout(timer); // it would keep the process up
}
