// Decoder: causal language models. Text or ids in; logits, hidden states, generated text out.
import { throwIfAborted, WasmformerError } from '../errors';
import { resolveGeneration, type GenerationOptions, type GenerationSettings } from '../generate';
import type { SourceInput } from '../io/source';
import type { Config } from '../models/model';
import { withSpecialTokens } from '../models/special-tokens';
import type { BatchMask, MemoryBatch, ProfileRow } from '../runtime/batch';
import type { DecoderCall, DecoderRunner, GenerateRequest } from '../runtime/decoder-runner';
import {
  checkProcessors,
  GenerationStream,
  type GeneratedResult,
  type LogitsProcessor,
  type StreamSource,
} from './generation';
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
import {
  openFresh,
  openPretrained,
  PretrainedModel,
  type FromConfigOptions,
  type FromPretrainedOptions,
  type RunInfo,
} from './pretrained';
import { promptRows, type Prompt, type Prompts } from './prompts';
import { Session, type SessionPort, type SessionUse } from './session';
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

export interface GenerateOptions extends GenerationOptions {
  /** Change the scores of every next token, in the caller's thread. */
  logitsProcessors?: readonly LogitsProcessor[];
  /** When a sequence has as many tokens as the model's context: 'end' it (finishReason 'length'), or 'slide': forget its older
   *  half and go on. Default 'end'. */
  contextOverflow?: 'end' | 'slide';
  /** A smaller model of the same vocabulary and engine that guesses tokens: the same ids as without it in fewer steps. */
  assistantModel?: Decoder;
  /** How many tokens it guesses at a time. Default 5. */
  numAssistantTokens?: number;
  signal?: AbortSignal;
}

const OTHER_OPTIONS = ['logitsProcessors', 'contextOverflow', 'assistantModel', 'numAssistantTokens', 'signal'];

export class Decoder extends PretrainedModel<DecoderRunner> {
  /** Loads a checkpoint in Hugging Face layout: config.json, safetensors, and tokenizer.json if texts are to be used.
   *  @param input folder path, Hub id ("org/name"), URL, File | Blob | FileList, or { [fileName]: bytes }
   *  @throws FILE_NOT_FOUND, INVALID_FILE, INVALID_CONFIG, INVALID_TOKENIZER, MISSING_TENSOR, UNSUPPORTED_MODEL, NETWORK,
   *    OUT_OF_MEMORY, ABORTED, INVALID_ARGUMENT */
  static fromPretrained(input: SourceInput, options: FromPretrainedOptions = {}): Promise<Decoder> {
    return openPretrained('decoder', (parts) => new Decoder(parts), input, options);
  }

