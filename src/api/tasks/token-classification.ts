// Token classification: a row of logits for each token to entities, as Hugging Face's token-classification pipeline
// with a fast tokenizer, all aggregation strategies.

import { WasmformerError } from '../../errors';
import { argmax, checkLogits, labelName, softmax, type LabelMap } from './scores';
import type { JoinTokens, TokenEncoding } from './types';

const STRATEGIES = ['none', 'simple', 'first', 'average', 'max'] as const;

/**
 * How tokens become entities.
 * - `none`: one result for each token.
 * - `simple`: neighbours with the same tag are one entity; B- starts another.
 * - `first`, `average`, `max`: a word has one label (its first token's; the label of the mean of its tokens' scores; its
 *   surest token's), then as `simple`. So an entity never starts or ends within a word.
 */
export type AggregationStrategy = (typeof STRATEGIES)[number];

export interface TokenClassificationOptions {
  /** Default 'none'. */
  aggregationStrategy?: AggregationStrategy;
  /** Labels (of tokens) and tags (of groups) left out of the result. Default ['O']. */
  ignoreLabels?: readonly string[];
}

/** One token with its label: strategy 'none'. */
export interface TokenEntity {
  entity: string;
  score: number;
  /** The token's position in the sequence, special tokens counted. */
  index: number;
  /** The token as the vocabulary has it. */
  word: string;
  /** UTF-16 offsets: `text.slice(start, end)` is the token. */
  start: number;
  end: number;
}

/** Neighbouring tokens with one tag: every other strategy. */
export interface EntityGroup {
  /** The label without its B- or I-. */
  entityGroup: string;
  /** The mean of its parts' scores. */
  score: number;
  /** Its tokens joined by the tokenizer's decoder; `text.slice(start, end)` is the original. */
  word: string;
  start: number;
  end: number;
}

export interface TokenClassificationInput {
  /** [tokens, labels] */
  logits: ArrayLike<number>;
  encoding: TokenEncoding;
  text: string;
  id2label?: LabelMap;
  /** The tokenizer's decoder on token strings. */
  join: JoinTokens;
  /** An unknown token starts a word, and shows the text it stands for. */
  unkTokenId?: number | null;
  /**
   * The `continuing_subword_prefix` of tokenizer.json's model, '##' in BERT. With one, a token shorter or longer than its
   * text continues a word; without, a token with no space before it does.
   */
  continuingSubwordPrefix?: string | null;
}

interface Piece {
  word: string;
  scores: Float64Array;
  start: number;
  end: number;
  index: number;
  isSubword: boolean;
}

interface Labelled {
  entity: string;
  score: number;
  word: string;
  start: number;
  end: number;
}

/** With strategy 'none', the tokens and their labels. */
export function classifyTokens(
  input: TokenClassificationInput,
  options?: TokenClassificationOptions & { aggregationStrategy?: 'none' },
): TokenEntity[];
/**
 * The entities of a text, in its order.
 *
 * @throws WasmformerError `INVALID_ARGUMENT` for an unknown strategy, `INVALID_SHAPE` for logits that do not fit the tokens
 */
export function classifyTokens(
  input: TokenClassificationInput,
  options?: TokenClassificationOptions,
): TokenEntity[] | EntityGroup[];
export function classifyTokens(
  input: TokenClassificationInput,
  options: TokenClassificationOptions = {},
): TokenEntity[] | EntityGroup[] {
  const strategy = options.aggregationStrategy ?? 'none';
  if (!STRATEGIES.includes(strategy)) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `aggregationStrategy must be one of ${STRATEGIES.join(', ')}, not ${String(strategy)}`,
    );
  }
  const ignored = new Set(options.ignoreLabels ?? ['O']);
  const pieces = gatherPieces(input);
  if (strategy === 'none') {
    return pieces
      .map((piece) => ({ ...labelOf(piece.scores, input.id2label), ...position(piece), index: piece.index }))
      .filter(({ entity }) => !ignored.has(entity));
  }
  const labelled: Labelled[] =
    strategy === 'simple'
      ? pieces.map((piece) => ({ ...labelOf(piece.scores, input.id2label), ...position(piece) }))
      : words(pieces).map((word) => labelWord(word, strategy, input));
  return groupEntities(labelled, input.join).filter(({ entityGroup }) => !ignored.has(entityGroup));
}

