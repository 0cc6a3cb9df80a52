// What Encoder, Decoder and Transformer share: a checkpoint in an engine, loaded again when the engine had to be replaced.
import * as platform from '#platform';
import { abortable, throwIfAborted, WasmformerError } from '../errors';
import { openCheckpoint } from '../io/safetensors';
import { openSource, type Source, type SourceInput } from '../io/source';
import type { Tokenizer } from '../io/tokenizer';
import type { Config } from '../models/model';
import type { WeightType } from '../core/graph';
import type { EngineFacts } from '../runtime/engine-core';
import { ENGINE_NAMES, Engine, type EngineOptions } from '../runtime/host';
import { checkNames } from '../runtime/option-names';
import type { HeldAs, TensorReader } from '../runtime/load';
import type { MethodOf, ModelKind, ModelRunner, OnEvent, RequestOf, ResultOf } from '../runtime/runner';
import type { Meter } from './load-meter';
import { acquireDefaultEngine, releaseDefaultEngine } from './default-engine';
import type { SaveOptions } from './save';
import { readSettings, tokenizerOf, type Settings } from './settings';

/** What happens while a checkpoint loads. */
export interface LoadProgress {
  /** 'download': a file arrives from a server; 'read': weights are read from their file; 'pack': they are laid out in the engine. */
  phase: 'download' | 'read' | 'pack';
  /** As the checkpoint names it. */
  file: string;
  /** Bytes so far, and of all: of the file while it is downloaded, of all weights when they are read and packed. Null: the server
   *  does not tell. */
  loaded: number;
  total: number | null;
}

/** Where the files of a checkpoint are, and who may ask for them. */
export interface FileOptions {
  /** Branch, tag or commit on the Hub. Default 'main'. */
  revision?: string;
  /** The Hub, or a mirror with its layout. Default 'https://huggingface.co'. */
  endpoint?: string;
  /** Sent as a bearer token to the server that the files are asked of, for private and gated models. Default: HF_TOKEN of Node's
   *  environment, to the Hub alone. */
  token?: string;
  /** Used for all requests, for instance through a proxy. Default: the global fetch. */
  fetch?: typeof fetch;
  /** Where downloads are kept. In Node, Deno and Bun a folder; default WASMFORMER_CACHE of the environment, else wasmformer in the
   *  user's cache folder. In a page the name of a cache in the site's storage; default 'wasmformer'. null: nowhere, each load downloads
   *  again. Where the default place cannot be written to, a model is loaded all the same, with one warning. */
  cacheDir?: string | URL | null;
  /** Nothing is asked of a server: only what is in the cache is used. Default false, or as HF_HUB_OFFLINE says for the Hub. */
  localFilesOnly?: boolean;
}

/** Options of `fromPretrained`. */
export interface FromPretrainedOptions extends EngineOptions, FileOptions {
  /** An engine to share with other models (createEngine). Default: models with equal options share one. */
  engine?: Engine | Promise<Engine>;
  /** How weight matrices and embeddings are held: 'auto' as the checkpoint stores them. Results do not depend on it where the
   *  checkpoint's type is kept or widened. 'f16' and 'bf16' of a checkpoint of another type round to the nearest value, ties to
   *  even. A matrix with a value that f16 holds as no less than 128, infinite or NaN is held as f32. Default 'auto'. */
  dtype?: 'auto' | 'f32' | 'f16' | 'bf16';
  /** Called as files arrive and weights are read and put in place. */
  onProgress?: (progress: LoadProgress) => void;
  /** Ends the loading with ABORTED. */
  signal?: AbortSignal;
}

export interface FromConfigOptions
  extends EngineOptions, Pick<FromPretrainedOptions, 'engine' | 'dtype' | 'onProgress' | 'signal'> {
  /** Whole number from 0 to 2^53 - 1: the same seed gives the same weights everywhere. Default: another one each call. */
  seed?: number;
}

/** What a model runs on. */
export interface RunInfo extends EngineFacts {
  readonly modelType: string;
  /** How most of the weights are held. */
  readonly dtype: 'f32' | 'f16' | 'bf16';
  readonly worker: boolean;
}

/** What a model is made of. */
export interface Parts {
  readonly kind: ModelKind;
  readonly source: Source;
  readonly settings: Settings;
  readonly engine: Engine;
  readonly ownsShare: boolean;
  readonly dtype: HeldAs;
  /** Of random weights; null: they are the source's. */
  readonly seed: number | null;
}

/** Names of FileOptions. */
export const FILE_NAMES = 'revision endpoint token fetch cacheDir localFilesOnly';

/** Options of fromPretrained and fromConfig. */
const SHARED_NAMES = `engine dtype onProgress signal ${ENGINE_NAMES}`;

const DTYPES: readonly HeldAs[] = ['auto', 'f32', 'f16', 'bf16'];

