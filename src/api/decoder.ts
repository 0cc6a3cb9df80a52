// Decoder: causal language models. Text or ids in; logits, hidden states, generated text out.
import { throwIfAborted, WasmformerError } from '../errors';
import type { SourceInput } from '../io/source';
import type { BatchMask, MemoryBatch, ProfileRow } from '../runtime/batch';
import type { DecoderCall, DecoderRunner } from '../runtime/decoder-runner';
import {
  isEmbeddingInput,
  needEmbeddings,
  prepareEmbeddings,
  prepareMask,
  prepareMemory,
  type DecoderStackInputs,
} from './embeddings';
import {
  encodeText,
  isIdInput,
  padCrossMaps,
  padMaps,
  padRows,
  prepareEncodings,
  prepareIds,
  textsOf,
  type DecoderInput,
  type Prepared,
  type TokenizeOptions,
} from './inputs';
import { openPretrained, PretrainedModel, type FromPretrainedOptions, type RunInfo } from './pretrained';
import type { Tensor } from './tensor';

export interface DecoderForwardOptions extends TokenizeOptions {
  /** Also give the embeddings and every layer's output. */
  outputHiddenStates?: boolean;
  /** Also give every layer's attention maps. */
  outputAttentions?: boolean;
  signal?: AbortSignal;
}

/** Results of a forward pass; b sequences, t the longest row, d the hidden size. Padded rows are zero. */
export interface DecoderOutput {
  /** [b, t, vocabulary]: row i tells the token after token i. Absent if the checkpoint has no language-model head. */
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

/** A batch and, for a stack alone, what it attends to. */
interface PreparedCall extends Prepared {
  readonly source?: Prepared;
  readonly memory?: MemoryBatch;
  readonly mask?: BatchMask;
}

export class Decoder extends PretrainedModel<DecoderRunner> {
  /** Loads a checkpoint in Hugging Face layout: config.json, safetensors, and tokenizer.json if texts are to be used.
   *  @param input folder path, Hub id ("org/name"), URL, File | Blob | FileList, or { [fileName]: bytes }
   *  @throws FILE_NOT_FOUND, INVALID_FILE, INVALID_CONFIG, INVALID_TOKENIZER, MISSING_TENSOR, UNSUPPORTED_MODEL, NETWORK,
   *    OUT_OF_MEMORY, ABORTED, INVALID_ARGUMENT */
  static fromPretrained(input: SourceInput, options: FromPretrainedOptions = {}): Promise<Decoder> {
    return openPretrained('decoder', (parts) => new Decoder(parts), input, options);
  }

  /** What the model is and runs on: build, threads, memory as it was after loading (Engine.info() tells it live). */
  get info(): DecoderInfo {
    return { ...this.runInfo, ...this.facts };
  }

  /** Runs the model over whole sequences.
   *  @param input a text, texts, or { inputIds, attentionMask, positionIds }; of a stack alone { inputsEmbeds, encoderHiddenStates,
   *    attentionMask, encoderAttentionMask, mask }
   *  @throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG, NO_TOKENIZER, ABORTED, DISPOSED, WORKER_FAILED */
  async forward(input: DecoderInput | DecoderStackInputs, options: DecoderForwardOptions = {}): Promise<DecoderOutput> {
    const { outputHiddenStates = false, outputAttentions = false, signal } = options;
    throwIfAborted(signal);
    const prepared = this.prepare(input, options);
    const outputs = await this.ask('forward', this.callOf(prepared, options), { signal });
    const { head, hiddenSize, vocabSize, heads, layers } = this.facts;
    const rows = (name: string): Tensor<Float32Array> => padRows(outputs[name], hiddenSize, prepared);
    const result: DecoderOutput = { lastHiddenState: rows('lastHiddenState') };
    if (head) result.logits = padRows(outputs.logits, vocabSize, prepared);
    if (outputHiddenStates)
      result.hiddenStates = Array.from({ length: layers + 1 }, (_, i) => rows(`hiddenStates.${i}`));
    if (outputAttentions)
      result.attentions = Array.from({ length: layers }, (_, i) =>
        padMaps(outputs[`attentions.${i}`], heads, prepared),
      );
    const { source } = prepared;
    if (outputAttentions && source)
      result.crossAttentions = Array.from({ length: layers }, (_, i) =>
        padCrossMaps(outputs[`crossAttentions.${i}`], heads, prepared, source),
      );
    return result;
  }

  /** The plan of a call's first sequence as a table: op, shapes, bytes, address, estimated time. */
  async explain(input: DecoderInput | DecoderStackInputs, options: DecoderForwardOptions = {}): Promise<string> {
    return this.ask('explain', this.callOf(this.prepare(input, options), options), options);
  }

  /** Time of every record of that plan, in milliseconds. */
  async profile(input: DecoderInput | DecoderStackInputs, options: DecoderForwardOptions = {}): Promise<ProfileRow[]> {
    return this.ask('profile', this.callOf(this.prepare(input, options), options), options);
  }

  private prepare(input: DecoderInput | DecoderStackInputs, options: TokenizeOptions): PreparedCall {
    this.checkAlive();
    if (isEmbeddingInput(input)) return this.prepareStack(input);
    needEmbeddings(this.facts, '{ inputsEmbeds, encoderHiddenStates, attentionMask, encoderAttentionMask, mask }');
    if (isIdInput(input)) return prepareIds(input, this.facts);
    if (typeof input !== 'string' && !Array.isArray(input)) {
      throw new WasmformerError('INVALID_ARGUMENT', 'the input must be a text, an array of texts or { inputIds, ... }');
    }
    const { texts } = textsOf(input as string | readonly string[]);
    return prepareEncodings(
      texts.map((text) => encodeText(this.tokenizer, this.facts, text, undefined, options)),
      this.facts,
    );
  }

  private prepareStack(input: DecoderStackInputs): PreparedCall {
    if (!this.facts.stack) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        'only a stack alone (model_type "transformer_decoder") takes inputsEmbeds: pass text or { inputIds, ... }',
      );
    }
    const prepared = prepareEmbeddings(input, this.facts);
    const { prepared: source, memory } = prepareMemory(input, prepared.batch.lengths.length, this.facts);
    const mask = input.mask === undefined ? undefined : prepareMask(input.mask, prepared);
    return { ...prepared, source, memory, mask };
  }

  private callOf(
    { batch, memory, mask }: PreparedCall,
    { outputHiddenStates = false, outputAttentions = false }: DecoderForwardOptions,
  ): DecoderCall {
    return {
      batch,
      memory,
      mask,
      lastHiddenState: true,
      hiddenStates: outputHiddenStates,
      attentions: outputAttentions,
      logits: true,
    };
  }
}
