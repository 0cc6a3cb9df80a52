// Encoder: BERT and its family. Text or ids in; hidden states, embeddings, labels, answers out.
import * as platform from '#platform';
import { throwIfAborted, WasmformerError } from '../errors';
import { openSource, type Source, type SourceInput } from '../io/source';
import { openCheckpoint } from '../io/safetensors';
import type { Encoding, Tokenizer } from '../io/tokenizer';
import type { Config, Head } from '../models/model';
import { POOLINGS, type Pooling } from '../ops/pool';
import type { EncoderCall, Outputs, ProfileRow } from '../runtime/encoder-runner';
import type { EncoderFacts, EngineFacts } from '../runtime/engine-core';
import { Engine, type EngineOptions } from '../runtime/host';
import type { Question, TaskContext } from './encoder-tasks';
import { acquireDefaultEngine, releaseDefaultEngine } from './default-engine';
import {
  encodeText,
  isIdInput,
  padMaps,
  padRows,
  prepareEncodings,
  prepareIds,
  textsOf,
  type EncoderInput,
  type IdInputs,
  type Prepared,
  type TextInputs,
  type TokenizeOptions,
} from './inputs';
import { readSettings, type Settings } from './settings';
import type { ClassificationOptions, ClassificationResult } from './tasks/classification';
import type { FillMaskOptions, FillMaskResult } from './tasks/fill-mask';
import type { NextSentenceResult } from './tasks/next-sentence';
import type { Answer, AnswerOptions, WindowOptions } from './tasks/question-answering';
import type { EntityGroup, TokenClassificationOptions, TokenEntity } from './tasks/token-classification';
import { Tensor } from './tensor';

/** What happens while a checkpoint loads. */
export interface LoadProgress {
  phase: 'load';
  /** Bytes of weights that are in place, and of all. */
  loaded: number;
  total: number;
}

export interface FromPretrainedOptions extends EngineOptions {
  /** An engine to share with other models (createEngine). Default: models with equal options share one. */
  engine?: Engine | Promise<Engine>;
  /** How weights are held: 'f32', which f16 and bf16 are converted to exactly; 'auto' is the same for now. Default 'auto'. */
  dtype?: 'auto' | 'f32';
  /** Branch, tag or commit on the Hub. Default 'main'. */
  revision?: string;
  /** Replaces the global fetch. */
  fetch?: typeof fetch;
  /** The Hub, or a mirror with its layout. Default 'https://huggingface.co'. */
  endpoint?: string;
  onProgress?: (progress: LoadProgress) => void;
  signal?: AbortSignal;
}

export interface ForwardOptions extends TokenizeOptions {
  /** Also give the embeddings and every layer's output. */
  outputHiddenStates?: boolean;
  /** Also give every layer's attention maps. */
  outputAttentions?: boolean;
  signal?: AbortSignal;
}

/** Results of a forward pass; b sequences, t the longest row, d the hidden size. Padded rows are zero. */
export interface EncoderOutput {
  /** [b, t, d] */
  lastHiddenState: Tensor<Float32Array>;
  /** [b, d], where the model has a pooler. */
  poolerOutput?: Tensor<Float32Array>;
  /** Embeddings and every layer's output, [b, t, d] each. */
  hiddenStates?: Tensor<Float32Array>[];
  /** Every layer's maps, [b, heads, t, t] each. */
  attentions?: Tensor<Float32Array>[];
  /** Masked LM [b, t, vocabulary], token classes [b, t, labels], sequence classes [b, labels], next sentence [b, 2]. */
  logits?: Tensor<Float32Array>;
  /** BertForPreTraining: [b, t, vocabulary]. */
  predictionLogits?: Tensor<Float32Array>;
  /** BertForPreTraining: [b, 2]. */
  seqRelationshipLogits?: Tensor<Float32Array>;
  /** Question answering: [b, t]. */
  startLogits?: Tensor<Float32Array>;
  endLogits?: Tensor<Float32Array>;
}

export interface TaskOptions extends TokenizeOptions {
  signal?: AbortSignal;
}

export interface EmbedOptions extends TokenizeOptions {
  /** How the rows of a text become one. Default: what the folder's modules.json says, else 'mean'. */
  pooling?: Pooling;
  /** Scale embeddings to length 1. Default: what the folder's modules.json says, else true. */
  normalize?: boolean;
  /** Cut long texts. Default: true if the folder's sentence_bert_config.json sets max_seq_length (then to that), else false. */
  truncation?: boolean;
  /** Put the prompt of this name (config_sentence_transformers.json) before every text. Default: the folder's default prompt. */
  promptName?: string;
  /** Put this before every text instead. */
  prompt?: string;
  /** Texts done, and all of them. */
  onProgress?: (progress: { phase: 'embed'; done: number; total: number }) => void;
  signal?: AbortSignal;
}