/** Opens a checkpoint, makes a model of its parts and loads it. Whatever fails, nothing stays open. */
export async function openPretrained<M extends PretrainedModel<ModelRunner>>(
  kind: ModelKind,
  create: (parts: Parts) => M | Promise<M>,
  input: SourceInput,
  options: FromPretrainedOptions,
): Promise<M> {
  await checkNames(options, `${SHARED_NAMES} ${FILE_NAMES}`);
  const { revision, endpoint, token, fetch, cacheDir, localFilesOnly, ...rest } = options;
  const { signal, onProgress } = options;
  return open(kind, create, rest, null, () =>
    openFiles(input, { revision, endpoint, token, fetch, cacheDir, localFilesOnly }, signal, onProgress),
  );
}

/** Opens a checkpoint's files by what the platform has. */
export function openFiles(
  input: SourceInput,
  options: FileOptions,
  signal?: AbortSignal,
  onProgress?: (progress: LoadProgress) => void,
): Promise<Source> {
  const { token, cacheDir, localFilesOnly } = options;
  checkText('token', token, 'a string that is not empty');
  const isPlace = cacheDir == null || cacheDir instanceof URL || (typeof cacheDir === 'string' && cacheDir !== '');
  checkType('cacheDir', cacheDir, isPlace, 'a path, a file URL or null');
  checkType('localFilesOnly', localFilesOnly, [undefined, true, false].includes(localFilesOnly), 'true or false');
  return openSource(input, {
    ...options,
    signal,
    files: platform.files,
    storage: () => import('#platform-store'),
    onDownload:
      onProgress && ((file, loaded, total) => onProgress({ phase: 'download', file, loaded, total: total ?? null })),
  });
}

function checkType(name: string, value: unknown, fits: boolean, wanted: string): void {
  if (fits) return;
  throw new WasmformerError('INVALID_ARGUMENT', `${name} must be ${wanted}, not ${JSON.stringify(value)}`);
}

/** Throws INVALID_ARGUMENT for an option that is given and is no text, or an empty one. */
export function checkText(name: string, value: unknown, wanted: string): void {
  checkType(name, value, value === undefined || (typeof value === 'string' && value !== ''), wanted);
}

/** Makes a model with random weights. Whatever fails, nothing stays open. */
export async function openFresh<M extends PretrainedModel<ModelRunner>>(
  kind: ModelKind,
  create: (parts: Parts) => M | Promise<M>,
  config: Config,
  options: FromConfigOptions,
): Promise<M> {
  await checkNames(options, `${SHARED_NAMES} seed`);
  const { seed, ...rest } = options;
  const { configSource, seedOf } = await import('./fresh');
  return open(kind, create, rest, seedOf(seed), async () => configSource(config));
}

async function open<M extends PretrainedModel<ModelRunner>>(
  kind: ModelKind,
  create: (parts: Parts) => M | Promise<M>,
  options: FromConfigOptions,
  seed: number | null,
  openIt: () => Promise<Source>,
): Promise<M> {
  const { signal, onProgress, dtype = 'auto', engine: given, ...engineOptions } = options;
  throwIfAborted(signal);
  if (!DTYPES.includes(dtype)) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `dtype must be one of ${DTYPES.join(', ')}, not ${JSON.stringify(dtype)}`,
    );
  }
  const engine = (await given) ?? acquireDefaultEngine(engineOptions);
  let source: Source | undefined;
  try {
    // its worker comes up while the files are found and the small ones read
    engine.prepare();
    source = await openIt();
    const settings = await readSettings(source, signal);
    const model = await create({ kind, source, settings, engine, ownsShare: !given, dtype, seed });
    await model.load(signal, onProgress);
    return model;
  } catch (error) {
    await source?.close();
    if (!given) await releaseDefaultEngine(engine);
    throw error;
  }
}

export interface AskOptions {
  signal?: AbortSignal;
  onEvent?: OnEvent;
  /** The call has a result even when it is aborted. */
  endsItself?: boolean;
}

async function readerOf(
  source: Source,
  dense: Settings['sentence']['dense'],
  meter?: Meter,
  signal?: AbortSignal,
): Promise<TensorReader> {
  const base = await openCheckpoint(source, signal);
  const { tensors, read, totalBytes } =
    dense.length > 0 ? await (await import('./dense')).withDenseTensors(base, source, dense, signal) : base;
  if (meter) meter.total = totalBytes;
  return {
    tensors,
    read: async (parts) => {
      const bytes = await read(parts, signal);
      if (meter) for (const { name, length } of parts) meter.read(tensors.get(name)!.file, length);
      return bytes;
    },
  };
}

/** A loaded checkpoint whose engine side is a runner R. `await using` disposes it. */
export abstract class PretrainedModel<R extends ModelRunner> {
  /** config.json as it is. */
  readonly config: Config;
  /** What the engine says of the model.
   *  @internal */
  facts!: R['facts'];
  /** @internal */
  readonly settings: Settings;
  private readonly parts: Parts;
  private id = 0;
  private dtype!: WeightType;
  /** Engine generation that the weights were loaded into; a replaced engine needs them again. */
  private generation = -1;
  private loading: Promise<void> | null = null;
  private disposed = false;

  /** @internal use fromPretrained */
  constructor(parts: Parts) {
    this.parts = parts;
    this.settings = parts.settings;
    this.config = parts.settings.config;
  }

