// What Encoder.forward needs and embedding texts does not: ids and embeddings as inputs, and outputs in the caller's shape.
import { WasmformerError } from '../errors';
import type { BatchMask, Outputs } from '../runtime/batch';
import type { EncoderFacts } from '../runtime/encoder-runner';
import { prepareEmbeddings, prepareMask, type EmbeddingInputs } from './embeddings';
import type { EncoderOutput, ForwardOptions } from './encoder';
import { padMaps, padRows, prepareIds } from './ids';
import { isEmbeddingInput, needEmbeddings, type IdInputs, type Prepared } from './inputs';
import { Tensor } from './tensor';

/** A batch, and who sees whom in it. */
export interface PreparedCall extends Prepared {
  readonly mask?: BatchMask;
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
export function outputOf(
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
