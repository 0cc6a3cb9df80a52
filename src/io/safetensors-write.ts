// Writes safetensors files.
import { WasmformerError } from '../errors';
import { DTYPE_BITS, tensorBytes } from './safetensors-header';
import type { SafetensorsDtype } from './safetensors-header';

export interface TensorToWrite {
  name: string;
  dtype: SafetensorsDtype;
  dims: readonly number[];
  /** The elements, little-endian, row-major. */
  data: Uint8Array;
}

/** Types from the most to the least strictly aligned, so that every tensor starts at a multiple of its element size. */
const ALIGNMENT_ORDER = Object.keys(DTYPE_BITS).reverse();

/** A tensor without its elements. */
type Described = Omit<TensorToWrite, 'data'>;

/** Where everything goes in a file. */
export interface SafetensorsLayout<T extends Described> {
  /** The start of the file: length and header. */
  head: Uint8Array<ArrayBuffer>;
  /** In the order in which their elements follow. */
  tensors: T[];
  /** Of the whole file. */
  bytes: number;
}

/**
 * A safetensors file with the given tensors.
 * @throws INVALID_ARGUMENT: a name twice or reserved, a shape that does not fit the data
 */
export function writeSafetensors(
  tensors: Iterable<TensorToWrite>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const { head, tensors: sorted, bytes } = layoutSafetensors(tensors, metadata);
  const file = new Uint8Array(bytes);
  file.set(head);
  let at = head.byteLength;
  for (const { data } of sorted) {
    file.set(data, at);
    at += data.byteLength;
  }
  return file;
}

/**
 * The layout of a file, as the format's own library has it: by falling alignment, then by name; the header padded with
 * spaces to a multiple of 8 bytes.
 * @throws INVALID_ARGUMENT: a name twice or reserved, a shape that does not fit the data, if that is given
 */
export function layoutSafetensors<T extends Described & { data?: Uint8Array }>(
  tensors: Iterable<T>,
  metadata?: Readonly<Record<string, string>>,
): SafetensorsLayout<T> {
  const sorted = [...tensors].sort(
    (a, b) =>
      ALIGNMENT_ORDER.indexOf(a.dtype) - ALIGNMENT_ORDER.indexOf(b.dtype) ||
      (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
  const header = new Map<string, unknown>();
  if (metadata) header.set('__metadata__', metadata);
  let end = 0;
  for (const { name, dtype, dims, data } of sorted) {
    const bytes = check(name, dtype, dims, data, header);
    header.set(name, { dtype, shape: dims, data_offsets: [end, end + bytes] });
    end += bytes;
  }

  // Written member by member: an object would put names that look like numbers first.
  const members = [...header].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const headerBytes = Math.ceil(json.byteLength / 8) * 8;
  const head = new Uint8Array(8 + headerBytes);
  new DataView(head.buffer).setUint32(0, headerBytes, true);
  head.set(json, 8);
  head.fill(0x20, 8 + json.byteLength);
  return { head, tensors: sorted, bytes: head.byteLength + end };
}

/** Gives the tensor's bytes. */
function check(
  name: string,
  dtype: SafetensorsDtype,
  dims: readonly number[],
  data: Uint8Array | undefined,
  written: ReadonlyMap<string, unknown>,
): number {
  const fail = (problem: string) =>
    new WasmformerError('INVALID_ARGUMENT', `cannot write tensor ${JSON.stringify(name)}: ${problem}`);
  if (name === '__metadata__' || /\p{Cs}/u.test(name)) throw fail('the format does not allow this name');
  if (written.has(name)) throw fail('another one has the same name');
  if (!Object.hasOwn(DTYPE_BITS, dtype)) throw fail(`unknown dtype ${JSON.stringify(dtype)}`);
  const valid = dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
  const bytes = valid ? tensorBytes(dtype, dims) : undefined;
  if (bytes === undefined || bytes !== (data?.byteLength ?? bytes)) {
    throw fail(`the shape [${dims.join(', ')}] of ${dtype} does not fit ${data?.byteLength ?? 0} bytes of data`);
  }
  return bytes;
}