function position({ word, start, end }: Piece): { word: string; start: number; end: number } {
  return { word, start, end };
}

function labelOf(scores: Float64Array, id2label: LabelMap | undefined): { entity: string; score: number } {
  const best = argmax(scores);
  return { entity: labelName(id2label, best), score: scores[best] };
}

/** The text's own tokens with their probabilities. */
function gatherPieces(input: TokenClassificationInput): Piece[] {
  const { logits, encoding, text } = input;
  const count = encoding.ids.length;
  const labels = count === 0 ? 0 : Math.floor(logits.length / count);
  checkLogits('classifyTokens', logits, count, labels);
  const pieces: Piece[] = [];
  for (let index = 0; index < count; index++) {
    if (encoding.specialTokensMask[index]) continue;
    const [start, end] = encoding.offsets[index];
    const unknown = encoding.ids[index] === input.unkTokenId;
    const word = unknown ? text.slice(start, end) : encoding.tokens[index];
    pieces.push({
      word,
      scores: softmax(logits, index * labels, labels),
      start,
      end,
      index,
      isSubword: !unknown && continuesWord(word, text, start, end, input.continuingSubwordPrefix),
    });
  }
  return pieces;
}

function continuesWord(word: string, text: string, start: number, end: number, prefix?: string | null): boolean {
  if (prefix) return characters(word) !== characters(text.slice(start, end));
  return start > 0 && text[start - 1] !== ' ' && text[start] !== ' ';
}

/** Code points: a token and its text are compared by characters, not by UTF-16 units. */
function characters(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; count++) i += text.codePointAt(i)! > 0xffff ? 2 : 1;
  return count;
}

function words(pieces: Piece[]): Piece[][] {
  const groups: Piece[][] = [];
  for (const piece of pieces) {
    if (groups.length > 0 && piece.isSubword) groups[groups.length - 1].push(piece);
    else groups.push([piece]);
  }
  return groups;
}

/** One label for a word's tokens. */
function labelWord(
  word: Piece[],
  strategy: 'first' | 'average' | 'max',
  { id2label, join }: TokenClassificationInput,
): Labelled {
  return {
    ...labelOf(wordScores(word, strategy), id2label),
    word: join(word.map((piece) => piece.word)),
    start: word[0].start,
    end: word[word.length - 1].end,
  };
}

function wordScores(word: Piece[], strategy: 'first' | 'average' | 'max'): Float64Array {
  if (strategy === 'first') return word[0].scores;
  if (strategy === 'max') return word[argmax(word.map((piece) => piece.scores[argmax(piece.scores)]))].scores;
  return word[0].scores.map((_, label) => mean(word.map((piece) => piece.scores[label])));
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Joins neighbours of one tag. */
function groupEntities(entities: Labelled[], join: JoinTokens): EntityGroup[] {
  const groups: Labelled[][] = [];
  for (const entity of entities) {
    const last = groups[groups.length - 1];
    const { begins, tag } = splitLabel(entity.entity);
    if (last && !begins && tag === splitLabel(last[last.length - 1].entity).tag) last.push(entity);
    else groups.push([entity]);
  }
  return groups.map((group) => ({
    // The name is what follows the first hyphen, whatever precedes it: Hugging Face's rule, which differs from the one above.
    entityGroup: group[0].entity.slice(group[0].entity.indexOf('-') + 1),
    score: mean(group.map((entity) => entity.score)),
    word: join(group.map((entity) => entity.word)),
    start: group[0].start,
    end: group[group.length - 1].end,
  }));
}

/** A label without B- or I- counts as a continuation. */
function splitLabel(label: string): { begins: boolean; tag: string } {
  if (label.startsWith('B-')) return { begins: true, tag: label.slice(2) };
  return { begins: false, tag: label.startsWith('I-') ? label.slice(2) : label };
}
