// Transformer: encoder-decoders. A source goes in; logits, hidden states, attention maps or generated text come out.
import { throwIfAborted, WasmformerError } from '../errors';
import { resolveGeneration, type GenerationOptions, type GenerationSettings } from '../generate';
import type { SourceInput } from '../io/source';
import type { Config } from '../models/model';
import { withSpecialTokens } from '../models/special-tokens';
import type { ProfileRow } from '../runtime/batch';
import type {
  TransformerCall,
  TransformerFacts,
  TransformerGenerateRequest,
  TransformerRunner,
} from '../runtime/transformer-runner';
import {
  checkProcessors,
  GenerationStream,
  type GeneratedResult,
  type LogitsProcessor,
  type StreamSource,
} from './generation';
import { padCrossMaps, padMaps, padRows, prepareIds, type Ids, type InputLimits, type Prepared } from './inputs';
import {
  openFresh,
  openPretrained,
  PretrainedModel,
  type FromConfigOptions,
  type FromPretrainedOptions,
  type RunInfo,
} from './pretrained';
import { promptRows, type Prompt, type Prompts } from './prompts';
import type { Tensor } from './tensor';

/** Ids of sources and of what the decoder has so far. */
export interface TransformerInput {
  /** [batch, tokens] */
  inputIds: Ids;
  /** 1: a token; 0: padding, left or right. Default: all ones. */
  attentionMask?: Ids;
  /** [batch, tokens] */
  decoderInputIds: Ids;
  decoderAttentionMask?: Ids;
}

export interface TransformerForwardOptions {
  /** Also give the embeddings and every layer's output, of both stacks. */
  outputHiddenStates?: boolean;
  /** Also give every layer's attention maps: the encoder's, the decoder's and those of cross-attention. */
  outputAttentions?: boolean;
  signal?: AbortSignal;
}

/** Results of a forward pass; b sequences, s and t the longest source and target row, d the hidden size. Padded rows are zero. */
export interface TransformerOutput {
  /** [b, t, vocabulary] */
  logits: Tensor<Float32Array>;
  /** [b, t, d] */
  lastHiddenState: Tensor<Float32Array>;
  /** [b, s, d] */
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

export interface TransformerGenerateOptions extends GenerationOptions {
  /** Change the scores of every next token, in the caller's thread. */
  logitsProcessors?: readonly LogitsProcessor[];
  /** First ids of the decoder, [tokens] for all sources or [batch, tokens]. Default: decoderStartTokenId. */
  decoderInputIds?: Ids;
  signal?: AbortSignal;
}

/** What a model runs on, and what it holds. */
export interface TransformerInfo extends RunInfo, TransformerFacts {}

export class Transformer extends PretrainedModel<TransformerRunner> {
  /** Loads a checkpoint in Hugging Face layout: config.json, safetensors, and tokenizer.json if texts are to be used.
   *  @param input folder path, Hub id ("org/name"), URL, File | Blob | FileList, or { [fileName]: bytes }
   *  @throws FILE_NOT_FOUND, INVALID_FILE, INVALID_CONFIG, INVALID_TOKENIZER, MISSING_TENSOR, UNSUPPORTED_MODEL, NETWORK,
   *    OUT_OF_MEMORY, ABORTED, INVALID_ARGUMENT */
  static fromPretrained(input: SourceInput, options: FromPretrainedOptions = {}): Promise<Transformer> {
    return openPretrained('transformer', (parts) => new Transformer(parts), input, options);
  }

  /** Makes a model with random weights, as transformers and torch.nn start them: no files, no tokenizer. The same seed
   *  gives the same weights on every platform.
   *  @param config config.json's own keys; model_type says which architecture
   *  @throws INVALID_CONFIG, INVALID_ARGUMENT (seed, dtype, engine options), UNSUPPORTED_MODEL, OUT_OF_MEMORY, ABORTED */
  static fromConfig(config: Config, options: FromConfigOptions = {}): Promise<Transformer> {
    return openFresh('transformer', (parts) => new Transformer(parts), config, options);
  }