/** What a model runs on, and what it holds. */
export interface ModelInfo extends EngineFacts {
  readonly modelType: string;
  readonly head: Head | null;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  /** Bytes of weights in wasm memory. */
  readonly weightBytes: number;
  readonly worker: boolean;
}

/** Texts tokenised and sent to the engine at a time: bounds memory and lets the caller's thread breathe. */
const GROUP = 64;

export class Encoder {
  /** config.json as it is. */
  readonly config: Config;
  private readonly settings: Settings;
  private facts!: EncoderFacts;
  private engineFacts!: EngineFacts & { worker: boolean };
  /** Engine generation that the weights were loaded into; a replaced engine needs them again. */
  private generation = -1;
  private loading: Promise<void> | null = null;
  private disposed = false;

  private constructor(
    private readonly source: Source,
    settings: Settings,
    private readonly engine: Engine,
    private readonly ownsShare: boolean,
  ) {
    this.settings = settings;
    this.config = settings.config;
  }

  /** Loads a checkpoint in Hugging Face layout: config.json, safetensors, and tokenizer.json if texts are to be used.
   *  @param input folder path, Hub id ("org/name"), URL, File | Blob | FileList, or { [fileName]: bytes }
   *  @throws FILE_NOT_FOUND, INVALID_FILE, INVALID_CONFIG, INVALID_TOKENIZER, MISSING_TENSOR, UNSUPPORTED_MODEL, NETWORK,
   *    OUT_OF_MEMORY, ABORTED, INVALID_ARGUMENT */
  static async fromPretrained(input: SourceInput, options: FromPretrainedOptions = {}): Promise<Encoder> {
    const { signal, onProgress, revision, fetch, endpoint, dtype = 'auto', engine: given, ...engineOptions } = options;
    throwIfAborted(signal);
    if (dtype !== 'auto' && dtype !== 'f32') {
      throw new WasmformerError('INVALID_ARGUMENT', `dtype must be 'auto' or 'f32', not ${JSON.stringify(dtype)}`);
    }
    const engine = await given;
    const source = await openSource(input, { revision, fetch, endpoint, signal, files: platform.files });
    try {
      const settings = await readSettings(source, signal);
      const shared = engine ?? acquireDefaultEngine(engineOptions);
      const encoder = new Encoder(source, settings, shared, !engine);
      try {
        await encoder.load(signal, onProgress);
      } catch (error) {
        if (!engine) await releaseDefaultEngine(shared);
        throw error;
      }
      return encoder;
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** The checkpoint's tokenizer. Throws NO_TOKENIZER if it has none. */
  get tokenizer(): Tokenizer {
    const { tokenizer } = this.settings;
    if (!tokenizer) {
      throw new WasmformerError(
        'NO_TOKENIZER',
        `${this.source.name} has no tokenizer.json: add it to the folder, or pass { inputIds } instead of text`,
      );
    }
    return tokenizer;
  }

  /** What the model is and runs on: build, threads, memory as it was after loading (Engine.info() tells it live). */
  get info(): ModelInfo {
    const { head, hiddenSize, layers, heads, vocabSize, maxPositions, weightBytes } = this.facts;
    return {
      ...this.engineFacts,
      modelType: String(this.config.model_type),
      head,
      hiddenSize,
      layers,
      heads,
      vocabSize,
      maxPositions,
      weightBytes,
    };
  }

  /** Runs the model.
   *  @param input a text, texts, { text, textPair }, or { inputIds, attentionMask, tokenTypeIds, positionIds }
   *  @throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG, NO_TOKENIZER, ABORTED, DISPOSED, WORKER_FAILED */
  async forward(input: EncoderInput, options: ForwardOptions = {}): Promise<EncoderOutput> {
    const { outputHiddenStates = false, outputAttentions = false, signal } = options;
    throwIfAborted(signal);
    const prepared = this.prepare(input, options);
    const outputs = await this.run(prepared, this.wantsOf(options), signal);
    const { hiddenSize, heads, layers } = this.facts;
    const sequences = prepared.batch.lengths.length;
    const rows = (data: Float32Array): Tensor<Float32Array> => padRows(data, hiddenSize, prepared);
    const pooled = (data: Float32Array): Tensor<Float32Array> => new Tensor(data, [sequences, data.length / sequences]);
    const tokens = prepared.batch.ids.length;
    const perToken = (data: Float32Array): Tensor<Float32Array> => padRows(data, data.length / tokens, prepared);

    const result: EncoderOutput = { lastHiddenState: rows(outputs.lastHiddenState) };
    if (outputs.poolerOutput) result.poolerOutput = pooled(outputs.poolerOutput);
    if (outputHiddenStates)
      result.hiddenStates = Array.from({ length: layers + 1 }, (_, i) => rows(outputs[`hiddenStates.${i}`]));
    if (outputAttentions)
      result.attentions = Array.from({ length: layers }, (_, i) =>
        padMaps(outputs[`attentions.${i}`], heads, prepared),
      );
    if (outputs.predictionLogits) result.predictionLogits = perToken(outputs.predictionLogits);
    if (outputs.seqRelationshipLogits) result.seqRelationshipLogits = pooled(outputs.seqRelationshipLogits);
    if (outputs.logits) {
      const isPerToken = this.facts.head === 'maskedLM' || this.facts.head === 'tokenClassification';
      result.logits = isPerToken ? perToken(outputs.logits) : pooled(outputs.logits);
    }
    if (outputs.spanLogits) {
      const [start, end] = [0, 1].map((offset) => outputs.spanLogits.filter((_, i) => i % 2 === offset));
      const flat = (data: Float32Array): Tensor<Float32Array> =>
        new Tensor(padRows(data, 1, prepared).data, [sequences, prepared.width]);
      result.startLogits = flat(start);
      result.endLogits = flat(end);
    }
    return result;
  }

  /** Embeds texts: hidden states pooled to one row a text. Thousands of texts run in groups of bounded memory.
   *  @returns [n, d]; [1, d] for a single text
   *  @throws as forward */
  async embed(
    input: string | readonly string[] | TextInputs | IdInputs,
    options: EmbedOptions = {},
  ): Promise<Tensor<Float32Array>> {
    const { sentence } = this.settings;
    const { pooling = sentence.pooling, normalize = sentence.normalize, onProgress, signal } = options;
    throwIfAborted(signal);
    if (!POOLINGS.includes(pooling)) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `pooling must be one of ${POOLINGS.join(', ')}, not ${JSON.stringify(pooling)}`,
      );
    }
    const d = this.facts.hiddenSize;
    if (isIdInput(input)) {
      const prepared = this.prepare(input, options);
      const { embeddings } = await this.run(
        prepared,
        { pooling: { kind: pooling, normalize } },
        signal,
        onProgress && ((done, total) => onProgress({ phase: 'embed', done, total })),
      );
      return new Tensor(embeddings, [prepared.batch.lengths.length, d]);
    }
    const { texts, pairs } = textsOf(input);
    const prompt = this.promptOf(options);
    const want = {
      pooling: { kind: pooling, normalize, skip: sentence.includePrompt ? 0 : this.promptTokens(prompt) },
    };
    const tokenize: TokenizeOptions = {
      truncation: options.truncation ?? sentence.maxSeqLength !== undefined,
      maxLength: options.maxLength ?? ((options.truncation ?? true) ? sentence.maxSeqLength : undefined),
    };
    const data = new Float32Array(texts.length * d);
    // the next group is tokenised while the engine computes this one
    let running: Promise<void> = Promise.resolve();
    for (let from = 0; from < texts.length; from += GROUP) {
      const to = Math.min(from + GROUP, texts.length);
      const encodings = texts
        .slice(from, to)
        .map((text, i) => encodeText(this.tokenizer, this.facts, prompt + text, pairs?.[from + i], tokenize));
      const prepared = prepareEncodings(encodings, this.facts);
      await running;
      running = this.run(prepared, want, signal).then(({ embeddings }) => {
        data.set(embeddings, from * d);
        onProgress?.({ phase: 'embed', done: to, total: texts.length });
      });
      running.catch(() => {});
    }
    await running;
    return new Tensor(data, [texts.length, d]);
  }

