// Pieces of which there may be many, and those of unknown text: what BERT's models do without.

import { byteOf, bytesOf } from './bytes.js';
import { grown } from './grown.js';
import type { Pieces } from './pieces.js';

/** Room for so many numbers: a typed array, which the collector need not look at, costs more than a short list. */
export function listOf(length: number): number[] | Int32Array {
  return length > SHORT_LIST ? new Int32Array(length) : new Array<number>(length);
}

const SHORT_LIST = 64;

/** Pieces that a list used again and again has room for. */
const KEPT = 4096;

/** Pieces in typed arrays that grow: the symbols of a word before they are merged, those of the sections of a long word, or of bytes. */
export class PieceArrays {
  length = 0;
  ids!: Int32Array;
  starts!: Int32Array;
  ends!: Int32Array;

  /** `room`: how many pieces to expect. */
  constructor(room = KEPT) {
    this.allocate(room);
  }

  /** Begins anew, with room for `count` pieces. */
  clear(count: number): void {
    this.length = 0;
    // what one long word needed is not kept for the others
    if (count > this.ids.length || this.ids.length > KEPT) this.allocate(Math.max(KEPT, count));
  }

  add(id: number, start: number, end: number): void {
    const at = this.length;
    this.extend(1);
    this.ids[at] = id;
    this.starts[at] = start;
    this.ends[at] = end;
  }

  /** The pieces of the section that begins at unit `from`. */
  append({ ids, starts, ends }: Pieces, from: number): void {
    let at = this.length;
    this.extend(ids.length);
    for (let i = 0; i < ids.length; i++, at++) {
      this.ids[at] = ids[i];
      this.starts[at] = from + starts[i];
      this.ends[at] = from + ends[i];
    }
  }

  finish(): Pieces {
    const { length } = this;
    return {
      ids: this.ids.subarray(0, length),
      starts: this.starts.subarray(0, length),
      ends: this.ends.subarray(0, length),
    };
  }

  private allocate(room: number): void {
    this.ids = new Int32Array(room);
    this.starts = new Int32Array(room);
    this.ends = new Int32Array(room);
  }

  private extend(more: number): void {
    this.length += more;
    if (this.length <= this.ids.length) return;
    this.ids = grown(this.ids, this.length);
    this.starts = grown(this.starts, this.length);
    this.ends = grown(this.ends, this.length);
  }
}

/** Replaces pieces with the id `unknown`, neighbours together where they are `joined`, by what their text is made of. */
export function replaceUnknown(
  word: string,
  { ids, starts, ends }: Pieces,
  unknown: number,
  joined: boolean,
  idsOf: (text: string) => readonly number[],
): Pieces {
  const pieces = new PieceArrays(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const start = starts[i];
    if (ids[i] !== unknown) {
      pieces.add(ids[i], start, ends[i]);
      continue;
    }
    while (joined && i + 1 < ids.length && ids[i + 1] === unknown) i++;
    for (const id of idsOf(word.slice(start, ends[i]))) pieces.add(id, start, ends[i]);
  }
  return pieces.finish();
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
