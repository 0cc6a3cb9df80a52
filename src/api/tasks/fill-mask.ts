// Masked language modelling: logits at the masks to the likeliest tokens, as Hugging Face's fill-mask pipeline.

import { WasmformerError } from '../../errors';
import { checkCount, checkLogits, softmax, topIndices } from './scores';
import type { DecodeIds } from './types';

export interface FillMaskOptions {
  /** How many tokens for each mask, likeliest first. Default 5. */
  topK?: number;
}

export interface FillMaskResult {
  /** The token's probability. */
  score: number;
  /** Its id. */
  token: number;
  /** The token decoded alone. */
  tokenStr: string;
  /** The text with this token in the mask's place; the special tokens are left in where there are several masks. */
  sequence: string;
}

export interface FillMaskInput {
  /** The whole sequence's ids. */
  ids: ArrayLike<number>;
  /** [tokens, vocabulary], or with `rows: 'masks'` [masks, vocabulary]: only the masks' rows, in their order. */
  logits: ArrayLike<number>;
  /** Default 'tokens'. */
  rows?: 'tokens' | 'masks';
  maskTokenId: number;
  /** Padding left out of `sequence`. */
  padTokenId?: number;
  decode: DecodeIds;
}

/**
 * The likeliest tokens for the mask; with several masks an array of that for each.
 *
 * @throws WasmformerError `INVALID_ARGUMENT` without a mask or with a bad topK, `INVALID_SHAPE`
 */
export function fillMask(input: FillMaskInput, options: FillMaskOptions = {}): FillMaskResult[] | FillMaskResult[][] {
  const { ids, logits, maskTokenId, padTokenId, decode } = input;
  const topK = options.topK ?? 5;
  checkCount('topK', topK);
  const masks = maskPositions(ids, maskTokenId);
  const rowCount = input.rows === 'masks' ? masks.length : ids.length;
  const vocabulary = Math.floor(logits.length / rowCount);
  checkLogits('fillMask', logits, rowCount, vocabulary);
  const single = masks.length === 1;
  const results = masks.map((at, mask) => {
    const row = input.rows === 'masks' ? mask : at;
    const scores = softmax(logits, row * vocabulary, vocabulary);
    return topIndices(scores, topK).map((token) => {
      const filled = Array.from(ids);
      filled[at] = token;
      const kept = filled.filter((id) => id !== padTokenId);
      return {
        score: scores[token],
        token,
        tokenStr: decode([token], { skipSpecialTokens: false }),
        sequence: decode(kept, { skipSpecialTokens: single }),
      };
    });
  });
  return single ? results[0] : results;
}

/**
 * Where the masks are.
 *
 * @throws WasmformerError `INVALID_ARGUMENT` if there is none
 */
export function maskPositions(ids: ArrayLike<number>, maskTokenId: number): number[] {
  const masks: number[] = [];
  for (let i = 0; i < ids.length; i++) if (ids[i] === maskTokenId) masks.push(i);
  if (masks.length === 0) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `fillMask: the text has no mask token (id ${maskTokenId}); write the tokenizer's mask token where a word is missing`,
    );
  }
  return masks;
}
