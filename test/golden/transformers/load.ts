// The goldens of encoder-decoders and of the original Transformer's stacks alone.

import {
  goldenFolder,
  goldenNames,
  moveMaps,
  moveRows,
  readJson,
  readTensors,
  rowLengths,
  type ExpectedTensor,
  type ExpectedTexts,
  type Side,
} from '../load';

const names = goldenNames('transformers');
const isStack = (name: string): boolean => /^transformer-(encoder|decoder)/.test(name);

/** Encoder-decoders, the original Transformer among them. */
export const transformerGoldens = names.filter((name) => !isStack(name));

/** nn.TransformerEncoder and nn.TransformerDecoder alone, on embeddings. */
export const stackGoldens = names.filter(isStack);

/** The path to give to fromPretrained. */
export function transformerFolder(golden: string): string {
  return goldenFolder('transformers', golden);
}

/**
 * The forward pass of a batch of three: input_ids, attention_mask [3, 13], decoder_input_ids, decoder_attention_mask [3, 5],
 * logits [3, 5, vocab], encoder_last_hidden_state, encoder_hidden_states.i [3, 13, d], decoder_hidden_states.i [3, 5, d],
 * encoder_attentions.i [3, heads, 13, 13], decoder_attentions.i [3, heads, 5, 5], cross_attentions.i [3, heads, 5, 13].
 * Zero where the query is padding.
 */
export function readTransformerForward(golden: string, side: Side): Map<string, ExpectedTensor> {
  const tensors = readTensors('transformers', golden);
  if (side === 'right') return tensors;
  const source = rowLengths(tensors.get('attention_mask')!);
  const target = rowLengths(tensors.get('decoder_attention_mask')!);
  for (const [name, tensor] of tensors) {
    const ofEncoder = name.startsWith('encoder') || name === 'input_ids' || name === 'attention_mask';
    const lengths = ofEncoder ? source : target;
    const keys = name.startsWith('cross') ? source : lengths;
    tensors.set(name, name.includes('attentions') ? moveMaps(tensor, lengths, keys) : moveRows(tensor, lengths));
  }
  return tensors;
}

/** Greedy texts and beams of single inputs: new tokens, without the decoder's start token. */
export function readTransformerTexts(golden: string): ExpectedTexts {
  return readJson('transformers', golden, 'expected.json');
}

/**
 * The forward passes of a stack: inputs_embeds [3, 13, d], attention_mask, of a decoder encoder_hidden_states [3, 9, d] and
 * encoder_attention_mask; then by case (boolean: true hides a key; additive; causal; of an encoder padding: no mask)
 * case.mask [13, 13] of the first two, case.last_hidden_state, case.attentions.i, case.cross_attentions.i
 * and, without a given mask, case.hidden_states.i. A decoder is causal unless it has a mask.
 */
export function readStack(golden: string): Map<string, ExpectedTensor> {
  return readTensors('transformers', golden);
}
