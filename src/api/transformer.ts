// Transformer: encoder-decoders. A source goes in; logits, hidden states, attention maps or generated text come out.
import type { GenerationOptions } from '../generate';
import type { Profile } from './profile';
import type { SourceInput } from '../io/source';
import type { Config } from '../models/model';
import type { TransformerFacts, TransformerRunner } from '../runtime/transformer-runner';
import type { GeneratedResult, GenerationStream, LogitsProcessor } from './generation';
import type { Ids } from './inputs';
import {
  openFresh,
  openPretrained,
  PretrainedModel,
  type FromConfigOptions,
  type FromPretrainedOptions,
  type Parts,
  type RunInfo,
} from './pretrained';
import type { Prompt, Prompts } from './prompts';
import type { Tensor } from './tensor';

/** Ids of sources and of what the decoder has so far. */
export interface TransformerInput {
  /** [batch, tokens] */
  inputIds: Ids;
  /** 1: a token; 0: padding, left or right. Default: all ones. */
  attentionMask?: Ids;
  /** [batch, tokens] */
  decoderInputIds: Ids;
  /** As attentionMask, of decoderInputIds. Default: all ones. */
  decoderAttentionMask?: Ids;
}

export interface TransformerForwardOptions {
  /** Also give the embeddings and every layer's output, of both stacks. Default false. */
  outputHiddenStates?: boolean;
  /** Also give every layer's attention maps: the encoder's, the decoder's and those of cross-attention. Default false. */
  outputAttentions?: boolean;
  /** Ends the call with ABORTED. */
  signal?: AbortSignal;
}

/** Results of a forward pass; b sequences, s and t the longest source and target row, d the hidden size. Padded rows are zero. */
export interface TransformerOutput {
  /** [b, t, vocabulary]; row i tells the token after target token i. */
  logits: Tensor<Float32Array>;
  /** The decoder's output, [b, t, d]. */
  lastHiddenState: Tensor<Float32Array>;
  /** The encoder's output, [b, s, d]. */
  encoderLastHiddenState: Tensor<Float32Array>;
  /** Embeddings and every layer's output, [b, s, d] each. */
  encoderHiddenStates?: Tensor<Float32Array>[];
  /** Embeddings and every layer's output, [b, t, d] each. */
  decoderHiddenStates?: Tensor<Float32Array>[];
  /** [b, heads, s, s] each. */
  encoderAttentions?: Tensor<Float32Array>[];
  /** [b, heads, t, t] each. */
  decoderAttentions?: Tensor<Float32Array>[];
  /** [b, heads, t, s] each. */
  crossAttentions?: Tensor<Float32Array>[];
}

/** Options of `Transformer.generate`. */
export interface TransformerGenerateOptions extends GenerationOptions {
  /** The language of texts, as a multilingual tokenizer names it: 'fr_XX' (mBART), 'fra_Latn' (NLLB), 'fr' (M2M-100). Default: what
   *  its files say. */
  srcLang?: string;
  /** The language to write, likewise: its token is forced to be the first (`forcedBosTokenId`). Default: what the checkpoint says. */
  tgtLang?: string;
  /** Change the scores of every next token, in the caller's thread, one after another. What they throw, the stream throws. Default: none. */
  logitsProcessors?: readonly LogitsProcessor[];
  /** First ids of the decoder, [tokens] for all sources or [batch, tokens]. Default: decoderStartTokenId. They are not
   *  part of the result. */
  decoderInputIds?: Ids;
  /** Ends the text where it is, within a token: finishReason 'abort'. One that has fired before the call makes it fail (ABORTED). */
  signal?: AbortSignal;
}

/** What a model runs on, and what it holds. */
export interface TransformerInfo extends RunInfo, TransformerFacts {}

/** What the methods do. It comes with the first model: who only embeds does not download it. */
type Calls = typeof import('./transformer-calls');

/** An encoder-decoder (T5, BART, ..., the original of 2017). `await using` disposes it. */
export class Transformer extends PretrainedModel<TransformerRunner> {
  /** Loads a checkpoint in Hugging Face layout: config.json, safetensors, and tokenizer.json if texts are to be used.
   *  @param input folder path, Hub id ("org/name"), URL, File | Blob | FileList, or { [fileName]: bytes }
   *  @throws FILE_NOT_FOUND, INVALID_FILE, INVALID_CONFIG, INVALID_TOKENIZER, MISSING_TENSOR, UNSUPPORTED_MODEL, NETWORK,
   *    OUT_OF_MEMORY, ABORTED, INVALID_ARGUMENT */
  static fromPretrained(input: SourceInput, options: FromPretrainedOptions = {}): Promise<Transformer> {
    return openPretrained('transformer', make, input, options);
  }

  /** @internal use fromPretrained */
  constructor(
    parts: Parts,
    private readonly calls: Calls,
  ) {
    super(parts);
  }

  /** Makes a model with random weights, as transformers and torch.nn start them: no files, no tokenizer. The same seed
   *  gives the same weights on every platform.
   *  @param config config.json's own keys; model_type says which architecture
   *  @throws INVALID_CONFIG, INVALID_ARGUMENT (seed, dtype, engine options), UNSUPPORTED_MODEL, OUT_OF_MEMORY, ABORTED */
  static fromConfig(config: Config, options: FromConfigOptions = {}): Promise<Transformer> {
    return openFresh('transformer', make, config, options);
  }

  /** What the model is and runs on: build, threads, its engine's memory after the last call (Engine.info() tells it live). */
  get info(): TransformerInfo {
    return { ...this.runInfo, ...this.facts };
  }

  /** Runs both stacks over whole sequences.
   *  @param input { inputIds, attentionMask, decoderInputIds, decoderAttentionMask }, as many rows of one as of the other
   *  @throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG, ABORTED, DISPOSED, WORKER_FAILED */
  forward(input: TransformerInput, options: TransformerForwardOptions = {}): Promise<TransformerOutput> {
    return this.calls.forward(this, input, options);
  }

  /** Generates a target for every source. Starts at once: iterate the stream for pieces of text, or await its `result()`. The encoder runs
   *  once for each source.
   *  @param sources a text, or an array of token ids; an array of either is a batch, whose results equal those of each source alone
   *  @throws (from the stream) INVALID_ARGUMENT, INVALID_CONFIG and UNSUPPORTED_MODEL (the checkpoint's generation settings), INVALID_SHAPE,
   *    TOO_LONG, NO_TOKENIZER, ABORTED (before the start), DISPOSED, OUT_OF_MEMORY, WORKER_FAILED */
  generate(sources: Prompt, options?: TransformerGenerateOptions): GenerationStream<GeneratedResult>;
  generate(sources: Prompts, options?: TransformerGenerateOptions): GenerationStream<GeneratedResult[]>;
  generate(sources: Prompts, options: TransformerGenerateOptions = {}): GenerationStream<never> {
    return this.calls.generate(this, sources, options) as GenerationStream<never>;
  }

  /** The plans of a forward's first pair as tables: op, shapes, bytes, address, estimated time.
   *  @throws as forward */
  explain(input: TransformerInput, options: TransformerForwardOptions = {}): Promise<string> {
    return this.calls.explain(this, input, options);
  }

  /** Time of every record of those plans, in milliseconds.
   *  @throws as forward */
  profile(input: TransformerInput, options: TransformerForwardOptions = {}): Promise<Profile> {
    return this.calls.profile(this, input, options);
  }
}

async function make(parts: Parts): Promise<Transformer> {
  return new Transformer(parts, await import('./transformer-calls'));
}
