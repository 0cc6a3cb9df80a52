// From tokens in the byte alphabet, and from bytes, to text.

import { BYTE_CHARACTERS, joinUnits, unitsOf } from './bytes.js';

const BYTE_VALUES: ReadonlyMap<string, number> = new Map(BYTE_CHARACTERS.map((char, byte) => [char, byte]));
const encoder = new TextEncoder();
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** The text with one unit in the place of another: what `replaceAll` takes ten times as long for, in texts of a megabyte. */
export function replaceUnit(text: string, search: string, content: string): string {
  const units = unitsOf(text);
  const [from, to] = [search.charCodeAt(0), content.charCodeAt(0)];
  for (let i = 0; i < units.length; i++) if (units[i] === from) units[i] = to;
  return joinUnits(units);
}

/** The text of the bytes, null if they are not UTF-8. */
export function validUtf8(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

const KNOWN_TEXTS = 100_000;
const known = new Map<string, string | Uint8Array>();

/** What a token of the byte alphabet stands for: a text, or bytes that are no text by themselves. Other tokens stand for themselves. */
function byteText(token: string): string | Uint8Array {
  let found = known.get(token);
  if (found === undefined) {
    const bytes = Array.from(token, (char) => BYTE_VALUES.get(char) ?? -1);
    found = token;
    if (!bytes.includes(-1)) found = validUtf8(Uint8Array.from(bytes)) ?? Uint8Array.from(bytes);
    if (known.size >= KNOWN_TEXTS) known.clear();
    known.set(token, found);
  }
  return found;
}

/** Joins tokens of the byte alphabet to text, keeping back the beginning of a character; bytes that are no UTF-8 give U+FFFD. */
export class ByteJoiner {
  private held: number[] = [];

  push(token: string): string {
    const found = byteText(token);
    if (typeof found === 'string' && this.held.length === 0) return found;
    const all = Uint8Array.from([...this.held, ...(typeof found === 'string' ? encoder.encode(found) : found)]);
    const end = all.length - unfinished(all);
    this.held = Array.from(all.subarray(end));
    return lossy.decode(all.subarray(0, end));
  }

  /** An unfinished character gives one U+FFFD. */
  finish(): string {
    const text = this.held.length > 0 ? '\ufffd' : '';
    this.held = [];
    return text;
  }
}

/** How many bytes at the end are the beginning of a character that more bytes may complete. */
function unfinished(bytes: Uint8Array): number {
  for (let count = 1; count <= Math.min(3, bytes.length); count++) {
    const at = bytes.length - count;
    const first = bytes[at];
    if (first >= 0x80 && first < 0xc0) continue;
    const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first < 0xc2 || first > 0xf4 || count >= size) return 0;
    // the second byte of overlong forms, of surrogates, and of what is beyond the last code point
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    return count === 1 || (bytes[at + 1] >= least && bytes[at + 1] <= most) ? count : 0;
  }
  return 0;
}
