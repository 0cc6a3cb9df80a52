// Encoder: BERT and its family. Text or ids in; hidden states, embeddings, labels, answers out.
import { throwIfAborted, WasmformerError } from '../errors';
import type { Profile } from './profile';
import type { SourceInput } from '../io/source';
import type { Config, Head } from '../models/model';
import { POOLINGS, type Pooling } from '../ops/pool';
import type { Outputs } from '../runtime/batch';
import { checkNames } from '../runtime/option-names';
import type { EncoderCall, EncoderRunner } from '../runtime/encoder-runner';
import type { EmbeddingInputs } from './embeddings';
import type { Question } from './encoder-tasks';
import {
  encodeTexts,
  isEmbeddingInput,
  isIdInput,
  needEmbeddings,
  prepareEncodings,
  textsOf,
  type EncoderInput,
  type IdInputs,
  type TextInputs,
  type TokenizeOptions,
} from './inputs';
import {
  openFresh,
  openPretrained,
  PretrainedModel,
  type FromConfigOptions,
  type FromPretrainedOptions,
  type RunInfo,
} from './pretrained';
import type { ClassificationOptions, ClassificationResult } from './tasks/classification';
import type { TaskContext } from './tasks/context';
import type { FillMaskOptions, FillMaskResult } from './tasks/fill-mask';
import type { NextSentenceResult } from './tasks/next-sentence';
import type { Answer, AnswerOptions, WindowOptions } from './tasks/question-answering';
import type { QuantizeOptions } from './tasks/quantize';
import type { Comparable, CompareTextOptions, RerankOptions, RerankResult } from './tasks/search';
import type { CompareOptions, SearchOptions, SearchResult } from './tasks/similarity';
import type { EntityGroup, TokenClassificationOptions, TokenEntity } from './tasks/token-classification';
import type { Vectors } from './tasks/vectors';
import { Tensor } from './tensor';

export interface ForwardOptions extends TokenizeOptions {
  /** Also give the embeddings and every layer's output. Default false. */
  outputHiddenStates?: boolean;
  /** Also give every layer's attention maps. Default false. */
  outputAttentions?: boolean;
  /** Ends the call with ABORTED. */
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

export interface EmbedOptions extends TokenizeOptions, QuantizeOptions {
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

/** What can be embedded. */
type EmbedInput = string | readonly string[] | TextInputs | IdInputs | EmbeddingInputs;

/** What a model runs on, and what it holds. */
export interface ModelInfo extends RunInfo {
  readonly head: Head | null;
  /** Whether it is a stack of layers alone, which takes embeddings and a mask. */
  readonly stack: boolean;
  readonly hiddenSize: number;
  /** Numbers of an embedding: as many, unless a sentence-transformers folder has layers behind the pooling. */
  readonly embeddingSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  /** Token types (segments); 0: the model has none. */
  readonly typeVocabSize: number;
  /** Bytes of weights in wasm memory. */
  readonly weightBytes: number;
}

type Tasks = typeof import('./encoder-tasks');

/** What a task takes beside the Encoder. */
type RestOf<F> = F extends (context: TaskContext, ...rest: infer R) => unknown ? R : never;

/** Texts tokenised and sent to the engine at a time: bounds memory and lets the caller's thread breathe. */
const GROUP = 64;

/** BERT and its family, or the stack of an encoder alone ("transformer_encoder"). `await using` disposes it. */
export class Encoder extends PretrainedModel<EncoderRunner> {
  /** Loads a checkpoint in Hugging Face layout: config.json, safetensors, and tokenizer.json if texts are to be used.
   *  @param input folder path, Hub id ("org/name"), URL, File | Blob | FileList, or { [fileName]: bytes }
   *  @throws FILE_NOT_FOUND, INVALID_FILE, INVALID_CONFIG, INVALID_TOKENIZER, MISSING_TENSOR, UNSUPPORTED_MODEL, NETWORK,
   *    OUT_OF_MEMORY, ABORTED, INVALID_ARGUMENT */
  static fromPretrained(input: SourceInput, options: FromPretrainedOptions = {}): Promise<Encoder> {
    return openPretrained('encoder', (parts) => new Encoder(parts), input, options);
  }

  /** Makes a model with random weights, as transformers and torch.nn start them: no files, no tokenizer. The same seed
   *  gives the same weights on every platform.
   *  @param config config.json's own keys; model_type says which architecture
   *  @throws INVALID_CONFIG, INVALID_ARGUMENT (seed, dtype, engine options), UNSUPPORTED_MODEL, OUT_OF_MEMORY, ABORTED */
  static fromConfig(config: Config, options: FromConfigOptions = {}): Promise<Encoder> {
    return openFresh('encoder', (parts) => new Encoder(parts), config, options);
  }

