// The engine where the computing happens: a core and the models loaded into it. It runs one call at a time; the others
// wait in order. Lives in a worker, or in the caller's thread with `worker: false`.
import { CTL_CANCEL } from '../../assembly/abi/layout';
import { Core, type CoreOptions } from '../core/core';
import type { WeightType } from '../core/graph';
import { abortError, WasmformerError } from '../errors';
import type { Config } from '../models/model';
import { EncoderRunner } from './encoder-runner';
import type { HeldAs, LoadOptions } from './load';
import type { WeightSource } from './load-model';
import type { CallContext, ModelKind, OnEvent, Runner } from './runner';

/** What an engine runs on and how much memory it holds. */
export interface EngineFacts {
  /** Name of the wasm build. */
  readonly build: string;
  readonly threads: number;
  readonly memory: MemoryFacts;
}

/** An engine's wasm memory, in bytes. */
export interface MemoryFacts {
  /** All of it: it grows as needed, up to 4 GB, and never shrinks. */
  readonly total: number;
  /** What is in use: the three below, plans and scratch. */
  readonly used: number;
  /** Of all models of the engine. */
  readonly weights: number;
  /** Pages of keys and values: of sessions and running generations, and those that are kept for the next one. */
  readonly kv: number;
  readonly activations: number;
}

/** Builds a model and gives it its weights. */
type Load = (core: Core, config: Config, source: WeightSource, options: LoadOptions) => Promise<Runner>;

/** Kinds beyond the encoder come when they are asked for: who only embeds does not download them. */
const LOADERS: Readonly<Record<ModelKind, () => Promise<Load>>> = {
  encoder:
    async () =>
    (...args) =>
      EncoderRunner.load(...args),
  decoder: async () => {
    const { loadDecoder } = await import('./decoders');
    return loadDecoder;
  },
  transformer: async () => {
    const { TransformerRunner } = await import('./transformer-runner');
    return (...args) => TransformerRunner.load(...args);
  },
};

type Method = (request: unknown, context: CallContext) => Promise<unknown>;

/** A loaded model: its number in this engine, and what the caller must know of it. */
export interface Loaded {
  readonly id: number;
  readonly facts: object;
  /** How most of its weights' elements are held. */
  readonly dtype: WeightType;
}

interface Call {
  readonly call: number;
  isCancelled: boolean;
  readonly reject: (error: WasmformerError) => void;
}

export class EngineCore {
  private readonly models = new Map<number, Runner>();
  /** The call that runs, and those that wait for their turn. */
  private readonly calls: Call[] = [];
  private queue: Promise<unknown> = Promise.resolve();
  private ids = 0;

  private constructor(private readonly core: Core) {}

  static async create(options: CoreOptions): Promise<EngineCore> {
    return new EngineCore(await Core.create(options));
  }

  facts(): EngineFacts {
    const { build, threads } = this.core;
    return { build, threads, memory: this.memory() };
  }

  memory(): MemoryFacts {
    const { memory } = this.core;
    return {
      total: memory.size,
      used: memory.used,
      weights: memory.usedFor('weights'),
      kv: memory.usedFor('kv'),
      activations: memory.usedFor('activations'),
    };
  }

  /** The shared memory whose CTL_CANCEL cell stops a call at once; undefined without threads. */
  cancelCell(): { buffer: SharedArrayBuffer; address: number } | undefined {
    const buffer = this.core.sharedBuffer;
    return buffer && { buffer, address: CTL_CANCEL };
  }

  /** Builds a model and gives it its weights. */
  load(
    call: number,
    kind: ModelKind,
    config: Config,
    source: WeightSource,
    dtype: HeldAs,
    onProgress?: (loaded: number, total: number) => void,
  ): Promise<Loaded> {
    return this.enqueue(call, async (isCancelled) => {
      const load = await LOADERS[kind]();
      let held: WeightType = 'f32';
      const runner = await load(this.core, config, source, {
        dtype,
        onHeld: (type) => (held = type),
        onProgress,
        isCancelled,
      });
      const id = ++this.ids;
      this.models.set(id, runner);
      return { id, facts: runner.facts, dtype: held };
    });
  }

  /** Calls a method of a model. */
  invoke(call: number, id: number, method: string, request: unknown, onEvent: OnEvent): Promise<unknown> {
    return this.enqueue(call, (isCancelled) => {
      const runner = this.model(id);
      const run = (runner as unknown as Readonly<Record<string, Method>>)[method];
      return run.call(runner, request, {
        isCancelled,
        report: onEvent,
        runner: (other) => this.model(other),
      });
    });
  }

  /** Ends a call: at once if it waits, at the next barrier or slice if it runs. */
  cancel(call: number): void {
    const at = this.calls.findIndex((one) => one.call === call);
    if (at < 0) return;
    this.calls[at].isCancelled = true;
    if (at > 0) this.calls[at].reject(abortError());
  }

  /** Gives a model's memory back, after the calls that came before. */
  unload(call: number, id: number): Promise<void> {
    return this.enqueue(call, async () => {
      this.model(id).dispose();
      this.models.delete(id);
    });
  }

  dispose(): void {
    this.core.dispose();
  }

  private model(id: number): Runner {
    const model = this.models.get(id);
    if (!model) throw new WasmformerError('DISPOSED', 'this model was disposed');
    return model;
  }

  /** Runs a task after those before it, whatever becomes of them. */
  private enqueue<T>(call: number, task: (isCancelled: () => boolean) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const own = { call, isCancelled: false, reject };
      this.calls.push(own);
      this.queue = this.queue.then(async () => {
        try {
          if (own.isCancelled) throw abortError();
          this.core.beginCall(call);
          resolve(await task(() => own.isCancelled));
        } catch (error) {
          reject(error as Error);
        } finally {
          this.calls.shift();
        }
      });
    });
  }
}
