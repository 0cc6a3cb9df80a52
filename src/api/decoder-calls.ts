// What the methods of Decoder do, in a module of its own so that who only embeds does not download it.
import { throwIfAborted, WasmformerError } from '../errors';
import { resolveGeneration, type GenerationSettings } from '../generate';
import { withSpecialTokens } from '../models/special-tokens';
import type { BatchMask, MemoryBatch } from '../runtime/batch';
import type { DecoderCall, GenerateRequest } from '../runtime/decoder-runner';
import { checkNames } from '../runtime/option-names';
import type { Decoder, DecoderForwardOptions, DecoderOutput, GenerateOptions } from './decoder';
import { prepareEmbeddings, prepareMask, prepareMemory, type DecoderStackInputs } from './embeddings';
import { checkProcessors, GenerationStream, type GeneratedResult, type StreamSource } from './generation';
import { padCrossMaps, padMaps, padRows, prepareIds } from './ids';
import {
  encodeText,
  isEmbeddingInput,
  isIdInput,
  needEmbeddings,
  prepareEncodings,
  textsOf,
  type DecoderInput,
  type Prepared,
  type TokenizeOptions,
} from './inputs';
import { PretrainedModel } from './pretrained';
import { profileOf, type Profile } from './profile';
import { promptRows, type Prompts } from './prompts';
import { Session, type SessionPort, type SessionUse } from './session';
import type { Tensor } from './tensor';

/** A batch and, for a stack alone, what it attends to. */
interface PreparedCall extends Prepared {
  readonly source?: Prepared;
  readonly memory?: MemoryBatch;
  readonly mask?: BatchMask;
}

const FORWARD_NAMES = 'outputHiddenStates outputAttentions truncation maxLength signal';

const OTHER_OPTIONS = [
  'addSpecialTokens',
  'logitsProcessors',
  'contextOverflow',
  'assistantModel',
  'numAssistantTokens',
  'signal',
];

export async function forward(
  model: Decoder,
  input: DecoderInput | DecoderStackInputs,
  options: DecoderForwardOptions,
): Promise<DecoderOutput> {
  await checkNames(options, FORWARD_NAMES);
  const { outputHiddenStates = false, outputAttentions = false, signal } = options;
  throwIfAborted(signal);
  const prepared = prepare(model, input, options);
  const outputs = await model.ask('forward', callOf(prepared, options), { signal });
  const { head, hiddenSize, vocabSize, heads, layers } = model.facts;
  const rows = (name: string): Tensor<Float32Array> => padRows(outputs[name], hiddenSize, prepared);
  const result: DecoderOutput = { lastHiddenState: rows('lastHiddenState') };
  if (head) result.logits = padRows(outputs.logits, vocabSize, prepared);
  if (outputHiddenStates) result.hiddenStates = Array.from({ length: layers + 1 }, (_, i) => rows(`hiddenStates.${i}`));
  if (outputAttentions)
    result.attentions = Array.from({ length: layers }, (_, i) => padMaps(outputs[`attentions.${i}`], heads, prepared));
  const { source } = prepared;
  if (outputAttentions && source)
    result.crossAttentions = Array.from({ length: layers }, (_, i) =>
      padCrossMaps(outputs[`crossAttentions.${i}`], heads, prepared, source),
    );
  return result;
}

/** Begins at once. */
export function generate(
  model: Decoder,
  prompts: Prompts,
  options: GenerateOptions,
): GenerationStream<GeneratedResult | GeneratedResult[]> {
  return new GenerationStream(streamSource(model, prompts, options));
}

export function createSession(model: Decoder): Session {
  model.checkAlive();
  needHead(model);
  return new Session(sessionPort(model), null);
}

export async function explain(
  model: Decoder,
  input: DecoderInput | DecoderStackInputs,
  options: DecoderForwardOptions,
): Promise<string> {
  await checkNames(options, FORWARD_NAMES);
  return model.ask('explain', callOf(prepare(model, input, options), options), options);
}

export async function profile(
  model: Decoder,
  input: DecoderInput | DecoderStackInputs,
  options: DecoderForwardOptions,
): Promise<Profile> {
  await checkNames(options, FORWARD_NAMES);
  return profileOf(await model.ask('profile', callOf(prepare(model, input, options), options), options));
}

function sessionPort(model: Decoder): SessionPort {
  return {
    open: (from) => model.ask('openSession', from),
    truncate: (id, length) => model.ask('truncateSession', { id, length }),
    close: (id) => model.ask('closeSession', id),
    generation: () => model.engine.generation,
    source: (prompts, options, session) => streamSource(model, prompts, options, session),
  };
}

