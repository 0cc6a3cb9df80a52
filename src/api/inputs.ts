// What callers pass in, and texts made into a ragged batch.
import { WasmformerError } from '../errors';
import { describe } from '../io/source';
import type { Encoding, Tokenizer } from '../io/tokenizer';
import type { RaggedBatch } from '../runtime/batch';
import { Turns } from '../runtime/turns';
import type { Embeddings } from './embeddings';
import { Tensor } from './tensor';

/** Whole numbers [batch, tokens]: nested arrays (rows may differ in length) or an integer tensor. A single row is a batch of one. */
export type Ids = readonly (readonly number[])[] | readonly number[] | Tensor;

/** Token ids with what belongs to them. */
export interface IdInputs {
  /** [batch, tokens] */
  inputIds: Ids;
  /** 1: a token; 0: padding, left or right. Default: all ones. */
  attentionMask?: Ids;
  /** Segment ids. Default: zeros. */
  tokenTypeIds?: Ids;
  /** Default: the number of unmasked tokens before each token. */
  positionIds?: Ids;
}

/** A text or several, each alone or with a second text. */
export interface TextInputs {
  text: string | readonly string[];
  textPair?: string | readonly string[];
}

export type EncoderInput = string | readonly string[] | TextInputs | IdInputs;

/** Prompts: text, or ids. */
export type DecoderInput = string | readonly string[] | IdInputs;

export interface TokenizeOptions {
  /** Cut texts that are too long, instead of failing. Default false. */
  truncation?: boolean;
  /** Most tokens of a text, special tokens included. Default: what the model has positions for. */
  maxLength?: number;
}

/** A batch for the engine, and where its tokens stand in the caller's padded rows. */
export interface Prepared {
  readonly batch: RaggedBatch;
  /** Length of the padded rows. */
  readonly width: number;
  /** For every sequence, the columns of its tokens; none: 0, 1, 2, ... */
  readonly columns: readonly (Int32Array | null | undefined)[];
}

/** What a model can take. */
export interface InputLimits {
  readonly vocabSize: number;
  /** Longest sequence in tokens; Infinity: as memory allows. */
  readonly maxPositions: number;
  /** What to do about one that is longer. Default: to cut or to split it. */
  readonly advice?: string;
  /** Rows of the token-type table; 0 or absent: the model has no token types. */
  readonly typeVocabSize?: number;
}

export function invalid(message: string): never {
  throw new WasmformerError('INVALID_ARGUMENT', message);
}

/** Batch of encodings. */
export function prepareEncodings(encodings: readonly Encoding[], facts: InputLimits): Prepared {
  const lengths = new Int32Array(encodings.length);
  let total = 0;
  for (let i = 0; i < encodings.length; i++) {
    const { length } = encodings[i];
    if (length === 0) invalid(`text ${i} has no tokens`);
    checkLength(length, facts, i);
    lengths[i] = length;
    total += length;
  }
  const ids = new Int32Array(total);
  let at = 0;
  for (const encoding of encodings) {
    ids.set(encoding.ids, at);
    at += encoding.length;
  }
  const isTyped = (facts.typeVocabSize ?? 0) > 1 && encodings.some((encoding) => encoding.hasTypes);
  for (let t = 0; t < total; t++)
    checkRange(ids[t], facts.vocabSize, 'the tokenizer', 'the vocabulary of config.json has');
  return {
    batch: {
      lengths,
      ids,
      typeIds: isTyped ? Int32Array.from(encodings.flatMap(({ typeIds }) => typeIds)) : undefined,
    },
    width: Math.max(...lengths),
    columns: [],
  };
}

/** Tokenises one text or pair. Throws TOO_LONG unless truncation was asked for. */
export function encodeText(
  tokenizer: Tokenizer,
  facts: InputLimits,
  text: string,
  textPair: string | undefined,
  { truncation = false, maxLength }: TokenizeOptions,
): Encoding {
  const limit = Math.min(maxLength ?? facts.maxPositions, facts.maxPositions);
  const encoding = tokenizer.encode(text, { textPair, ...(truncation ? { truncation: true, maxLength: limit } : {}) });
  if (encoding.length > limit) {
    throw new WasmformerError(
      'TOO_LONG',
      `the text has ${encoding.length} tokens, but ${maxLength === undefined || maxLength > facts.maxPositions ? `the model has positions for ${facts.maxPositions}` : `maxLength is ${maxLength}`}: ${facts.advice ?? 'pass truncation: true to cut it, or split it'}`,
    );
  }
  return encoding;
}

