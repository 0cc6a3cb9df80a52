// The header of a safetensors file: element types, and the rules that make a header trustworthy.
import { WasmformerError } from '../errors';
import { findJsonFlaw, isJsonObject } from './json';
import { lookalike } from './lookalikes';

/** Longest header that the format allows, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;

/** Size of one element in bits. */
export const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** Element type, as the format spells it. */
export type SafetensorsDtype = keyof typeof DTYPE_BITS;

/** Where a tensor's bytes lie. Elements are little-endian, in row-major order. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  /** Shape; empty for a scalar. */
  readonly dims: readonly number[];
  readonly byteLength: number;
  /** The file that holds it. */
  readonly file: string;
  /** Position of its first byte in that file. */
  readonly offset: number;
}

export interface Header {
  /** In the order of their bytes in the file. */
  readonly tensors: Map<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

const INTEGER_KEYS: ReadonlySet<string> = new Set(['shape', 'data_offsets']);

/** The header's length from the first 8 bytes of the file. */
export function parseHeaderLength(prefix: Uint8Array, fileSize: number, where: string): number {
  const bytes = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = bytes.getUint32(0, true) + bytes.getUint32(4, true) * 2 ** 32;
  if (length > MAX_HEADER_BYTES) {
    const found = lookalike(String.fromCharCode(...prefix));
    throw invalid(
      where,
      found
        ? `it is not a safetensors file but ${found}`
        : `its header claims ${length} bytes, more than the ${MAX_HEADER_BYTES} that the format allows; ` +
            'it is damaged or not a safetensors file',
    );
  }
  if (8 + length > fileSize) {
    throw invalid(where, `its header claims ${length} bytes, but the file has ${fileSize}; download it again`);
  }
  return length;
}

/**
 * Parses and checks the header's JSON.
 * @param bytes the header without its length
 * @param fileSize Infinity where it is not known: then a file that ends early is found when it is read
 * @throws INVALID_FILE that names the file, and the tensor at fault
 */
export function parseHeader(bytes: Uint8Array, fileSize: number, file: string, where: string): Header {
  const header = parseHeaderJson(bytes, where);
  const dataStart = 8 + bytes.byteLength;
  const entries: TensorEntry[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = parseMetadata(value, where);
    else entries.push(parseEntry(name, value, file, dataStart, where));
  }

  entries.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = dataStart;
  for (const entry of entries) {
    if (entry.offset !== end) {
      const problem = entry.offset < end ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw invalid(
        where,
        `tensor ${quote(entry.name)} ${problem}: it starts at ${entry.offset - dataStart}, not at ${end - dataStart}`,
      );
    }
    end += entry.byteLength;
  }
  if (end !== fileSize && fileSize !== Infinity) {
    const problem = end > fileSize ? 'it is truncated; download it again' : 'bytes follow that belong to no tensor';
    throw invalid(where, `its tensors end at byte ${end}, but the file has ${fileSize}: ${problem}`);
  }
  return { tensors: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

/** Number of bytes of a tensor, or undefined if that is no whole number below 2^53. */
export function tensorBytes(dtype: SafetensorsDtype, dims: readonly number[]): number | undefined {
  let count = 1;
  for (const dim of dims) {
    count *= dim;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  const bits = DTYPE_BITS[dtype];
  // Elements of 4 or 6 bits: a product beyond 2^53 bits is refused although its bytes would fit.
  const bytes = bits % 8 === 0 ? count * (bits / 8) : Number.isSafeInteger(count * bits) ? (count * bits) / 8 : NaN;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

function parseHeaderJson(bytes: Uint8Array, where: string): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid(where, 'its header is not UTF-8 text');
  }
  if (!text.startsWith('{')) throw invalid(where, 'its header does not start with "{"');
  const flaw = findJsonFlaw(text, { integerKeys: INTEGER_KEYS });
  if (flaw !== undefined) throw invalid(where, `in its header ${flaw}`);
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw invalid(where, `its header is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isJsonObject(header)) throw invalid(where, 'its header is not a JSON object');
  return header;
}

function parseMetadata(value: unknown, where: string): Readonly<Record<string, string>> {
  if (value === null) return {};
  if (!isJsonObject(value)) throw invalid(where, '__metadata__ in its header is not an object');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw invalid(where, `__metadata__ ${quote(key)} in its header is not a string`);
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown, file: string, dataStart: number, where: string): TensorEntry {
  const fail = (problem: string) => invalid(where, `tensor ${quote(name)} ${problem}`);
  // Half a surrogate pair can be escaped in JSON but is no text.
  if (/\p{Cs}/u.test(name)) throw fail('has a name that is not Unicode text');
  if (!isJsonObject(value)) throw fail('is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    throw fail(`has dtype ${quote(dtype)}; known are ${Object.keys(DTYPE_BITS).join(', ')}`);
  }
  if (!isSizeArray(shape)) throw fail('has a shape that is not a list of integers from 0 to 2^53 - 1');
  if (!isSizeArray(offsets) || offsets.length !== 2) {
    throw fail('has data_offsets that are not two integers from 0 to 2^53 - 1');
  }
  const [start, end] = offsets;
  if (end < start) throw fail(`ends before it starts: data_offsets [${start}, ${end}]`);
  const byteLength = tensorBytes(dtype, shape);
  if (byteLength === undefined) {
    throw fail(`has the shape ${quote(shape)} of ${dtype}, which is no whole number of bytes below 2^53`);
  }
  if (byteLength !== end - start) {
    throw fail(`of shape ${quote(shape)} and dtype ${dtype} takes ${byteLength} bytes, not ${end - start}`);
  }
  return { name, dtype, dims: shape, byteLength, file, offset: dataStart + start };
}

function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(DTYPE_BITS, value);
}

function isSizeArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function invalid(where: string, problem: string): WasmformerError {
  return new WasmformerError('INVALID_FILE', `${where}: ${problem}`);
}

/** A value from the file, short enough for a message. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