  /** What the model is and runs on: build, threads, its engine's memory after the last call (Engine.info() tells it live). */
  get info(): ModelInfo {
    return { ...this.runInfo, ...this.facts };
  }

  /** Runs the model.
   *  @param input a text, texts, { text, textPair }, { inputIds, attentionMask, tokenTypeIds, positionIds }, or the same with
   *    inputsEmbeds in place of inputIds; of a stack alone { inputsEmbeds, attentionMask, mask }
   *  @throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG, NO_TOKENIZER, ABORTED, DISPOSED, WORKER_FAILED */
  async forward(input: EncoderInput | EmbeddingInputs, options: ForwardOptions = {}): Promise<EncoderOutput> {
    return (await import('./encoder-forward')).forward(this, input, options);
  }

  /** Embeds texts: hidden states pooled to one row a text. Thousands of texts run in groups of bounded memory. As in
   *  sentence-transformers, texts lose the white space around them, and their capitals where the folder's sentence_bert_config.json
   *  sets do_lower_case.
   *  @returns [n, d]; [1, d] for a single text. With `precision` Int8Array or Uint8Array, of signs [n, d / 8]
   *  @throws as forward */
  embed(input: EmbedInput, options?: EmbedOptions & { precision?: 'float32' }): Promise<Tensor<Float32Array>>;
  embed(input: EmbedInput, options: EmbedOptions & { precision: 'int8' | 'binary' }): Promise<Tensor<Int8Array>>;
  embed(input: EmbedInput, options: EmbedOptions & { precision: 'uint8' | 'ubinary' }): Promise<Tensor<Uint8Array>>;
  embed(
    input: EmbedInput,
    options?: EmbedOptions,
  ): Promise<Tensor<Float32Array> | Tensor<Int8Array> | Tensor<Uint8Array>>;
  async embed(input: EmbedInput, options: EmbedOptions = {}): Promise<never> {
    await checkNames(
      options,
      'pooling normalize dimensions precision ranges truncation maxLength promptName prompt onProgress signal',
    );
    this.checkAlive();
    const { dimensions, precision } = options;
    const finish =
      (dimensions ?? precision) === undefined
        ? null
        : (await import('./tasks/quantize')).quantizer(options, options.normalize === true, this.facts.embeddingSize);
    const embeddings = await this.embedFloat(input, options);
    return (finish ? finish(embeddings) : embeddings) as never;
  }

  /** How near texts or embeddings are to each other; texts are embedded first, with the options of embed.
   *  @param a texts, or embeddings [n, d]; a single one is a matrix of one row
   *  @param b what to compare them with, m of them. Default: a
   *  @param options metric: 'cosine', 'dot', or the negated distances 'euclidean' and 'manhattan'. Default: the folder's, else 'cosine'
   *  @returns [n, m]
   *  @throws INVALID_SHAPE (dimensions that differ), and as embed */
  similarity(
    a: Comparable,
    b?: Comparable,
    options?: CompareOptions & CompareTextOptions,
  ): Promise<Tensor<Float32Array>> {
    return this.task('similarityTask', a, b, options);
  }

  /** The documents nearest to a query, best first; of equal ones the lower index.
   *  @param query a text, which is embedded with the options of embed, or an embedding; an array of either gives a list for each
   *  @param documents their embeddings [n, d], as embed gives them in any precision
   *  @param options topK: how many, default 10; metric as of similarity
   *  @throws as similarity */
  search(
    query: string | ArrayLike<number>,
    documents: Vectors,
    options?: SearchOptions & CompareTextOptions,
  ): Promise<SearchResult[]>;
  search(
    query: readonly string[] | readonly ArrayLike<number>[],
    documents: Vectors,
    options?: SearchOptions & CompareTextOptions,
  ): Promise<SearchResult[][]>;
  search(
    query: Comparable,
    documents: Vectors,
    options?: SearchOptions & CompareTextOptions,
  ): Promise<SearchResult[] | SearchResult[][]>;
  search(query: Comparable, documents: Vectors, options?: SearchOptions & CompareTextOptions): Promise<never> {
    return this.task('searchTask', query, documents, options);
  }

  /** Documents by how well they go with a query, best first, each read together with it by a cross-encoder: a checkpoint for
   *  sequence classification with one label.
   *  @param options topK: how many, default all; returnDocuments: also their texts
   *  @throws NO_HEAD, UNSUPPORTED_MODEL (the checkpoint's activation_fn), and as forward */
  rerank(query: string, documents: readonly string[], options?: RerankOptions): Promise<RerankResult[]> {
    return this.task('rerankTask', query, documents, options);
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
    return this.task('fillMaskTask', text, options);
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
    return this.task('classifyTask', input, options);
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
    return this.task('classifyTokensTask', text, options);
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
    return this.task('answerTask', input, options);
  }

