// The members of a zip file: where each one's bytes lie. PyTorch stores them as they are, uncompressed.
import { WasmformerError } from '../../errors';
import type { Source } from '../source-base';

/** A member of a zip file. */
export interface Member {
  readonly name: string;
  /** Bytes of its content. */
  readonly size: number;
  /** Position of its local header, which its content follows. */
  readonly header: number;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** The record at the end and the longest comment behind it. */
const END_BYTES = 22;
const MAX_COMMENT = 65_535;
/** A directory of more bytes than this is no checkpoint's. */
const MAX_DIRECTORY = 64 * 2 ** 20;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function invalid(where: string, problem: string): WasmformerError {
  return new WasmformerError('INVALID_FILE', `${where}: ${problem}; it is truncated or damaged, download it again`);
}

/** Members by name. Reads the directory at the file's end, no content. */
export async function readZip(
  source: Source,
  file: string,
  size: number,
  where: string,
  signal?: AbortSignal,
): Promise<Map<string, Member>> {
  const tailBytes = Math.min(size, END_BYTES + MAX_COMMENT);
  const tail = viewOf(await source.read(file, size - tailBytes, tailBytes, signal));
  let end = tailBytes - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END) end--;
  if (end < 0) throw invalid(where, 'a zip file without a directory at its end');
  let count = tail.getUint16(end + 10, true);
  let length = tail.getUint32(end + 12, true);
  let start = tail.getUint32(end + 16, true);
  if (end >= 20 && tail.getUint32(end - 20, true) === LOCATOR_64) {
    const at = Number(tail.getBigUint64(end - 20 + 8, true));
    if (at + 56 > size) throw invalid(where, 'its directory lies outside the file');
    const record = viewOf(await source.read(file, at, 56, signal));
    if (record.getUint32(0, true) !== END_64) throw invalid(where, 'its directory is not where it should be');
    count = Number(record.getBigUint64(32, true));
    length = Number(record.getBigUint64(40, true));
    start = Number(record.getBigUint64(48, true));
  }
  if (start + length > size) throw invalid(where, 'its directory lies outside the file');
  if (length > MAX_DIRECTORY) throw invalid(where, `a directory of ${length} bytes`);
  return readDirectory(await source.read(file, start, length, signal), count, size, where);
}

function readDirectory(bytes: Uint8Array, count: number, fileSize: number, where: string): Map<string, Member> {
  const view = viewOf(bytes);
  const members = new Map<string, Member>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL)
      throw invalid(where, 'its directory is cut off');
    const method = view.getUint16(at + 10, true);
    const [packed, unpacked, header] = [20, 24, 42].map((field) => view.getUint32(at + field, true));
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const extra = at + 46 + nameLength;
    const next = extra + extraLength + commentLength;
    if (next > bytes.length) throw invalid(where, 'its directory is cut off');
    const name = new TextDecoder().decode(bytes.subarray(at + 46, extra));
    const [size, stored, local] = wide(view, extra, extra + extraLength, [unpacked, packed, header]);
    if (method !== 0 || size !== stored) {
      throw new WasmformerError(
        'INVALID_FILE',
        `${where}: ${JSON.stringify(name)} is compressed, which PyTorch never does; save the checkpoint again`,
      );
    }
    if (local + 30 + size > fileSize) throw invalid(where, `${JSON.stringify(name)} lies outside the file`);
    if (members.has(name)) throw invalid(where, `it has ${JSON.stringify(name)} twice`);
    members.set(name, { name, size, header: local });
    at = next;
  }
  return members;
}

/** Values that were too large for 32 bits are in an extra field, in their order. */
function wide(view: DataView, at: number, end: number, values: number[]): number[] {
  while (at + 4 <= end) {
    const [id, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (id === 1) {
      let field = at + 4;
      return values.map((value) => {
        if (value !== 0xffffffff || field + 8 > Math.min(end, at + 4 + length)) return value;
        field += 8;
        return Number(view.getBigUint64(field - 8, true));
      });
    }
    at += 4 + length;
  }
  return values;
}

/** Position of a member's first byte. */
export async function contentStart(
  source: Source,
  file: string,
  { name, size, header }: Member,
  where: string,
  signal?: AbortSignal,
): Promise<number> {
  const local = viewOf(await source.read(file, header, 30, signal));
  const start = header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  const isInside = local.getUint32(0, true) === LOCAL && start + size <= (await source.size(file, signal));
  if (!isInside) throw invalid(where, `${JSON.stringify(name)} is not where the directory says`);
  return start;
}
