// What models have in common: the tokens of a word, and the checked vocabulary.

import { grown } from './grown.js';
import { asObject, asString, invalidTokenizer, type JsonObject } from './json.js';

/** The tokens of one word. Token `i` covers units `[starts[i], ends[i])` of the word as the model saw it. */
export interface Pieces {
  ids: ArrayLike<number>;
  starts: ArrayLike<number>;
  ends: ArrayLike<number>;
}

/** A model with what the tokenizer needs of it. */
export interface WordModel {
  tokenToId: ReadonlyMap<string, number>;
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

/** Room for so many numbers: a typed array, which the collector need not look at, costs more than a short list. */
export function listOf(length: number): number[] | Int32Array {
  return length > SHORT_LIST ? new Int32Array(length) : new Array<number>(length);
}

const SHORT_LIST = 64;

/** The pieces of a long word, put together from those of its sections. */
export class LongPieces implements Pieces {
  private count = 0;
  private list: Int32Array;

  /** `room`: how many pieces to expect. */
  constructor(room: number) {
    this.list = new Int32Array(FIELDS * room);
  }

  /** The pieces of the section that begins at unit `from`. */
  append({ ids, starts, ends }: Pieces, from: number): void {
    this.list = grown(this.list, FIELDS * (this.count + ids.length));
    for (let i = 0, at = FIELDS * this.count; i < ids.length; i++) {
      this.list[at++] = ids[i];
      this.list[at++] = from + starts[i];
      this.list[at++] = from + ends[i];
    }
    this.count += ids.length;
  }

  get ids(): Int32Array {
    return this.field(0);
  }
  get starts(): Int32Array {
    return this.field(1);
  }
  get ends(): Int32Array {
    return this.field(2);
  }

  private field(offset: number): Int32Array {
    const out = new Int32Array(this.count);
    for (let i = 0; i < out.length; i++) out[i] = this.list[FIELDS * i + offset];
    return out;
  }
}

const FIELDS = 3;
const LARGEST_ID = 0xffffff;

/** Checks a `{ token: id }` vocabulary. */
export function readVocab(config: JsonObject, where: string): Readonly<Record<string, number>> {
  const vocab = asObject(config.vocab, `${where}.vocab`);
  for (const token in vocab) {
    const id = vocab[token];
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= LARGEST_ID) continue;
    const problem = `the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}, not an integer from 0 to ${LARGEST_ID}`;
    return invalidTokenizer(`${where}.vocab`, problem);
  }
  return vocab as Readonly<Record<string, number>>;
}

/** The unknown token, undefined if there is none or the vocabulary lacks it. */
export function readUnknown(config: JsonObject, ids: ReadonlyMap<string, number>, where: string): string | undefined {
  if (config.unk_token === undefined || config.unk_token === null) return undefined;
  const token = asString(config.unk_token, `${where}.unk_token`);
  return ids.has(token) ? token : undefined;
}

const utf8 = new TextEncoder();

/** The byte-fallback token of a byte. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** The ids of a text's byte-fallback tokens, or null where one is missing. */
export function fallbackBytes(text: string, ids: ReadonlyMap<string, number>): number[] | null {
  const found: number[] = [];
  for (const byte of utf8.encode(text)) {
    const id = ids.get(byteToken(byte));
    if (id === undefined) return null;
    found.push(id);
  }
  return found;
}