  /** The likeliest tokens for the mask token in a text; of a text with several masks, a list for each.
   *  @param options topK: how many, default 5
   *  @throws NO_HEAD, INVALID_ARGUMENT (no mask in the text), and as forward */
  fillMask(text: string, options?: FillMaskOptions & TaskOptions): Promise<FillMaskResult[] | FillMaskResult[][]>;
  fillMask(
    text: readonly string[],
    options?: FillMaskOptions & TaskOptions,
  ): Promise<(FillMaskResult[] | FillMaskResult[][])[]>;
  fillMask(text: string | readonly string[], options: FillMaskOptions & TaskOptions = {}): Promise<never> {
    return this.task(({ fillMaskTask }) => fillMaskTask(this.taskContext(), text, options)) as Promise<never>;
  }

  /** Labels of a text or pair, best first.
   *  @param options topK: how many, default 1, null for all
   *  @throws NO_HEAD, and as forward */
  classify(
    input: string | { text: string; textPair?: string },
    options?: ClassificationOptions & TaskOptions,
  ): Promise<ClassificationResult[]>;
  classify(
    input: readonly string[] | { text: readonly string[]; textPair?: readonly string[] },
    options?: ClassificationOptions & TaskOptions,
  ): Promise<ClassificationResult[][]>;
  classify(
    input: string | readonly string[] | TextInputs,
    options: ClassificationOptions & TaskOptions = {},
  ): Promise<never> {
    return this.task(({ classifyTask }) => classifyTask(this.taskContext(), input, options)) as Promise<never>;
  }

