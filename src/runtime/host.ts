// Where an engine runs: inline in this thread, or in a worker. Both look the same to the models.
import * as platform from '#platform';
import { abortError, throwIfAborted, WasmformerError } from '../errors';
import type { Config } from '../models/model';
import type { EngineFacts, Loaded } from './engine-core';
import type { HeldAs } from './load';
import type { WeightSource } from './load-model';
import { checkNames } from './option-names';
import type { ModelKind, OnEvent } from './runner';

/** Progress of a long call. */
type OnProgress = (done: number, total: number) => void;

/** An engine as its models see it. Every method rejects with ABORTED when the call is cancelled. */
export interface Host {
  facts(): Promise<EngineFacts>;
  /** As they were when the last call of a model began or ended. */
  readonly lastFacts: EngineFacts;
  load(
    call: number,
    kind: ModelKind,
    config: Config,
    source: WeightSource,
    dtype: HeldAs,
    onProgress: OnProgress,
  ): Promise<Loaded>;
  /** Calls a method of a model's runner. What it reports reaches `onEvent` before the result comes. */
  invoke(call: number, id: number, method: string, request: unknown, onEvent?: OnEvent): Promise<unknown>;
  cancel(call: number): void;
  unload(call: number, id: number): Promise<void>;
  dispose(): Promise<void>;
  /** Keeps the process alive while calls are pending. */
  hold(pending: boolean): void;
}

export interface EngineOptions {
  /** Threads that compute, or 'auto': min(8, cores) in Node; cores - 1, 1 to 8, in a page. Default 'auto'. More than one needs
   *  shared memory, which a page has only when it is cross-origin isolated; else there is one. */
  threads?: number | 'auto';
  /** Run in a worker, so that the caller's thread stays free; false computes in the caller's thread, which then gets a turn about every
   *  10 ms. Default: in a worker where one can be had (no policy forbids it, its file is served), else in the caller's thread, with a
   *  line on the console that says why. True: an error instead. */
  worker?: boolean;
  /** Use relaxed SIMD (fused multiply-add) where the platform has it. On Node 20 this sets a V8 flag for the whole process.
   *  Default true. */
  relaxedSimd?: boolean;
  /** A build of the core that the platform has compiled ahead (`wasmformer/wasm/relaxed.wasm`), for edge functions, where nothing is
   *  compiled at run time. It has one thread, the caller's. */
  module?: WebAssembly.Module;
  /** Set V8's experimental flag that fuses 128-bit operations into 256-bit ones (Node 24 and later; process-wide): faster
   *  matrix products on processors with AVX2. Default false. */
  revectorize?: boolean;
}

/** What an engine runs on. */
export interface EngineInfo extends EngineFacts {
  readonly worker: boolean;
}

const MAX_THREADS = 64;

/** Names of EngineOptions. */
export const ENGINE_NAMES = 'threads worker relaxedSimd revectorize module';

function checkOptions(options: EngineOptions): CheckedOptions {
  const { threads = 'auto', worker = !options.module, relaxedSimd = true, revectorize = false } = options;
  if (threads !== 'auto' && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `threads must be 'auto' or a whole number from 1 to ${MAX_THREADS}, not ${String(threads)}`,
    );
  }
  for (const [name, value] of Object.entries({ worker, relaxedSimd, revectorize })) {
    if (typeof value !== 'boolean')
      throw new WasmformerError('INVALID_ARGUMENT', `${name} must be true or false, not ${String(value)}`);
  }
  const { module } = options;
  if (module !== undefined) {
    // by its tag: an edge runtime compiles it in another realm
    if (Object.prototype.toString.call(module) !== '[object WebAssembly.Module]') {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `module must be a WebAssembly.Module (wasmformer/wasm/relaxed.wasm), not ${String(module)}`,
      );
    }
    if (worker || (threads !== 'auto' && threads > 1)) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        "a module that was compiled ahead runs in the caller's thread alone: leave out worker and threads",
      );
    }
    return { threads: 1, worker, isWorkerAsked: false, relaxedSimd, revectorize, module };
  }
  return {
    threads: threads === 'auto' ? platform.defaultThreads() : threads,
    worker: worker && platform.hasWorkers(),
    isWorkerAsked: options.worker === true,
    relaxedSimd,
    revectorize,
    module,
  };
}

/** Options with all defaults. */
type CheckedOptions = Required<Omit<EngineOptions, 'module' | 'threads'>> & {
  threads: number;
  isWorkerAsked: boolean;
  module: WebAssembly.Module | undefined;
};

const said = new Set<string>();

/** Says once what the user can mend. */
function sayOnce(level: 'info' | 'warn', text: string): void {
  if (!said.has(text)) console[level](`wasmformer: ${text}`);
  said.add(text);
}

function workerFailed(what: string, cause: unknown, next: string): WasmformerError {
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return new WasmformerError('WORKER_FAILED', `the engine's worker ${what}${why}; ${next}`, { cause });
}

/** Computes for one or more models. Calls run one after another. `await using` disposes it. */
export class Engine {
  private readonly options: CheckedOptions;
  private host: Promise<Host> | null = null;
  private lastHost: Host | null = null;
  private live = true;
  private calls = 0;
  /** How to end each call that runs or waits: a list, since a Map that they leave and enter makes a new table every few calls. */
  private readonly pending: ((error: WasmformerError) => void)[] = [];
  /** Grows when a dead worker is replaced: models of an older generation must load again. */
  generation = 0;

