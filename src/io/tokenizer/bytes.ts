// The byte alphabet of byte-level BPE: one printable character for each of the 256 bytes.

export const BYTE_CHARACTERS: readonly string[] = (() => {
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

const BYTE_CODES = Uint16Array.from(BYTE_CHARACTERS, (char) => char.charCodeAt(0));
const FEW = 40;
/** Units that are joined at once: few enough to be arguments. */
const JOINED = 4096;

/** UTF-8 bytes of the text, each as its character. */
export function utf8Characters(text: string): string {
  if (/^[!-~]*$/.test(text)) return text;
  const bytes = encoder.encode(text);
  let out = '';
  if (bytes.length < FEW) {
    for (const byte of bytes) out += BYTE_CHARACTERS[byte];
    return out;
  }
  const codes = new Uint16Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) codes[i] = BYTE_CODES[bytes[i]];
  return joinUnits(codes);
}

/** The UTF-16 units of a text. */
export function unitsOf(text: string): Uint16Array {
  const units = new Uint16Array(text.length);
  for (let i = 0; i < units.length; i++) units[i] = text.charCodeAt(i);
  return units;
}

/** The text of UTF-16 units without half pairs. Many are decoded: what engines put together piece by piece fills their young space. */
export function joinUnits(units: Uint16Array): string {
  return units.length > JOINED
    ? new TextDecoder('utf-16le', { ignoreBOM: true }).decode(units)
    : String.fromCharCode.apply(null, units as unknown as number[]);
}

/** Bytes of UTF-8 to a unit of UTF-16. */
const MOST_BYTES = 3;

/** Bytes of a character in UTF-8. */
export function bytesOf(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** Of the first byte of a character, by how many there are. */
const LEADS = [0, 0, 0xc0, 0xe0, 0xf0];

/** Byte `k` of the `count` bytes of a character in UTF-8. */
export function byteOf(code: number, count: number, k: number): number {
  const bits = code >>> (6 * (count - 1 - k));
  return k === 0 ? LEADS[count] | bits : 0x80 | (bits & 0x3f);
}

/** For every UTF-8 byte of a part of the text: first and last UTF-16 unit, within the text, of the character it belongs to. */
export function byteUnits(text: string, from: number, to: number): { first: Int32Array; last: Int32Array } {
  const size = MOST_BYTES * (to - from);
  const first = new Int32Array(size);
  const last = new Int32Array(size);
  let at = 0;
  for (let unit = from; unit < to;) {
    const code = text.codePointAt(unit)!;
    const units = code > 0xffff ? 2 : 1;
    for (let left = bytesOf(code); left > 0; left--) {
      first[at] = unit;
      last[at++] = unit + units - 1;
    }
    unit += units;
  }
  return { first, last };
}
