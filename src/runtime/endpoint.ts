// The two ends of the wire between a caller and the engine's worker. Errors cross as data, since Comlink would lose their
// class and code; results are transferred, not copied.
import * as Comlink from 'comlink';
import type { CoreOptions } from '../core/core';
import { WasmformerError, type WasmformerErrorCode } from '../errors';
import type { Config } from '../models/model';
import type { EncoderCall, Outputs, ProfileRow } from './encoder-runner';
import { EngineCore, type EncoderFacts, type EngineFacts } from './engine-core';
import type { TensorInfo } from './load';

/** An error as data. */
interface WireError {
  readonly code: WasmformerErrorCode | null;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** A result or an error. */
export type Reply<T> = { readonly value: T } | { readonly error: WireError };

/** Runs a task and packs what comes of it. */
export async function reply<T>(task: () => T | Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await task() };
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    return { error: { code: error instanceof WasmformerError ? error.code : null, name, message, stack } };
  }
}

/** The value of a reply, or its error thrown. */
export function unwrap<T>(result: Reply<T>): T {
  if ('value' in result) return result.value;
  const { code, name, message, stack } = result.error;
  const error = code ? new WasmformerError(code, message, { name }) : new Error(message);
  if (stack) error.stack = stack;
  throw error;
}

/** A function of the other side. */
type Remote<F> = F & Comlink.ProxyMethods;
export type RemoteRead = (name: string, start: number, length: number) => Promise<Reply<Uint8Array>>;
export type RemoteProgress = (done: number, total: number) => void;

export interface Created {
  readonly facts: EngineFacts;
  readonly cancel?: { readonly buffer: SharedArrayBuffer; readonly address: number };
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

  loadEncoder(
    call: number,
    config: Config,
    tensors: [string, TensorInfo][],
    read: Remote<RemoteRead>,
    onProgress: Remote<RemoteProgress>,
  ): Promise<Reply<EncoderFacts>> {
    return reply(async () => {
      try {
        const reader = {
          tensors: new Map(tensors),
          read: async (name: string, start: number, length: number) => unwrap(await read(name, start, length)),
        };
        return await this.engine.loadEncoder(call, config, reader, (loaded, total) => void onProgress(loaded, total));
      } finally {
        read[Comlink.releaseProxy]();
        onProgress[Comlink.releaseProxy]();
      }
    });
  }

  async runEncoder(
    call: number,
    id: number,
    request: EncoderCall,
    onProgress: Remote<RemoteProgress>,
  ): Promise<Reply<Outputs>> {
    const result = await reply(() =>
      this.engine.runEncoder(
        call,
        id,
        request,
        (sequences) => void onProgress(sequences, request.batch.lengths.length),
      ),
    );
    onProgress[Comlink.releaseProxy]();
    return 'value' in result
      ? Comlink.transfer(
          result,
          Object.values(result.value).map((data) => data.buffer),
        )
      : result;
  }

  explain(call: number, id: number, request: EncoderCall): Promise<Reply<string>> {
    return reply(() => this.engine.explain(call, id, request));
  }

  profile(call: number, id: number, request: EncoderCall): Promise<Reply<ProfileRow[]>> {
    return reply(() => this.engine.profile(call, id, request));
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
