// What models have in common: the tokens of a word, and the checked vocabulary.

import { byteOf, bytesOf } from './bytes.js';
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

/** Pieces of which there may be many: those of the sections of a long word, or of bytes. */
export class LongPieces {
  private count = 0;
  private ids: Int32Array;
  private starts: Int32Array;
  private ends: Int32Array;

  /** `room`: how many pieces to expect. */
  constructor(room: number) {
    this.ids = new Int32Array(room);
    this.starts = new Int32Array(room);
    this.ends = new Int32Array(room);
  }

  /** The pieces of the section that begins at unit `from`. */
  append({ ids, starts, ends }: Pieces, from: number): void {
    const { count } = this;
    this.take(ids.length);
    for (let i = 0, at = count; i < ids.length; i++, at++) {
      this.ids[at] = ids[i];
      this.starts[at] = from + starts[i];
      this.ends[at] = from + ends[i];
    }
  }

  add(id: number, start: number, end: number): void {
    const at = this.count;
    this.take(1);
    this.ids[at] = id;
    this.starts[at] = start;
    this.ends[at] = end;
  }

  finish(): Pieces {
    const { count } = this;
    return {
      ids: this.ids.subarray(0, count),
      starts: this.starts.subarray(0, count),
      ends: this.ends.subarray(0, count),
    };
  }

  private take(more: number): void {
    this.count += more;
    this.ids = grown(this.ids, this.count);
    this.starts = grown(this.starts, this.count);
    this.ends = grown(this.ends, this.count);
  }
}

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

/** The tokens that stand for bytes (`<0x00>` to `<0xFF>`), of which text that no other token covers is made. */
export class ByteTokens {
  /** Those that there are. */
  readonly ids: ReadonlySet<number>;
  private readonly table: readonly (number | undefined)[];

  constructor(ids: ReadonlyMap<string, number>) {
    this.table = Array.from({ length: 256 }, (_, byte) =>
      ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
    );
    this.ids = new Set(this.table.filter((id) => id !== undefined));
  }

  /** The ids of a text's bytes, or null where one is missing. */
  encode(text: string): number[] | null {
    const found: number[] = [];
    for (let i = 0; i < text.length;) {
      const code = text.codePointAt(i)!;
      const count = bytesOf(code);
      for (let k = 0; k < count; k++) {
        const id = this.table[byteOf(code, count, k)];
        if (id === undefined) return null;
        found.push(id);
      }
      i += code > 0xffff ? 2 : 1;
    }
    return found;
  }
}