  /** The checkpoint's tokenizer. Throws NO_TOKENIZER if it has none, INVALID_TOKENIZER if it has files that cannot be used. */
  get tokenizer(): Tokenizer {
    return tokenizerOf(this.settings, this.source, 'add them to the folder, or pass { inputIds } instead of text');
  }

  /** Writes the model into a folder, as Hugging Face and PyTorch load it: model.safetensors under the checkpoint's own names,
   *  config.json, and the tokenizer's and other small files of its source as they came. What is written is what is held: weights in
   *  the type that they were stored in, unless `dtype` asked for another one. Tensors that the model does not use are left out, tied
   *  ones are written once. Missing folders are made, files of the same names are replaced.
   *  @param dir path or `file:` URL of the folder
   *  @throws INVALID_ARGUMENT (a file, an unknown option), WRITE_FAILED, UNSUPPORTED_PLATFORM (a browser: use toFiles), FILE_NOT_FOUND
   *    and NETWORK (the source is gone), ABORTED, DISPOSED, WORKER_FAILED */
  async savePretrained(dir: string | URL, options: SaveOptions = {}): Promise<void> {
    this.checkAlive();
    const { saveToFolder } = await import('./save');
    await saveToFolder(dir, this, options);
  }

  /** The files that savePretrained writes, in memory: fromPretrained takes them again. Holds all weights once more.
   *  @throws OUT_OF_MEMORY, and as savePretrained */
  async toFiles(options: SaveOptions = {}): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
    this.checkAlive();
    const { saveToMemory } = await import('./save');
    return saveToMemory(this, options);
  }

  /** Gives the weights' memory back, after the calls that are running; a default engine that has no other model ends. */
  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    const { engine, source, ownsShare } = this.parts;
    try {
      if (this.generation === engine.generation) await engine.call((host, call) => host.unload(call, this.id));
    } catch (error) {
      // an engine that was disposed or died first took the weights with it
      if (!(error instanceof WasmformerError && (error.code === 'DISPOSED' || error.code === 'WORKER_FAILED')))
        throw error;
    } finally {
      await source.close();
      if (ownsShare) await releaseDefaultEngine(engine);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Loads the weights into the engine: at first, and again when a dead engine was replaced. Concurrent calls share one load.
   *  @internal */
  load(signal?: AbortSignal, onProgress?: (progress: LoadProgress) => void): Promise<void> {
    this.loading ??= this.loadNow(signal, onProgress).finally(() => (this.loading = null));
    return this.loading;
  }

  /** What the model runs on, as it was after the last call of a model. */
  protected get runInfo(): RunInfo {
    return { ...this.engine.lastInfo, modelType: String(this.config.model_type), dtype: this.dtype };
  }

  /** @internal */
  get kind(): ModelKind {
    return this.parts.kind;
  }

  /** @internal */
  get source(): Source {
    return this.parts.source;
  }

  /** @internal */
  get engine(): Engine {
    return this.parts.engine;
  }

  /** The model's number in its engine, which has the weights then.
   *  @internal */
  async ready(signal?: AbortSignal): Promise<number> {
    this.checkAlive();
    // calls share a reload: one that is aborted only stops waiting for it
    if (!this.isReady) await abortable(this.load(), signal);
    return this.id;
  }

  private get isReady(): boolean {
    return !this.disposed && this.generation === this.engine.generation;
  }

  /** Calls a method of the model's runner.
   *  @internal */
  ask<K extends MethodOf<R>>(
    method: K,
    request: RequestOf<R, K>,
    { signal, onEvent, endsItself }: AskOptions = {},
  ): Promise<ResultOf<R, K>> {
    const invoke = (id: number): Promise<unknown> =>
      this.engine.call((host, call) => host.invoke(call, id, method, request, onEvent), signal, { endsItself });
    const result = this.isReady ? invoke(this.id) : this.ready(signal).then(invoke);
    return result as Promise<ResultOf<R, K>>;
  }

  /** @internal */
  checkAlive(): void {
    if (this.disposed)
      throw new WasmformerError('DISPOSED', 'this model was disposed; load it again with fromPretrained');
  }

  private async loadNow(signal?: AbortSignal, onProgress?: (progress: LoadProgress) => void): Promise<void> {
    const { kind, source, engine, dtype, seed } = this.parts;
    const meter = onProgress && new (await import('./load-meter')).Meter(onProgress);
    const { dense: sentenceDense } = this.settings.sentence;
    const weights = seed === null ? await readerOf(source, sentenceDense, meter, signal) : { seed };
    const config = { ...this.config, sentenceDense };
    const loaded = await engine.call(async (host, call) => {
      const result = await host.load(call, kind, config, weights, dtype, (done, total) => meter?.pack(done, total));
      // too late to end it
      if (signal?.aborted) await host.unload(call, result.id);
      return result;
    }, signal);
    this.id = loaded.id;
    this.facts = loaded.facts;
    this.dtype = loaded.dtype;
    this.generation = engine.generation;
    await source.close();
  }
}