  /** Labelled tokens or, with an aggregationStrategy, entities of a text. start and end: `text.slice(start, end)`.
   *  @throws NO_HEAD, and as forward */
  classifyTokens(
    text: string,
    options?: TokenClassificationOptions & TaskOptions & { aggregationStrategy?: 'none' },
  ): Promise<TokenEntity[]>;
  classifyTokens(text: string, options: TokenClassificationOptions & TaskOptions): Promise<EntityGroup[]>;
  classifyTokens(
    text: readonly string[],
    options?: TokenClassificationOptions & TaskOptions & { aggregationStrategy?: 'none' },
  ): Promise<TokenEntity[][]>;
  classifyTokens(text: readonly string[], options: TokenClassificationOptions & TaskOptions): Promise<EntityGroup[][]>;
  classifyTokens(
    text: string | readonly string[],
    options: TokenClassificationOptions & TaskOptions = {},
  ): Promise<never> {
    return this.task(({ classifyTokensTask }) =>
      classifyTokensTask(this.taskContext(), text, options),
    ) as Promise<never>;
  }

  /** The span of a context that answers a question; with topK > 1 an array of the best ones. A context that is too long is read
   *  in overlapping windows.
   *  @throws NO_HEAD, TOO_LONG (the question leaves no room), and as forward */
  answer(
    input: Question,
    options?: AnswerOptions & WindowOptions & { topK?: 1; signal?: AbortSignal },
  ): Promise<Answer>;
  answer(input: Question, options: AnswerOptions & WindowOptions & { signal?: AbortSignal }): Promise<Answer[]>;
  answer(
    input: readonly Question[],
    options?: AnswerOptions & WindowOptions & { topK?: 1; signal?: AbortSignal },
  ): Promise<Answer[]>;
  answer(
    input: readonly Question[],
    options: AnswerOptions & WindowOptions & { signal?: AbortSignal },
  ): Promise<Answer[][]>;
  answer(
    input: Question | readonly Question[],
    options: AnswerOptions & WindowOptions & { signal?: AbortSignal } = {},
  ): Promise<never> {
    return this.task(({ answerTask }) => answerTask(this.taskContext(), input, options)) as Promise<never>;
  }

  /** Whether `second` follows `first` in a text; BERT's pre-training task.
   *  @throws NO_HEAD, and as forward */
  isNextSentence(first: string, second: string, options: TaskOptions = {}): Promise<NextSentenceResult> {
    return this.task(({ nextSentenceTask }) => nextSentenceTask(this.taskContext(), first, second, options));
  }

  /** The plan of a call as a table: op, shapes, bytes, address, estimated time. */
  async explain(input: EncoderInput, options: ForwardOptions = {}): Promise<string> {
    const call = this.callOf(this.prepare(input, options), this.wantsOf(options));
    return this.onEngine((host, number) => host.explain(number, this.facts.id, call), options.signal);
  }

  /** Time of every record of a call's plan, in milliseconds. */
  async profile(input: EncoderInput, options: ForwardOptions = {}): Promise<ProfileRow[]> {
    const call = this.callOf(this.prepare(input, options), this.wantsOf(options));
    return this.onEngine((host, number) => host.profile(number, this.facts.id, call), options.signal);
  }

