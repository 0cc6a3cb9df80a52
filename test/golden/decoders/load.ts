// The goldens of causal models: a forward pass of three sequences, greedy texts and beams.

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

/** All goldens; a folder's name starts with its model's type. */
export const decoderGoldens = goldenNames('decoders');

/** The path to give to Decoder.fromPretrained. */
export function decoderFolder(golden: string): string {
  return goldenFolder('decoders', golden);
}

/**
 * The forward pass of a batch of three: input_ids, attention_mask [3, 13], logits [3, 13, vocab], hidden_states.i
 * [3, 13, d] (0 is what enters the first layer, the last one is behind the final norm), attentions.i [3, heads, 13, 13].
 * Zero where the query is padding. Every sequence was computed alone, so that positions count its own tokens.
 */
export function readDecoderForward(golden: string, side: Side): Map<string, ExpectedTensor> {
  const tensors = readTensors('decoders', golden);
  if (side === 'right') return tensors;
  const lengths = rowLengths(tensors.get('attention_mask')!);
  for (const [name, tensor] of tensors)
    tensors.set(name, name.startsWith('attentions') ? moveMaps(tensor, lengths, lengths) : moveRows(tensor, lengths));
  return tensors;
}

/** Greedy texts and beams of single prompts, in the words of generate's options. eos and padding ids: the folder's configs. */
export function readDecoderTexts(golden: string): Required<ExpectedTexts> {
  return readJson('decoders', golden, 'expected.json');
}