async function streamSource(
  model: Decoder,
  prompts: Prompts,
  options: GenerateOptions,
  session?: SessionUse,
): Promise<StreamSource> {
  model.checkAlive();
  needHead(model);
  const { vocabSize, maxPositions } = model.facts;
  const settings = resolveGeneration(options, {
    config: withSpecialTokens(model.config),
    generationConfig: model.settings.generation,
    vocabSize,
    otherNames: OTHER_OPTIONS,
  });
  const { logitsProcessors = [], contextOverflow = 'end', assistantModel, numAssistantTokens, signal } = options;
  const { addSpecialTokens } = options;
  const said = session?.ids ?? [];
  throwIfAborted(signal);
  checkCallOptions(options, settings);
  // a prompt that is too long may still slide
  const limits = {
    vocabSize,
    maxPositions: contextOverflow === 'slide' ? Infinity : maxPositions,
    advice: settings.numBeams > 1 ? undefined : "shorten it, or pass contextOverflow: 'slide' to forget its beginning",
  };
  const encode = (text: string) => model.tokenizer.encode(text, { addSpecialTokens }).ids;
  const { rows, isBatch } = promptRows(prompts, limits, encode, said.length > 0);
  if (session && isBatch)
    throw new WasmformerError('INVALID_ARGUMENT', 'a session continues one prompt: give one, not an array of them');
  if (assistantModel) checkAssistant(model, assistantModel, settings, rows.length);
  return {
    settings,
    prompts: rows.length,
    isBatch,
    processors: logitsProcessors,
    signal,
    tokenizer: model.settings.tokenizer,
    context: (prompt) => (rows[prompt].length > 0 ? rows[prompt] : said),
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
      const result = await model.ask('generate', request, { signal: abort, onEvent, endsItself: true });
      session?.advance(rows[0], result);
      return result;
    },
  };
}

function needHead(model: Decoder): void {
  if (model.facts.head) return;
  throw new WasmformerError(
    'NO_HEAD',
    'this checkpoint has no language-model head: it gives hidden states (forward), but cannot generate; load one of ...ForCausalLM or ...LMHeadModel',
  );
}

/** Whether a model can guess for this one. Throws INVALID_ARGUMENT, NO_HEAD, DISPOSED. */
function checkAssistant(model: Decoder, assistant: Decoder, settings: GenerationSettings, prompts: number): void {
  const invalid = (message: string): never => {
    throw new WasmformerError('INVALID_ARGUMENT', message);
  };
  if (!(assistant instanceof PretrainedModel) || assistant.kind !== 'decoder')
    return invalid('assistantModel must be a Decoder');
  assistant.checkAlive();
  needHead(assistant);
  if (assistant.facts.vocabSize !== model.facts.vocabSize) {
    return invalid(
      `assistantModel has a vocabulary of ${assistant.facts.vocabSize}, but this model's has ${model.facts.vocabSize}: both must have the same tokens`,
    );
  }
  if (assistant.engine !== model.engine)
    invalid('assistantModel runs in another engine: load both with the same engine (createEngine)');
  if (assistant === model) invalid('assistantModel is the model itself: load a smaller one');
  if (settings.numBeams > 1 || settings.numReturnSequences > 1 || prompts > 1)
    invalid('assistantModel works for one sequence: give one prompt, no beams, and numReturnSequences 1');
  if (settings.promptLookupNumTokens !== null)
    invalid('assistantModel and promptLookupNumTokens both guess: give one of them');
}

function prepare(model: Decoder, input: DecoderInput | DecoderStackInputs, options: TokenizeOptions): PreparedCall {
  model.checkAlive();
  if (isEmbeddingInput(input)) return prepareStack(model, input);
  needEmbeddings(model.facts, '{ inputsEmbeds, encoderHiddenStates, attentionMask, encoderAttentionMask, mask }');
  if (isIdInput(input)) return prepareIds(input, model.facts);
  if (typeof input !== 'string' && !Array.isArray(input)) {
    throw new WasmformerError('INVALID_ARGUMENT', 'the input must be a text, an array of texts or { inputIds, ... }');
  }
  const { texts } = textsOf(input as string | readonly string[]);
  return prepareEncodings(
    texts.map((text) => encodeText(model.tokenizer, model.facts, text, undefined, options)),
    model.facts,
  );
}

function prepareStack(model: Decoder, input: DecoderStackInputs): PreparedCall {
  if (!model.facts.stack) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      'only a stack alone (model_type "transformer_decoder") takes inputsEmbeds: pass text or { inputIds, ... }',
    );
  }
  const prepared = prepareEmbeddings(input, model.facts);
  const { prepared: source, memory } = prepareMemory(input, prepared.batch.lengths.length, model.facts);
  const mask = input.mask === undefined ? undefined : prepareMask(input.mask, prepared);
  return { ...prepared, source, memory, mask };
}

function callOf(
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

/** Options of the call that are not those of generation itself. Throws INVALID_ARGUMENT. */
function checkCallOptions(
  { addSpecialTokens, logitsProcessors = [], contextOverflow, assistantModel, numAssistantTokens }: GenerateOptions,
  { numBeams }: GenerationSettings,
): void {
  const invalid = (message: string): never => {
    throw new WasmformerError('INVALID_ARGUMENT', message);
  };
  checkProcessors(logitsProcessors);
  if (addSpecialTokens !== undefined && typeof addSpecialTokens !== 'boolean')
    invalid(`addSpecialTokens must be true or false, not ${JSON.stringify(addSpecialTokens)}`);
  if (contextOverflow !== undefined && contextOverflow !== 'end' && contextOverflow !== 'slide')
    invalid(`contextOverflow must be 'end' or 'slide', not ${JSON.stringify(contextOverflow)}`);
  if (numAssistantTokens !== undefined && !(Number.isInteger(numAssistantTokens) && numAssistantTokens >= 1))
    invalid(`numAssistantTokens must be a whole number of at least 1, not ${String(numAssistantTokens)}`);
  if (numAssistantTokens !== undefined && !assistantModel)
    invalid('numAssistantTokens has no effect without assistantModel: give one, or leave it out');
  if (contextOverflow === 'slide' && numBeams > 1)
    invalid("contextOverflow 'slide' does not work with beams: set numBeams to 1, or leave it out");
}