  /** @internal use createEngine */
  constructor(options: EngineOptions = {}) {
    this.options = checkOptions(options);
  }

  /** Build, threads and memory. */
  async info(): Promise<EngineInfo> {
    return { ...(await this.call((host) => host.facts())), worker: this.options.worker };
  }

  /** What it runs on and its memory, as of the last call of a model.
   *  @internal */
  get lastInfo(): EngineInfo {
    return { ...this.lastHost!.lastFacts, worker: this.options.worker };
  }

  /** Starts what the first call would start. A failure is that call's to tell.
   *  @internal */
  prepare(): void {
    if (this.live) void this.start().catch(() => {});
  }

  /** Frees all models and ends all workers. Calls that are still running reject with DISPOSED. */
  async dispose(): Promise<void> {
    if (!this.live) return;
    this.live = false;
    const { host } = this;
    this.host = null;
    this.rejectAll(new WasmformerError('DISPOSED', 'the engine was disposed while this call was running'));
    await host?.then(
      (h) => {
        h.hold(true);
        return h.dispose();
      },
      () => {},
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Makes one call: numbers it, and ends it with an abort or the worker's death.
   *  @param endsItself an abort only tells the engine, whose answer is waited for: for calls that have a result even then, once
   *    they have begun
   *  @internal */
  call<T>(
    run: (host: Host, call: number) => Promise<T>,
    signal?: AbortSignal,
    { endsItself = false } = {},
  ): Promise<T> {
    // one promise that whoever is first settles: an async function and a race would leave a dozen objects more behind each call
    return new Promise<T>((resolve, reject) => {
      throwIfAborted(signal);
      if (!this.live) throw new WasmformerError('DISPOSED', 'this engine was disposed; create a new one');
      const call = ++this.calls;
      let host: Host | undefined;
      /** Whether it had not ended before. */
      const end = (): boolean => {
        const at = this.pending.indexOf(fail);
        if (at < 0) return false;
        this.pending.splice(at, 1);
        signal?.removeEventListener('abort', onAbort);
        if (this.pending.length === 0) host?.hold(false);
        return true;
      };
      const fail = (error: unknown): void => {
        if (!end()) return;
        const code = error instanceof WasmformerError && error.code;
        // a lost thread: everything in that core is gone
        if (code === 'WORKER_FAILED') this.fail(error as WasmformerError);
        // the cancelled engine's own error is less than the signal's
        reject(code === 'ABORTED' && signal?.aborted ? abortError(signal.reason) : error);
      };
      const onAbort = (): void => {
        if (!endsItself) fail(abortError());
        void this.host?.then((host) => host.cancel(call));
      };
      this.pending.push(fail);
      if (signal) platform.shareSignal(signal);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.start()
        .then((started) => {
          // an abort meanwhile found no call to end
          throwIfAborted(signal);
          // it was rejected while the engine started
          if (!this.pending.includes(fail)) throw abortError();
          host = started;
          this.lastHost = started;
          host.hold(true);
          return run(host, call);
        })
        .then((value) => {
          end();
          resolve(value);
        }, fail);
    });
  }

  private start(): Promise<Host> {
    if (!this.host) {
      this.host = this.open();
      // a failed start is reported to its callers and tried again by the next call
      this.host.catch(() => (this.host = null));
    }
    return this.host;
  }

  private async open(): Promise<Host> {
    const { options } = this;
    if (options.threads > 1 && !platform.hasSharedMemory() && !globalThis.crossOriginIsolated) {
      sayOnce('info', `one thread, since memory cannot be shared here. ${platform.SHARING_ADVICE}`);
    }
    if (options.worker) {
      const { startWorkerHost, WorkerRefusal } = await import('./host-worker');
      try {
        return await startWorkerHost(options, (cause) =>
          this.fail(workerFailed('died', cause, 'the next call starts a new one')),
        );
      } catch (error) {
        if (!(error instanceof WorkerRefusal)) throw error;
        const failure = workerFailed('could not start', error.cause, platform.WORKER_ADVICE);
        // one that was killed while it started says nothing of the next one
        if (options.isWorkerAsked || error.cause === undefined || this.generation > 0) throw failure;
        sayOnce('warn', `${failure.message}. It computes in the caller's thread, with one thread.`);
        options.worker = false;
        options.threads = 1;
      }
    }
    return (await import('./host-inline')).startInlineHost(options);
  }

  private fail(error: WasmformerError): void {
    const { host } = this;
    if (!host) return;
    this.host = null;
    this.generation++;
    void host.then(
      (h) => h.dispose(),
      () => {},
    );
    this.rejectAll(error);
  }

  private rejectAll(error: WasmformerError): void {
    for (const fail of [...this.pending]) fail(error);
  }
}

/** Creates an engine to share between models, or to choose threads and worker. Its resources start with the first call.
 *  Throws INVALID_ARGUMENT. */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  await checkNames(options, ENGINE_NAMES);
  const engine = new Engine(options);
  await engine.info();
  return engine;
}
