// The engine where the computing happens: a core and the models loaded into it. It runs one call at a time; the others
// wait in order. Lives in a worker, or in the caller's thread with `worker: false`.
import { CTL_CANCEL } from '../../assembly/abi/layout';
import { Core, type CoreOptions } from '../core/core';
import { abortError, WasmformerError } from '../errors';
import type { Config, Head } from '../models/model';
import { encoderOf } from '../models/registry';
import { Parameters } from '../nn/parameters';
import { EncoderRunner, type EncoderCall, type Outputs, type ProfileRow } from './encoder-runner';
import { freeWeights, loadWeights, type TensorReader } from './load';

/** What a loaded encoder is like. */
export interface EncoderFacts {
  readonly id: number;
  readonly head: Head | null;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly typeVocabSize: number;
  readonly weightBytes: number;
}

/** What an engine runs on and how much memory it holds. */
export interface EngineFacts {
  /** Name of the wasm build. */
  readonly build: string;
  readonly threads: number;
  /** Bytes of wasm memory, which never shrinks, and how they are used. */
  readonly memory: { readonly total: number; readonly used: number; readonly activations: number };
}

interface Loaded {
  readonly runner: EncoderRunner;
  readonly parameters: Parameters;
}

export class EngineCore {
  private readonly models = new Map<number, Loaded>();
  private readonly cancelled = new Set<number>();
  private queue: Promise<unknown> = Promise.resolve();
  private ids = 0;

  private constructor(private readonly core: Core) {}

  static async create(options: CoreOptions): Promise<EngineCore> {
    return new EngineCore(await Core.create(options));
  }

  facts(): EngineFacts {
    const { memory, build, threads, arenaBytes } = this.core;
    return { build, threads, memory: { total: memory.size, used: memory.used, activations: arenaBytes } };
  }

  /** The shared memory whose CTL_CANCEL cell stops a call at once; undefined without threads. */
  cancelCell(): { buffer: SharedArrayBuffer; address: number } | undefined {
    const buffer = this.core.sharedBuffer;
    return buffer && { buffer, address: CTL_CANCEL };
  }

  /** Builds an encoder and reads its weights. */
  loadEncoder(
    call: number,
    config: Config,
    reader: TensorReader,
    onProgress?: (loaded: number, total: number) => void,
  ): Promise<EncoderFacts> {
    return this.enqueue(call, async () => {
      const architecture = encoderOf(config);
      const parameters = new Parameters(
        (name) => reader.tensors.has(name),
        (name) => architecture.aliases(name),
      );
      const model = architecture.build(config, parameters);
      const before = this.core.memory.used;
      await loadWeights(parameters.declarations, reader, this.core, {
        onProgress,
        isCancelled: () => this.cancelled.has(call),
      });
      const id = ++this.ids;
      this.models.set(id, { runner: new EncoderRunner(model, this.core), parameters });
      const { head, vocabSize, hiddenSize, layers, heads, maxPositions, typeVocabSize } = model;
      return {
        id,
        head,
        vocabSize,
        hiddenSize,
        layers,
        heads,
        maxPositions,
        typeVocabSize,
        weightBytes: this.core.memory.used - before,
      };
    });
  }

  runEncoder(
    call: number,
    id: number,
    request: EncoderCall,
    onProgress?: (sequences: number) => void,
  ): Promise<Outputs> {
    return this.enqueue(call, () =>
      this.model(id).runner.run(request, { isCancelled: () => this.cancelled.has(call), onProgress }),
    );
  }

  explain(call: number, id: number, request: EncoderCall): Promise<string> {
    return this.enqueue(call, async () => this.model(id).runner.explain(request));
  }

  profile(call: number, id: number, request: EncoderCall): Promise<ProfileRow[]> {
    return this.enqueue(call, () => this.model(id).runner.profile(request));
  }

  /** Ends a call: at once if it waits, at the next barrier or slice if it runs. */
  cancel(call: number): void {
    this.cancelled.add(call);
  }

  /** Gives a model's memory back, after the calls that came before. */
  unload(call: number, id: number): Promise<void> {
    return this.enqueue(call, async () => {
      const { runner, parameters } = this.model(id);
      this.models.delete(id);
      runner.dispose();
      freeWeights(parameters.declarations, this.core);
    });
  }

  dispose(): void {
    this.core.dispose();
  }

  private model(id: number): Loaded {
    const model = this.models.get(id);
    if (!model) throw new WasmformerError('DISPOSED', 'this model was disposed');
    return model;
  }

  /** Runs a task after those before it, whatever becomes of them. */
  private enqueue<T>(call: number, task: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      try {
        if (this.cancelled.has(call)) throw abortError();
        this.core.beginCall(call);
        return await task();
      } finally {
        this.cancelled.delete(call);
      }
    };
    const result = this.queue.then(run, run);
    this.queue = result.catch(() => {});
    return result;
  }
}
