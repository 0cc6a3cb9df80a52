// Prompts as callers give them, made into rows of ids.
import { prepareIds } from './ids';
import { invalid, type IdInputs, type InputLimits, type Prepared } from './inputs';
import { Tensor } from './tensor';

/** A text or its ids: one prompt. An array of texts or of rows of ids, a tensor [batch, tokens] or { inputIds, attentionMask }: a batch. */
export type Prompt = string | readonly number[] | Int32Array;
export type Prompts = Prompt | readonly Prompt[] | Tensor | Pick<IdInputs, 'inputIds' | 'attentionMask'>;

export interface PromptRows {
  readonly rows: Int32Array[];
  /** Whether the caller gave several, so that the result is an array. */
  readonly isBatch: boolean;
}

/** Rows of ids, checked against the vocabulary. Throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG, and what `encode` throws.
 *  @param encode ids of a text
 *  @param mayBeEmpty whether a prompt alone may have no tokens */
export function promptRows(
  prompts: Prompts,
  limits: InputLimits,
  encode: (text: string) => ArrayLike<number>,
  mayBeEmpty = false,
): PromptRows {
  if (Array.isArray(prompts) && prompts.length > 0 && typeof prompts[0] !== 'number')
    return { rows: idRows(prompts.map((prompt: unknown) => idsOf(prompt))), isBatch: true };
  if (prompts instanceof Tensor) return { rows: idRows(prompts), isBatch: prompts.dims.length > 1 };
  if (typeof prompts === 'object' && prompts !== null && 'inputIds' in prompts) {
    const { inputIds, attentionMask } = prompts;
    const isRow = inputIds instanceof Tensor ? inputIds.dims.length === 1 : typeof inputIds?.[0] === 'number';
    return { rows: idRows(inputIds, attentionMask), isBatch: !isRow };
  }
  const ids = idsOf(prompts);
  return { rows: mayBeEmpty && ids.length === 0 ? [new Int32Array(0)] : idRows([ids]), isBatch: false };

  function idsOf(prompt: unknown): number[] {
    if (typeof prompt === 'string') return Array.from(encode(prompt));
    if (Array.isArray(prompt) || prompt instanceof Int32Array) return Array.from(prompt as ArrayLike<number>);
    return invalid('a prompt must be a text or an array of token ids, and a batch an array of such');
  }

  function idRows(ids: IdInputs['inputIds'], attentionMask?: IdInputs['attentionMask']): Int32Array[] {
    return splitRows(prepareIds({ inputIds: ids, attentionMask }, limits));
  }
}

/** The ids of every sequence of a batch. */
export function splitRows({ batch: { lengths, ids } }: Prepared): Int32Array[] {
  let at = 0;
  return Array.from(lengths, (length) => ids.slice(at, (at += length)));
}
