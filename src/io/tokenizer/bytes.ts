// The byte alphabet of byte-level BPE: one printable character for each of the 256 bytes.

import type { Span } from './aligned.js';

const BYTE_CHARACTERS: readonly string[] = (() => {
  const table = new Array<string>(256);
  let extra = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    table[byte] = String.fromCharCode(printable ? byte : extra++);
  }
  return table;
})();

/** How a space looks in the byte alphabet. */
export const BYTE_SPACE = BYTE_CHARACTERS[0x20];

const encoder = new TextEncoder();

/** UTF-8 bytes of the text, each as its character. */
export function utf8Characters(text: string): string {
  let out = '';
  for (const byte of encoder.encode(text)) out += BYTE_CHARACTERS[byte];
  return out;
}

const BYTE_SET: ReadonlySet<string> = new Set(BYTE_CHARACTERS);

/** Whether a text is written in the byte alphabet. */
export function isByteText(text: string): boolean {
  for (const character of text) if (!BYTE_SET.has(character)) return false;
  return true;
}

/** For every UTF-8 byte of the span: first and last UTF-16 unit, within the source, of the character it belongs to. */
export function byteUnits(span: Span): { first: number[]; last: number[] } {
  const first: number[] = [];
  const last: number[] = [];
  for (let unit = span.from; unit < span.to;) {
    const code = span.source.text.codePointAt(unit)!;
    const units = code > 0xffff ? 2 : 1;
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (let i = 0; i < bytes; i++) {
      first.push(unit);
      last.push(unit + units - 1);
    }
    unit += units;
  }
  return { first, last };
}
