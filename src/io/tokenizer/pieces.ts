// What models have in common: the tokens of a word, and the checked vocabulary.

import { asObject, invalidTokenizer, type JsonObject } from './json.js';

/** The tokens of one word. Token `i` covers units `[starts[i], ends[i])` of the word as the model saw it. */
export interface Pieces {
  ids: ArrayLike<number>;
  starts: ArrayLike<number>;
  ends: ArrayLike<number>;
}

/** A model with what the tokenizer needs of it. */
export interface WordModel {
  tokenToId: ReadonlyMap<string, number>;
  /** The highest id plus one. */
  size: number;
  unknownToken: string | undefined;
  /** The id whose tokens are shown as the text they cover, not as the vocabulary has them. */
  verbatimId?: number;
  /** Ids by text for decoding, where a model writes another vocabulary than it reads. */
  writtenIds?: ReadonlyMap<string, number>;
  /** What a BPE model puts behind the last token of a word; decoding turns it into a space. */
  endOfWordSuffix?: string;
  /** Where a word's tokens depend on the words before it: no more words before the next one. */
  begin?(): void;
  encode(word: string): Pieces;
}

export class PieceList implements Pieces {
  readonly ids: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  add(id: number, start: number, end: number): void {
    this.ids.push(id);
    this.starts.push(start);
    this.ends.push(end);
  }
}

const LARGEST_ID = 0xffffff;

/** A `{ token: id }` vocabulary, checked: in one pass, since to list the keys of a large object takes as long as to parse it. */
export function readVocab(config: JsonObject, where: string): Map<string, number> {
  if (config.vocab instanceof Map) return config.vocab as Map<string, number>; // of large-json.ts, checked as it was read
  const vocab = asObject(config.vocab, `${where}.vocab`);
  const ids = new Map<string, number>();
  for (const token in vocab) {
    const id = vocab[token];
    if (!isId(id)) {
      const problem = `the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}, not an integer from 0 to ${LARGEST_ID}`;
      return invalidTokenizer(`${where}.vocab`, problem);
    }
    ids.set(token, id);
  }
  return ids;
}

export function isId(id: unknown): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= LARGEST_ID;
}
