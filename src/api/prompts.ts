// Prompts as callers give them, made into rows of ids.
import { WasmformerError } from '../errors';
import type { Tokenizer } from '../io/tokenizer';
import { encodeText, prepareIds, type IdInputs, type InputLimits } from './inputs';
import { Tensor } from './tensor';

/** A text or its ids: one prompt. An array of texts or of rows of ids, a tensor [batch, tokens] or { inputIds, attentionMask }: a batch. */
export type Prompt = string | readonly number[] | Int32Array;
export type Prompts = Prompt | readonly Prompt[] | Tensor | Pick<IdInputs, 'inputIds' | 'attentionMask'>;

export interface PromptRows {
  readonly rows: Int32Array[];
  /** Whether the caller gave several, so that the result is an array. */
  readonly isBatch: boolean;
}

/** Rows of ids, checked against the vocabulary. Throws INVALID_ARGUMENT, INVALID_SHAPE, TOO_LONG. */
export function promptRows(prompts: Prompts, limits: InputLimits, tokenizer: () => Tokenizer): PromptRows {
  if (typeof prompts === 'string') return { rows: [encode(prompts)], isBatch: false };
  if (prompts instanceof Int32Array) return { rows: idRows([Array.from(prompts)]), isBatch: false };
  if (prompts instanceof Tensor) return { rows: idRows(prompts), isBatch: prompts.dims.length > 1 };
  if (Array.isArray(prompts)) {
    const list = prompts as readonly (Prompt | number)[];
    if (list.length > 0 && typeof list[0] === 'number')
      return { rows: idRows([list as readonly number[]]), isBatch: false };
    if (list.length === 0) invalid('the prompt is empty: give at least one token, or one prompt');
    return { rows: list.map((prompt) => rowOf(prompt as Prompt)), isBatch: true };
  }
  if (typeof prompts === 'object' && prompts !== null && 'inputIds' in prompts) {
    const { inputIds, attentionMask } = prompts;
    const isRow = inputIds instanceof Tensor ? inputIds.dims.length === 1 : typeof inputIds[0] === 'number';
    return { rows: idRows(inputIds, attentionMask), isBatch: !isRow };
  }
  return invalid('a prompt must be a text, an array of token ids, or an array of such');

  function rowOf(prompt: Prompt): Int32Array {
    if (typeof prompt === 'string') return encode(prompt);
    if (Array.isArray(prompt) || prompt instanceof Int32Array) return idRows([Array.from(prompt)])[0];
    return invalid('a batch of prompts must hold texts or arrays of token ids');
  }

  function encode(text: string): Int32Array {
    const { ids } = encodeText(tokenizer(), limits, text, undefined, {});
    if (ids.length === 0) invalid('the prompt is empty: it has no tokens, and the tokenizer adds none');
    return idRows([Array.from(ids)])[0];
  }

  function idRows(ids: IdInputs['inputIds'], attentionMask?: IdInputs['attentionMask']): Int32Array[] {
    const { batch } = prepareIds({ inputIds: ids, attentionMask }, limits);
    let at = 0;
    return Array.from(batch.lengths, (length) => batch.ids.slice(at, (at += length)));
  }
}

function invalid(message: string): never {
  throw new WasmformerError('INVALID_ARGUMENT', message);
}