  /** Gives the weights' memory back, after the calls that are running; a default engine that has no other model ends. */
  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    try {
      if (this.generation === this.engine.generation)
        await this.engine.call((host, call) => host.unload(call, this.facts.id));
    } catch (error) {
      // an engine that was disposed or died first took the weights with it
      if (!(error instanceof WasmformerError && (error.code === 'DISPOSED' || error.code === 'WORKER_FAILED')))
        throw error;
    } finally {
      await this.source.close();
      if (this.ownsShare) await releaseDefaultEngine(this.engine);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Tasks are loaded when one is first used: who only embeds does not download them. */
  private async task<T>(run: (tasks: typeof import('./encoder-tasks')) => Promise<T>): Promise<T> {
    this.checkAlive();
    return run(await import('./encoder-tasks'));
  }

  private taskContext(): TaskContext {
    this.checkAlive();
    const { facts, config, tokenizer } = this;
    const { continuingSubwordPrefix } = this.settings;
    return {
      facts,
      config,
      tokenizer,
      continuingSubwordPrefix,
      run: (prepared, want, signal) => this.run(prepared, want, signal),
    };
  }

  /** What forward asks of the engine. */
  private wantsOf({ outputHiddenStates = false, outputAttentions = false }: ForwardOptions): Partial<EncoderCall> {
    return {
      lastHiddenState: true,
      poolerOutput: true,
      head: true,
      hiddenStates: outputHiddenStates,
      attentions: outputAttentions,
    };
  }

  private prepare(input: EncoderInput, options: TokenizeOptions): Prepared {
    this.checkAlive();
    if (isIdInput(input)) return prepareIds(input, this.facts);
    if (
      typeof input !== 'string' &&
      !Array.isArray(input) &&
      !(typeof input === 'object' && input !== null && 'text' in input)
    ) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        'the input must be a text, an array of texts, { text, textPair } or { inputIds, ... }',
      );
    }
    const { texts, pairs } = textsOf(input as string | readonly string[] | TextInputs);
    const encodings: Encoding[] = texts.map((text, i) =>
      encodeText(this.tokenizer, this.facts, text, pairs?.[i], options),
    );
    return prepareEncodings(encodings, this.facts);
  }

  private callOf({ batch }: Prepared, want: Partial<EncoderCall>): EncoderCall {
    return {
      batch,
      lastHiddenState: false,
      hiddenStates: false,
      attentions: false,
      poolerOutput: false,
      head: false,
      ...want,
    };
  }

  private run(
    prepared: Prepared,
    want: Partial<EncoderCall>,
    signal?: AbortSignal,
    onProgress?: (done: number, total: number) => void,
  ): Promise<Outputs> {
    const request = this.callOf(prepared, want);
    return this.onEngine((host, call) => host.runEncoder(call, this.facts.id, request, onProgress), signal);
  }

  private async onEngine<T>(run: Parameters<typeof Engine.prototype.call<T>>[0], signal?: AbortSignal): Promise<T> {
    this.checkAlive();
    if (this.generation !== this.engine.generation) await this.load(signal);
    return this.engine.call(run, signal);
  }

  private checkAlive(): void {
    if (this.disposed)
      throw new WasmformerError('DISPOSED', 'this model was disposed; load it again with fromPretrained');
  }

  private promptOf({ promptName, prompt }: EmbedOptions): string {
    if (prompt !== undefined) return prompt;
    const { prompts, defaultPromptName } = this.settings.sentence;
    const name = promptName ?? defaultPromptName;
    if (name === null) return '';
    if (!Object.hasOwn(prompts, name)) {
      const known = Object.keys(prompts);
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `there is no prompt ${JSON.stringify(name)}: ${known.length > 0 ? `the checkpoint has ${known.join(', ')}` : 'the checkpoint has none'}`,
      );
    }
    return prompts[name];
  }

  /** Tokens at the start of a text that a prompt accounts for: its own, without the special token at the end. */
  private promptTokens(prompt: string): number {
    if (prompt === '') return 0;
    const { ids, specialTokensMask } = this.tokenizer.encode(prompt);
    return ids.length - (specialTokensMask.at(-1) ?? 0);
  }

  /** Loads the weights into the engine: at first, and again when a dead engine was replaced. Concurrent calls share one load. */
  private load(signal?: AbortSignal, onProgress?: (progress: LoadProgress) => void): Promise<void> {
    this.loading ??= this.loadNow(signal, onProgress).finally(() => (this.loading = null));
    return this.loading;
  }

  private async loadNow(signal?: AbortSignal, onProgress?: (progress: LoadProgress) => void): Promise<void> {
    const checkpoint = await openCheckpoint(this.source, signal);
    const reader = {
      tensors: checkpoint.tensors,
      read: (name: string, start: number, length: number) => checkpoint.read(name, start, length, signal),
    };
    this.facts = await this.engine.call(
      (host, call) =>
        host.loadEncoder(call, this.config, reader, (loaded, total) => onProgress?.({ phase: 'load', loaded, total })),
      signal,
    );
    this.engineFacts = await this.engine.info();
    this.generation = this.engine.generation;
    await this.source.close();
  }
}