  /** What the model is and runs on: build, threads, memory as it was after loading (Engine.info() tells it live). */
  get info(): TransformerInfo {
    return { ...this.runInfo, ...this.facts };
  }

  /** Runs both stacks.
   *  @throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG, ABORTED, DISPOSED, WORKER_FAILED */
  async forward(input: TransformerInput, options: TransformerForwardOptions = {}): Promise<TransformerOutput> {
    const { outputHiddenStates = false, outputAttentions = false, signal } = options;
    throwIfAborted(signal);
    const { source, target } = this.prepare(input);
    const outputs = await this.ask('forward', callOf(source, target, options), { signal });
    const { hiddenSize, vocabSize, encoderLayers, decoderLayers, encoderHeads, decoderHeads } = this.facts;
    const states = (stack: string, layers: number, rows: Prepared): Tensor<Float32Array>[] =>
      Array.from({ length: layers + 1 }, (_, i) => padRows(outputs[`${stack}.hiddenStates.${i}`], hiddenSize, rows));
    const result: TransformerOutput = {
      logits: padRows(outputs['decoder.logits'], vocabSize, target),
      lastHiddenState: padRows(outputs['decoder.lastHiddenState'], hiddenSize, target),
      encoderLastHiddenState: padRows(outputs['encoder.lastHiddenState'], hiddenSize, source),
    };
    if (outputHiddenStates) {
      result.encoderHiddenStates = states('encoder', encoderLayers, source);
      result.decoderHiddenStates = states('decoder', decoderLayers, target);
    }
    if (outputAttentions) {
      const layers = (n: number, map: (i: number) => Tensor<Float32Array>): Tensor<Float32Array>[] =>
        Array.from({ length: n }, (_, i) => map(i));
      result.encoderAttentions = layers(encoderLayers, (i) =>
        padMaps(outputs[`encoder.attentions.${i}`], encoderHeads, source),
      );
      result.decoderAttentions = layers(decoderLayers, (i) =>
        padMaps(outputs[`decoder.attentions.${i}`], decoderHeads, target),
      );
      result.crossAttentions = layers(decoderLayers, (i) =>
        padCrossMaps(outputs[`decoder.crossAttentions.${i}`], decoderHeads, target, source),
      );
    }
    return result;
  }

  /** Generates a target for every source. Starts at once: iterate the stream for pieces of text, or await its `result()`. The encoder runs
   *  once for each source.
   *  @param sources a text, or an array of token ids; an array of either is a batch, whose results equal those of each source alone
   *  @throws (from the stream) INVALID_ARGUMENT, TOO_LONG, NO_TOKENIZER, ABORTED (before the start), DISPOSED, OUT_OF_MEMORY, WORKER_FAILED */
  generate(sources: Prompt, options?: TransformerGenerateOptions): GenerationStream<GeneratedResult>;
  generate(sources: Prompts, options?: TransformerGenerateOptions): GenerationStream<GeneratedResult[]>;
  generate(sources: Prompts, options: TransformerGenerateOptions = {}): GenerationStream<never> {
    return new GenerationStream(this.streamSource(sources, options)) as GenerationStream<never>;
  }

  /** The plans of a call's first pair as tables: op, shapes, bytes, address, estimated time. */
  async explain(input: TransformerInput, options: TransformerForwardOptions = {}): Promise<string> {
    const { source, target } = this.prepare(input);
    return this.ask('explain', callOf(source, target, options), options);
  }

  /** Time of every record of those plans, in milliseconds. */
  async profile(input: TransformerInput, options: TransformerForwardOptions = {}): Promise<ProfileRow[]> {
    const { source, target } = this.prepare(input);
    return this.ask('profile', callOf(source, target, options), options);
  }

