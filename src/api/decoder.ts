// Decoder: causal language models. Text or ids in; logits, hidden states, generated text out.
import type { GenerationOptions } from '../generate';
import type { Profile } from './profile';
import type { SourceInput } from '../io/source';
import type { Config } from '../models/model';
import type { DecoderRunner } from '../runtime/decoder-runner';
import type { DecoderStackInputs } from './embeddings';
import type { GeneratedResult, GenerationStream, LogitsProcessor } from './generation';
import type { DecoderInput, TokenizeOptions } from './inputs';
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
import type { Session } from './session';
import type { Tensor } from './tensor';

export interface DecoderForwardOptions extends TokenizeOptions {
  /** Also give the embeddings and every layer's output. Default false. */
  outputHiddenStates?: boolean;
  /** Also give every layer's attention maps. Default false. */
  outputAttentions?: boolean;
  /** Ends the call with ABORTED. */
  signal?: AbortSignal;
}

/** Results of a forward pass; b sequences, t the longest row, d the hidden size. Padded rows are zero. */
export interface DecoderOutput {
  /** [b, t, vocabulary]; row i tells the token after token i. Absent if the checkpoint has no language-model head. */
  logits?: Tensor<Float32Array>;
  /** [b, t, d], behind the final norm, if there is one. */
  lastHiddenState: Tensor<Float32Array>;
  /** Embeddings and every layer's output, [b, t, d] each; the last one is lastHiddenState. */
  hiddenStates?: Tensor<Float32Array>[];
  /** Every layer's maps, [b, heads, t, t] each. */
  attentions?: Tensor<Float32Array>[];
  /** Of a stack alone: every layer's maps from the tokens to the encoder's, [b, heads, t, source tokens] each. */
  crossAttentions?: Tensor<Float32Array>[];
}

/** What a model runs on, and what it holds. */
export interface DecoderInfo extends RunInfo {
  /** Whether the checkpoint has a language-model head. */
  readonly head: boolean;
  /** Whether it is a stack of layers alone, which takes embeddings and an encoder's output. */
  readonly stack: boolean;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly vocabSize: number;
  /** Longest sequence in tokens; Infinity: as memory allows. */
  readonly maxPositions: number;
  /** Bytes of weights in wasm memory. */
  readonly weightBytes: number;
}

/** Options of `Decoder.generate` and `Session.generate`. */
export interface GenerateOptions extends GenerationOptions {
  /** Whether prompts that are texts get the tokenizer's special tokens, as a beginning of sequence. False for text that goes on from a
   *  session's, or that has them written out, as chat templates do. Default true. */
  addSpecialTokens?: boolean;
  /** Change the scores of every next token, in the caller's thread, one after another. What they throw, the stream throws.
   *  With them nothing is guessed. Default: none. */
  logitsProcessors?: readonly LogitsProcessor[];
  /** When a sequence has as many tokens as the model's context: 'end' it (finishReason 'length'), or 'slide': forget its older
   *  half and go on, for which the kept half is read again. 'slide' does not work with beams. Default 'end'. */
  contextOverflow?: 'end' | 'slide';
  /** A smaller model of the same vocabulary and engine (createEngine) that guesses tokens: the same ids as without it in fewer steps.
   *  For one prompt, without beams. Default: none. */
  assistantModel?: Decoder;
  /** How many tokens it guesses at a time. Default 5. */
  numAssistantTokens?: number;
  /** Ends the text where it is, within a token: finishReason 'abort'. One that has fired before the call makes it fail (ABORTED). */
  signal?: AbortSignal;
}

/** What the methods do. It comes with the first model: who only embeds does not download it. */
type Calls = typeof import('./decoder-calls');

/** A causal language model (GPT-2, Llama, ...), or the stack of a decoder alone ("transformer_decoder"). `await using` disposes it. */
export class Decoder extends PretrainedModel<DecoderRunner> {
  /** Loads a checkpoint in Hugging Face layout: config.json, safetensors, and tokenizer.json if texts are to be used.
   *  @param input folder path, Hub id ("org/name"), URL, File | Blob | FileList, or { [fileName]: bytes }
   *  @throws FILE_NOT_FOUND, INVALID_FILE, INVALID_CONFIG, INVALID_TOKENIZER, MISSING_TENSOR, UNSUPPORTED_MODEL, NETWORK,
   *    OUT_OF_MEMORY, ABORTED, INVALID_ARGUMENT */
  static fromPretrained(input: SourceInput, options: FromPretrainedOptions = {}): Promise<Decoder> {
    return openPretrained('decoder', make, input, options);
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
  static fromConfig(config: Config, options: FromConfigOptions = {}): Promise<Decoder> {
    return openFresh('decoder', make, config, options);
  }

  /** What the model is and runs on: build, threads, its engine's memory after the last call (Engine.info() tells it live). */
  get info(): DecoderInfo {
    return { ...this.runInfo, ...this.facts };
  }

  /** Runs the model over whole sequences.
   *  @param input a text, texts, or { inputIds, attentionMask, positionIds }; of a stack alone { inputsEmbeds, encoderHiddenStates,
   *    attentionMask, encoderAttentionMask, mask }
   *  @throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG, NO_TOKENIZER, ABORTED, DISPOSED, WORKER_FAILED */
  forward(input: DecoderInput | DecoderStackInputs, options: DecoderForwardOptions = {}): Promise<DecoderOutput> {
    return this.calls.forward(this, input, options);
  }

  /** Continues prompts. Starts at once: iterate the stream for pieces of text, or await its `result()`.
   *  @param prompts a text, or an array of token ids; an array of either is a batch, whose results equal those of each prompt alone
   *  @throws (from the stream) INVALID_ARGUMENT, INVALID_CONFIG and UNSUPPORTED_MODEL (the checkpoint's generation settings), INVALID_SHAPE,
   *    NO_HEAD (a bare model), TOO_LONG (a prompt that fills the context), NO_TOKENIZER, ABORTED (before the start), DISPOSED,
   *    OUT_OF_MEMORY, WORKER_FAILED */
  generate(prompts: Prompt, options?: GenerateOptions): GenerationStream<GeneratedResult>;
  generate(prompts: Prompts, options?: GenerateOptions): GenerationStream<GeneratedResult[]>;
  generate(prompts: Prompts, options: GenerateOptions = {}): GenerationStream<never> {
    return this.calls.generate(this, prompts, options) as GenerationStream<never>;
  }

  /** A conversation whose keys and values are kept between calls, so that the next turn pays only for its new tokens.
   *  Throws NO_HEAD (a bare model), DISPOSED. */
  createSession(): Session {
    return this.calls.createSession(this);
  }

  /** The plan of a forward's first sequence as a table: op, shapes, bytes, address, estimated time.
   *  @throws as forward */
  explain(input: DecoderInput | DecoderStackInputs, options: DecoderForwardOptions = {}): Promise<string> {
    return this.calls.explain(this, input, options);
  }

  /** Time of every record of that plan, in milliseconds.
   *  @throws as forward */
  profile(input: DecoderInput | DecoderStackInputs, options: DecoderForwardOptions = {}): Promise<Profile> {
    return this.calls.profile(this, input, options);
  }
}

async function make(parts: Parts): Promise<Decoder> {
  return new Decoder(parts, await import('./decoder-calls'));
}