/** Tokenises texts and what they are paired with, with turns of the event loop in between: many texts take long. Throws as encodeText,
 *  and ABORTED. */
export async function encodeTexts(
  { tokenizer, facts }: { readonly tokenizer: Tokenizer; readonly facts: InputLimits },
  texts: readonly string[],
  pairs: readonly string[] | null,
  options: TokenizeOptions,
  signal?: AbortSignal,
): Promise<Encoding[]> {
  const encodings: Encoding[] = [];
  const turns = new Turns();
  for (let i = 0; i < texts.length; i++) {
    encodings.push(encodeText(tokenizer, facts, texts[i], pairs?.[i], options));
    await turns.give(signal);
  }
  return encodings;
}

/** The texts of an input, paired up. */
export function textsOf(input: string | readonly string[] | TextInputs): {
  texts: string[];
  pairs: string[] | null;
  single: boolean;
} {
  const isText = typeof input === 'string' || Array.isArray(input);
  const { text, textPair } = isText
    ? { text: input as string | readonly string[], textPair: undefined }
    : ((input ?? {}) as TextInputs);
  const single = typeof text === 'string';
  if (!single && !Array.isArray(text)) {
    invalid(
      `the input must be a text, an array of texts or { text, textPair }, not ${describe(isText ? text : input)}`,
    );
  }
  if (textPair !== undefined && typeof textPair !== 'string' && !Array.isArray(textPair)) {
    invalid(`textPair must be a text or an array of texts, not ${describe(textPair)}`);
  }
  const texts = single ? [text] : [...(text as readonly string[])];
  if (texts.length === 0) invalid('the batch is empty: there are no texts');
  const pairs = textPair === undefined ? null : typeof textPair === 'string' ? [textPair] : [...textPair];
  if (pairs && pairs.length !== texts.length)
    invalid(`textPair must have as many texts as text: ${texts.length}, but has ${pairs.length}`);
  checkTexts('text', texts);
  if (pairs) checkTexts('textPair', pairs);
  return { texts, pairs, single };
}

function checkTexts(name: string, texts: readonly unknown[]): void {
  texts.forEach((text, i) => {
    if (typeof text !== 'string') invalid(`${name} ${i} must be a text, not ${describe(text)}`);
  });
}

/** Whether an input is ids rather than text. */
export function isIdInput(input: EncoderInput): input is IdInputs {
  return typeof input === 'object' && input !== null && 'inputIds' in input;
}

/** Whether an input is embeddings rather than text or ids. Throws INVALID_ARGUMENT if it is both. */
export function isEmbeddingInput<T>(input: T): input is Extract<T, { inputsEmbeds: Embeddings }> {
  if (typeof input !== 'object' || input === null || !('inputsEmbeds' in input)) return false;
  if ('inputIds' in input) invalid('the input has both inputIds and inputsEmbeds: pass one of them');
  return true;
}

/** Fails for a stack alone, which has no table of embeddings to look ids up in. */
export function needEmbeddings({ stack }: { readonly stack: boolean }, what: string): void {
  if (stack) invalid(`this model is a stack of layers without word embeddings: pass ${what}`);
}

export function checkLength(
  length: number,
  { maxPositions: limit, advice = 'shorten or split it' }: InputLimits,
  sequence: number,
): void {
  if (length > limit) {
    throw new WasmformerError(
      'TOO_LONG',
      `sequence ${sequence} has ${length} tokens, but the model has positions for ${limit}: ${advice}`,
    );
  }
}

/** Fails for an id, a token type or a position that is none of 0 to limit - 1. */
export function checkRange(value: number, limit: number, name: string, what: string): void {
  if (value < 0 || value >= limit) invalid(`${name} gives ${value}, but ${what} ${limit}: valid are 0 to ${limit - 1}`);
}