  /** Makes a model with random weights, as transformers and torch.nn start them: no files, no tokenizer. The same seed
   *  gives the same weights on every platform.
   *  @param config config.json's own keys; model_type says which architecture
   *  @throws INVALID_CONFIG, INVALID_ARGUMENT (seed, dtype, engine options), UNSUPPORTED_MODEL, OUT_OF_MEMORY, ABORTED */
  static fromConfig(config: Config, options: FromConfigOptions = {}): Promise<Decoder> {
    return openFresh('decoder', (parts) => new Decoder(parts), config, options);
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

  /** Continues prompts. Starts at once: iterate the stream for pieces of text, or await its `result()`.
   *  @param prompts a text, or an array of token ids; an array of either is a batch, whose results equal those of each prompt alone
   *  @throws (from the stream) INVALID_ARGUMENT, NO_HEAD (a bare model), TOO_LONG (a prompt that fills the context), NO_TOKENIZER, ABORTED (before the start),
   *    DISPOSED, OUT_OF_MEMORY, WORKER_FAILED */
  generate(prompts: Prompt, options?: GenerateOptions): GenerationStream<GeneratedResult>;
  generate(prompts: Prompts, options?: GenerateOptions): GenerationStream<GeneratedResult[]>;
  generate(prompts: Prompts, options: GenerateOptions = {}): GenerationStream<never> {
    return new GenerationStream(this.streamSource(prompts, options)) as GenerationStream<never>;
  }

  /** A conversation whose keys and values are kept between calls, so that the next turn pays only for its new tokens. */
  createSession(): Session {
    this.checkAlive();
    this.needHead();
    return new Session(this.sessionPort(), null);
  }

  /** The plan of a call's first sequence as a table: op, shapes, bytes, address, estimated time. */
  async explain(input: DecoderInput | DecoderStackInputs, options: DecoderForwardOptions = {}): Promise<string> {
    return this.ask('explain', this.callOf(this.prepare(input, options), options), options);
  }

  /** Time of every record of that plan, in milliseconds. */
  async profile(input: DecoderInput | DecoderStackInputs, options: DecoderForwardOptions = {}): Promise<ProfileRow[]> {
    return this.ask('profile', this.callOf(this.prepare(input, options), options), options);
  }

  private sessionPort(): SessionPort {
    return {
      open: (from) => this.ask('openSession', from),
      truncate: (id, length) => this.ask('truncateSession', { id, length }),
      close: (id) => this.ask('closeSession', id),
      generation: () => this.engine.generation,
      source: (prompts, options, session) => this.streamSource(prompts, options, session),
    };
  }

  private async streamSource(prompts: Prompts, options: GenerateOptions, session?: SessionUse): Promise<StreamSource> {
    this.checkAlive();
    this.needHead();
    const { vocabSize, maxPositions } = this.facts;
    const settings = resolveGeneration(options, {
      config: withSpecialTokens(this.config),
      generationConfig: this.settings.generation,
      vocabSize,
      otherNames: OTHER_OPTIONS,
    });
    const { logitsProcessors = [], contextOverflow = 'end', assistantModel, numAssistantTokens, signal } = options;
    throwIfAborted(signal);
    checkCallOptions(options, settings);
    // a prompt that is too long may still slide
    const limits = { vocabSize, maxPositions: contextOverflow === 'slide' ? Infinity : maxPositions };
    const { rows, isBatch } = promptRows(prompts, limits, () => this.tokenizer);
    if (session && isBatch)
      throw new WasmformerError('INVALID_ARGUMENT', 'a session continues one prompt: give one, not an array of them');
    if (assistantModel) this.checkAssistant(assistantModel, settings, rows.length);
    return {
      settings,
      prompts: rows.length,
      isBatch,
      processors: logitsProcessors,
      signal,
      tokenizer: this.settings.tokenizer,
      context: (prompt) => rows[prompt],
      run: async (abort, onEvent) => {
        const held = await session?.begin();
        const request: GenerateRequest = {
          prompts: held ? [Int32Array.from([...held.missing, ...rows[0]])] : rows,
          settings,
          says: { scores: logitsProcessors.length > 0, stops: settings.stopStrings.length > 0 },
          overflow: contextOverflow,
          session: held?.id,
          assistant: await assistantModel?.ready(abort),
          assistantTokens: numAssistantTokens,
        };
        const result = await this.ask('generate', request, { signal: abort, onEvent, endsItself: true });
        session?.advance(rows[0], result);
        return result;
      },
    };
  }

  private needHead(): void {
    if (this.facts.head) return;
    throw new WasmformerError(
      'NO_HEAD',
      'this checkpoint has no language-model head: it gives hidden states (forward), but cannot generate; load one of ...ForCausalLM or ...LMHeadModel',
    );
  }

  /** Whether a model can guess for this one. Throws INVALID_ARGUMENT, NO_HEAD, DISPOSED. */
  private checkAssistant(model: Decoder, settings: GenerationSettings, prompts: number): void {
    const invalid = (message: string): never => {
      throw new WasmformerError('INVALID_ARGUMENT', message);
    };
    if (!(model instanceof Decoder)) return invalid('assistantModel must be a Decoder');
    model.checkAlive();
    model.needHead();
    if (model.facts.vocabSize !== this.facts.vocabSize) {
      return invalid(
        `assistantModel has a vocabulary of ${model.facts.vocabSize}, but this model's has ${this.facts.vocabSize}: both must have the same tokens`,
      );
    }
    if (model.engine !== this.engine)
      invalid('assistantModel runs in another engine: load both with the same engine (createEngine)');
    if (model === this) invalid('assistantModel is the model itself: load a smaller one');
    if (settings.numBeams > 1 || settings.numReturnSequences > 1 || prompts > 1)
      invalid('assistantModel works for one sequence: give one prompt, no beams, and numReturnSequences 1');
    if (settings.promptLookupNumTokens !== null)
      invalid('assistantModel and promptLookupNumTokens both guess: give one of them');
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

/** Options of the call that are not those of generation itself. Throws INVALID_ARGUMENT. */
function checkCallOptions(
  { logitsProcessors = [], contextOverflow, assistantModel, numAssistantTokens }: GenerateOptions,
  { numBeams }: GenerationSettings,
): void {
  const invalid = (message: string): never => {
    throw new WasmformerError('INVALID_ARGUMENT', message);
  };
  checkProcessors(logitsProcessors);
  if (contextOverflow !== undefined && contextOverflow !== 'end' && contextOverflow !== 'slide')
    invalid(`contextOverflow must be 'end' or 'slide', not ${JSON.stringify(contextOverflow)}`);
  if (numAssistantTokens !== undefined && !(Number.isInteger(numAssistantTokens) && numAssistantTokens >= 1))
    invalid(`numAssistantTokens must be a whole number of at least 1, not ${String(numAssistantTokens)}`);
  if (numAssistantTokens !== undefined && !assistantModel)
    invalid('numAssistantTokens has no effect without assistantModel: give one, or leave it out');
  if (contextOverflow === 'slide' && numBeams > 1)
    invalid("contextOverflow 'slide' does not work with beams: set numBeams to 1, or leave it out");
}