  /** Whether `second` follows `first` in a text; BERT's pre-training task.
   *  @throws NO_HEAD, and as forward */
  isNextSentence(first: string, second: string, options: TaskOptions = {}): Promise<NextSentenceResult> {
    return this.task('nextSentenceTask', first, second, options);
  }

  /** The plan of a call as a table: op, shapes, bytes, address, estimated time. */
  async explain(input: EncoderInput | EmbeddingInputs, options: ForwardOptions = {}): Promise<string> {
    return (await import('./encoder-forward')).explain(this, input, options);
  }

  /** Time of every record of a call's plan, in milliseconds; as a text a table of the kernels. */
  async profile(input: EncoderInput | EmbeddingInputs, options: ForwardOptions = {}): Promise<Profile> {
    return (await import('./encoder-forward')).profile(this, input, options);
  }

  /** Tasks are loaded when one is first used: who only embeds does not download them. */
  private async task<K extends keyof Tasks>(name: K, ...rest: RestOf<Tasks[K]>): Promise<never> {
    this.checkAlive();
    const tasks = await import('./encoder-tasks');
    return (tasks[name] as (context: TaskContext, ...rest: unknown[]) => Promise<never>)(this, ...rest);
  }

  /** @internal */
  async embedFloat(input: EmbedInput, options: EmbedOptions): Promise<Tensor<Float32Array>> {
    const { sentence } = this.settings;
    const { pooling = sentence.pooling, normalize = sentence.normalize, onProgress, signal } = options;
    throwIfAborted(signal);
    if (!POOLINGS.includes(pooling)) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `pooling must be one of ${POOLINGS.join(', ')}, not ${JSON.stringify(pooling)}`,
      );
    }
    const d = this.facts.embeddingSize;
    if (isEmbeddingInput(input) || isIdInput(input)) {
      const { batch, mask } = (await import('./encoder-forward')).prepareNumbers(input, this.facts);
      const { embeddings } = await this.run(
        { batch, mask, pooling: { kind: pooling, normalize } },
        signal,
        onProgress && ((done, total) => onProgress({ phase: 'embed', done, total })),
      );
      return new Tensor(embeddings, [batch.lengths.length, d]);
    }
    needEmbeddings(this.facts, '{ inputsEmbeds, attentionMask, mask }');
    const { texts, pairs } = textsOf(input);
    const prompt = this.promptOf(options);
    // the first token stands for the text even where it stands before the prompt
    const skip = sentence.includePrompt || pooling === 'cls' ? 0 : this.promptTokens(prompt);
    const tokenize: TokenizeOptions = {
      truncation: options.truncation ?? sentence.maxSeqLength !== undefined,
      maxLength: options.maxLength ?? ((options.truncation ?? true) ? sentence.maxSeqLength : undefined),
    };
    const data = new Float32Array(texts.length * d);
    // the next group is tokenised while the engine computes this one
    let running: Promise<void> | undefined;
    for (let from = 0; from < texts.length; from += GROUP) {
      const to = Math.min(from + GROUP, texts.length);
      const group = texts.slice(from, to).map((text) => this.cleanText(prompt + text));
      const encodings = await encodeTexts(
        this,
        group,
        pairs && pairs.slice(from, to).map(this.cleanText),
        tokenize,
        signal,
      );
      const { batch } = prepareEncodings(encodings, this.facts);
      await running;
      running = this.run({ batch, pooling: { kind: pooling, normalize, skip } }, signal).then(({ embeddings }) => {
        data.set(embeddings, from * d);
        onProgress?.({ phase: 'embed', done: to, total: texts.length });
      });
      if (to < texts.length) running.catch(() => {});
    }
    await running;
    return new Tensor(data, [texts.length, d]);
  }

  /** @internal */
  run(call: EncoderCall, signal?: AbortSignal, onProgress?: (done: number, total: number) => void): Promise<Outputs> {
    const total = call.batch.lengths.length;
    const onEvent = onProgress && ((done: unknown) => onProgress(done as number, total));
    return this.ask('run', call, { signal, onEvent });
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

  /** A text as sentence-transformers hands it to the tokenizer. */
  private readonly cleanText = (text: string): string => {
    const trimmed = text.trim();
    return this.settings.sentence.lowerCase ? trimmed.toLowerCase() : trimmed;
  };

  /** Tokens at the start of a text that a prompt accounts for: its own, without the special token at the end. */
  private promptTokens(prompt: string): number {
    if (prompt === '') return 0;
    const { ids, specialTokensMask } = this.tokenizer.encode(this.cleanText(prompt));
    return ids.length - (specialTokensMask.at(-1) ?? 0);
  }
}
