// The engine's end of the wire to its caller. Results are transferred, not copied.
import * as Comlink from 'comlink';
import type { CoreOptions } from '../core/core';
import type { Config } from '../models/model';
import { EngineCore, type EngineFacts, type Loaded } from './engine-core';
import type { HeldAs, TensorInfo, TensorPart } from './load';
import type { ModelKind } from './runner';
import { reply, unwrap, type Reply } from './wire';

/** A function of the other side. */
type Remote<F> = F & Comlink.ProxyMethods;
export type RemoteRead = (parts: readonly TensorPart[]) => Promise<Reply<Uint8Array>>;
export type RemoteProgress = (done: number, total: number) => void;
export type RemoteEvent = (event: unknown) => Promise<Reply<unknown>>;

export interface Created {
  readonly facts: EngineFacts;
  readonly cancel?: { readonly buffer: SharedArrayBuffer; readonly address: number };
}

/** A call of a model's method. */
interface Invocation {
  readonly call: number;
  readonly id: number;
  readonly method: string;
  readonly request: unknown;
}

/** A result, and the engine as it is then. */
interface Answer<T> {
  readonly result: Reply<T>;
  readonly facts: EngineFacts;
}

/** What the worker exposes: EngineCore's methods, with replies. */
export class EngineEndpoint {
  private engine!: EngineCore;

  create(options: CoreOptions): Promise<Reply<Created>> {
    return reply(async () => {
      this.engine = await EngineCore.create(options);
      return { facts: this.engine.facts(), cancel: this.engine.cancelCell() };
    });
  }

  /** @param weights the tensors that `read` reads, or a seed */
  async load(
    call: number,
    kind: ModelKind,
    config: Config,
    weights: [string, TensorInfo][] | number,
    dtype: HeldAs,
    read: Remote<RemoteRead>,
    onProgress: Remote<RemoteProgress>,
  ): Promise<Answer<Loaded>> {
    const result = await reply(async () => {
      try {
        const source =
          typeof weights === 'number'
            ? { seed: weights }
            : {
                tensors: new Map(weights),
                read: async (parts: readonly TensorPart[]) => unwrap(await read(parts)),
              };
        return await this.engine.load(
          call,
          kind,
          config,
          source,
          dtype,
          (loaded, total) => void onProgress(loaded, total),
        );
      } finally {
        read[Comlink.releaseProxy]();
        onProgress[Comlink.releaseProxy]();
      }
    });
    return { result, facts: this.engine.facts() };
  }

  async invoke({ call, id, method, request }: Invocation, onEvent?: Remote<RemoteEvent>): Promise<Answer<unknown>> {
    // events take another way than the result: it waits until the last of them has arrived
    let last: Promise<unknown> | undefined;
    const report = onEvent && ((event: unknown) => (last = onEvent(event).then(unwrap)));
    const result = await reply(() => this.engine.invoke(call, id, method, request, report ?? (() => {})));
    await last?.catch(() => {});
    onEvent?.[Comlink.releaseProxy]();
    const answer = { result, facts: this.engine.facts() };
    return 'value' in result ? Comlink.transfer(answer, buffersOf(result.value)) : answer;
  }

  facts(): EngineFacts {
    return this.engine.facts();
  }

  cancel(call: number): void {
    this.engine.cancel(call);
  }

  unload(call: number, id: number): Promise<Reply<void>> {
    return reply(() => this.engine.unload(call, id));
  }

  dispose(): void {
    this.engine.dispose();
  }
}

/** The buffers of all typed arrays in a result. */
function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) buffersOf(member, found);
  }
  return [...found];
}