  private async streamSource(sources: Prompts, options: TransformerGenerateOptions): Promise<StreamSource> {
    this.checkAlive();
    const { vocabSize, sourceVocabSize, maxPositions, maxSourcePositions } = this.facts;
    const settings = resolveGeneration(options, {
      config: withSpecialTokens(this.config),
      generationConfig: this.settings.generation,
      vocabSize,
      otherNames: ['logitsProcessors', 'decoderInputIds', 'signal'],
    });
    const { logitsProcessors = [], decoderInputIds, signal } = options;
    throwIfAborted(signal);
    checkProcessors(logitsProcessors);
    if (settings.promptLookupNumTokens !== null)
      throw new WasmformerError('INVALID_ARGUMENT', 'promptLookupNumTokens works for a Decoder only: leave it out');
    const limits = { vocabSize: sourceVocabSize, maxPositions: maxSourcePositions };
    const { rows, isBatch } = promptRows(sources, limits, () => this.tokenizer);
    const starts = this.startsOf(decoderInputIds, settings, rows.length, { vocabSize, maxPositions });
    return {
      settings,
      prompts: rows.length,
      isBatch,
      processors: logitsProcessors,
      signal,
      tokenizer: this.settings.tokenizer,
      context: () => [],
      run: (abort, onEvent) => {
        const says = { scores: logitsProcessors.length > 0, stops: settings.stopStrings.length > 0 };
        const request: TransformerGenerateRequest = { sources: rows, starts, settings, says };
        return this.ask('generate', request, { signal: abort, onEvent, endsItself: true });
      },
    };
  }

  /** First ids of the decoder for every source: those given, else the start token. */
  private startsOf(
    given: Ids | undefined,
    { decoderStartTokenId, bosTokenId }: GenerationSettings,
    count: number,
    limits: InputLimits,
  ): Int32Array[] {
    if (given !== undefined) {
      const { batch } = prepareIds({ inputIds: given }, limits);
      let at = 0;
      const rows = Array.from(batch.lengths, (length) => batch.ids.slice(at, (at += length)));
      if (rows.length === 1) return Array.from({ length: count }, () => rows[0]);
      if (rows.length === count) return rows;
      throw new WasmformerError(
        'INVALID_SHAPE',
        `decoderInputIds has ${rows.length} rows, but there are ${count} sources`,
      );
    }
    const start = decoderStartTokenId ?? bosTokenId;
    if (start === null) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        'neither the checkpoint nor the call says with which token the decoder starts: pass decoderStartTokenId or decoderInputIds',
      );
    }
    return Array.from({ length: count }, () => Int32Array.of(start));
  }

  private prepare(input: TransformerInput): { source: Prepared; target: Prepared } {
    this.checkAlive();
    if (typeof input !== 'object' || input === null || !('inputIds' in input) || !('decoderInputIds' in input)) {
      throw new WasmformerError('INVALID_ARGUMENT', 'the input must be { inputIds, decoderInputIds, ... }');
    }
    const { inputIds, attentionMask, decoderInputIds, decoderAttentionMask } = input;
    const { vocabSize, sourceVocabSize, maxPositions, maxSourcePositions } = this.facts;
    const source = prepareIds(
      { inputIds, attentionMask },
      { vocabSize: sourceVocabSize, maxPositions: maxSourcePositions },
    );
    const target = prepareIds(
      { inputIds: decoderInputIds, attentionMask: decoderAttentionMask },
      { vocabSize, maxPositions },
    );
    const [n, m] = [source, target].map(({ batch }) => batch.lengths.length);
    if (n !== m)
      throw new WasmformerError('INVALID_SHAPE', `decoderInputIds has ${m} rows, but inputIds has ${n}: give as many`);
    return { source, target };
  }
}

function callOf(
  source: Prepared,
  target: Prepared,
  { outputHiddenStates = false, outputAttentions = false }: TransformerForwardOptions,
): TransformerCall {
  return {
    source: source.batch,
    target: target.batch,
    hiddenStates: outputHiddenStates,
    attentions: outputAttentions,
  };
}
