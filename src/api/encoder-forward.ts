// What Encoder.forward needs and embedding texts does not: ids and embeddings as inputs, and outputs in the caller's shape.
import { throwIfAborted, WasmformerError } from '../errors';
import type { BatchMask, Outputs } from '../runtime/batch';
import type { EncoderCall, EncoderFacts } from '../runtime/encoder-runner';
import { checkNames } from '../runtime/option-names';
import { prepareEmbeddings, prepareMask, type EmbeddingInputs } from './embeddings';
import type { Encoder, EncoderOutput, ForwardOptions } from './encoder';
import { padMaps, padRows, prepareIds } from './ids';
import {
  encodeTexts,
  isEmbeddingInput,
  isIdInput,
  needEmbeddings,
  prepareEncodings,
  textsOf,
  type EncoderInput,
  type IdInputs,
  type Prepared,
  type TextInputs,
} from './inputs';
import { profileOf, type Profile } from './profile';
import { Tensor } from './tensor';

/** A batch, and who sees whom in it. */
export interface PreparedCall extends Prepared {
  readonly mask?: BatchMask;
}

/** What forward, explain and profile take. */
type Input = EncoderInput | EmbeddingInputs;

const NAMES = 'outputHiddenStates outputAttentions truncation maxLength signal';

export async function forward(encoder: Encoder, input: Input, options: ForwardOptions): Promise<EncoderOutput> {
  const { prepared, call } = await begin(encoder, input, options);
  const outputs = await encoder.run(call, options.signal);
  return outputOf(outputs, prepared, encoder.facts, options);
}

export async function explain(encoder: Encoder, input: Input, options: ForwardOptions): Promise<string> {
  return encoder.ask('explain', (await begin(encoder, input, options)).call, options);
}

export async function profile(encoder: Encoder, input: Input, options: ForwardOptions): Promise<Profile> {
  return profileOf(await encoder.ask('profile', (await begin(encoder, input, options)).call, options));
}

/** A call's batch, and what it asks of the engine. */
async function begin(
  encoder: Encoder,
  input: Input,
  options: ForwardOptions,
): Promise<{ prepared: PreparedCall; call: EncoderCall }> {
  await checkNames(options, NAMES);
  const { outputHiddenStates = false, outputAttentions = false, signal } = options;
  throwIfAborted(signal);
  encoder.checkAlive();
  const prepared = await prepare(encoder, input, options);
  const { batch, mask } = prepared;
  return {
    prepared,
    call: {
      batch,
      mask,
      lastHiddenState: true,
      poolerOutput: true,
      head: true,
      hiddenStates: outputHiddenStates,
      attentions: outputAttentions,
    },
  };
}

async function prepare(encoder: Encoder, input: Input, options: ForwardOptions): Promise<PreparedCall> {
  const { facts } = encoder;
  if (isEmbeddingInput(input) || isIdInput(input)) return prepareNumbers(input, facts);
  needEmbeddings(facts, '{ inputsEmbeds, attentionMask, mask }');
  if (
    typeof input !== 'string' &&
    !Array.isArray(input) &&
    !(typeof input === 'object' && input !== null && 'text' in input)
  ) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      'the input must be a text, an array of texts, { text, textPair }, { inputIds, ... } or { inputsEmbeds, ... }',
    );
  }
  const { texts, pairs } = textsOf(input as string | readonly string[] | TextInputs);
  return prepareEncodings(await encodeTexts(encoder, texts, pairs, options, options.signal), facts);
}

/** Ids or embeddings as a batch. Throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG. */
export function prepareNumbers(input: IdInputs | EmbeddingInputs, facts: EncoderFacts): PreparedCall {
  if (!isEmbeddingInput(input)) {
    needEmbeddings(facts, '{ inputsEmbeds, attentionMask, mask }');
    return prepareIds(input, facts);
  }
  const prepared = prepareEmbeddings(input, facts);
  if (input.mask === undefined) return prepared;
  if (!facts.stack) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      'only a stack alone (model_type "transformer_encoder") takes a mask: hide padding with attentionMask',
    );
  }
  return { ...prepared, mask: prepareMask(input.mask, prepared) };
}

/** Results of a forward pass, padded. */
function outputOf(
  outputs: Outputs,
  prepared: Prepared,
  facts: EncoderFacts,
  { outputHiddenStates = false, outputAttentions = false }: ForwardOptions,
): EncoderOutput {
  const { hiddenSize, heads, layers } = facts;
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
    result.attentions = Array.from({ length: layers }, (_, i) => padMaps(outputs[`attentions.${i}`], heads, prepared));
  if (outputs.predictionLogits) result.predictionLogits = perToken(outputs.predictionLogits);
  if (outputs.seqRelationshipLogits) result.seqRelationshipLogits = pooled(outputs.seqRelationshipLogits);
  if (outputs.logits) {
    const isPerToken = facts.head === 'maskedLM' || facts.head === 'tokenClassification';
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
