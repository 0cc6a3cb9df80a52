// Pieces of which there may be many, and those of bytes: what BERT's models do without.

import { byteOf, bytesOf } from './bytes.js';
import { grown } from './grown.js';
import type { Pieces } from './pieces.js';

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
