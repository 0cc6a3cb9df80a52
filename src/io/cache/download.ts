// One file from a server into storage: continued where it broke off, and believed only when size and hash agree.
import { abortError, WasmformerError } from '../../errors';
import { checkRange, parseContentRange } from '../http-headers';
import { PIECE_BYTES } from '../source-base';
import { BodyReader, endedEarly, request, retrying, shownUrl } from '../source-request';
import { isSameContent, type FileFacts, type Hasher, type Incoming, type Store, type StoredFile } from './store';

export interface DownloadOptions {
  readonly store: Store;
  readonly fetch: typeof fetch;
  readonly url: string;
  /** What the server said of the file before. */
  readonly facts: FileFacts;
  readonly createHasher: () => Promise<Hasher>;
  readonly signal?: AbortSignal;
  /** Bytes that are there, and of all if that is known. */
  readonly onProgress?: (loaded: number, total: number | undefined) => void;
}

/** Git's hash is compared up to this size, since it is taken of the whole. Git itself holds no larger files on the Hub. */
const MAX_GIT_BYTES = 16 * 1024 * 1024;

/**
 * Downloads a file, unless somebody else has done so meanwhile. An abort or a lost connection keeps what came for the next try.
 * @throws NETWORK, INVALID_FILE (the content is not what the server says it is), WRITE_FAILED, ABORTED
 */
export function download(options: DownloadOptions): Promise<StoredFile> {
  const { store, url, facts, signal } = options;
  return store.exclusive(url, signal, async () => {
    const found = await store.find(url);
    if (found && 'sha256' in found && !found.touched && isSameContent(found, facts)) return found;
    const resumed = await receive(options);
    // What an earlier try left may have been of other content: once more, from the front.
    return resumed ?? (await receive(options)) ?? mismatch(url, 'its parts do not fit together');
  });
}

/** Undefined if the content is wrong and began with what an earlier try had left. */
async function receive(options: DownloadOptions): Promise<StoredFile | undefined> {
  const { store, url, facts, createHasher } = options;
  const incoming = await store.begin(url, facts);
  const left = incoming.have;
  const hasher = await createHasher();
  try {
    await eachPiece(incoming, 0, left, (bytes) => hasher.update(bytes));
    await fill(options, incoming, hasher);
  } catch (error) {
    // of a file that changed nothing is worth keeping, and a full disk is not left full
    const useless = error instanceof WasmformerError && ['INVALID_FILE', 'WRITE_FAILED'].includes(error.code);
    await (useless ? incoming.discard() : incoming.pause());
    throw error;
  }
  const sha256 = hasher.digest();
  const flaw = await flawOf(incoming, sha256, facts);
  if (flaw !== undefined) {
    await incoming.discard();
    return left > 0 ? undefined : mismatch(url, flaw);
  }
  const file: StoredFile = { ...facts, url, size: incoming.have, sha256, saved: Date.now() };
  await incoming.finish(file);
  return file;
}

/** Receives what is missing. */
async function fill(options: DownloadOptions, incoming: Incoming, hasher: Hasher): Promise<void> {
  const { fetch, url, facts, signal, onProgress } = options;
  const { size } = facts;
  onProgress?.(incoming.have, size);
  const attempt = async (): Promise<void> => {
    const from = incoming.have;
    if (size !== undefined && from === size) return;
    // An open range makes fetch ask for the bytes as they are, uncompressed.
    await request(fetch, url, { range: `bytes=${from}-`, cache: 'no-store', signal }, async (connection) => {
      const { status, headers } = connection.response;
      if (status === 416) throw changed(url);
      const total = status === 206 ? parseContentRange(headers.get('content-range')).total : undefined;
      if (size !== undefined && total !== undefined && total !== size) throw changed(url);
      if (status === 206 && size !== undefined) checkRange({ url, size, etag: undefined }, headers, from, size - 1);
      const body = new BodyReader(connection, url);
      // a server without ranges begins again: what is there is passed over
      if (status === 200 && from > 0 && (await body.skip(from)) < from)
        throw endedEarly(url, body.position, size ?? from);
      for (let bytes = await body.next(); bytes; bytes = await body.next()) {
        if (signal?.aborted) throw abortError(signal.reason);
        if (size !== undefined && incoming.have + bytes.byteLength > size) throw changed(url);
        await hasher.update(bytes);
        await incoming.write(bytes);
        onProgress?.(incoming.have, size);
      }
      if (size !== undefined && incoming.have < size) throw endedEarly(url, incoming.have, size);
    });
  };
  await retrying(attempt, signal, () => incoming.have);
}

/** What is wrong with the content, in words. */
async function flawOf(incoming: Incoming, sha256: string, facts: FileFacts): Promise<string | undefined> {
  if (facts.sha256 !== undefined && facts.sha256 !== sha256) {
    return `its SHA-256 should be ${facts.sha256}, and is ${sha256}`;
  }
  const { gitHash } = facts;
  const { subtle } = globalThis.crypto ?? {};
  if (gitHash === undefined || incoming.have > MAX_GIT_BYTES || !subtle) return undefined;
  const head = new TextEncoder().encode(`blob ${incoming.have}\0`);
  const all = new Uint8Array(head.byteLength + incoming.have);
  all.set(head);
  let at = head.byteLength;
  await eachPiece(incoming, 0, incoming.have, (bytes) => {
    all.set(bytes, at);
    at += bytes.byteLength;
  });
  const digest = new Uint8Array(await subtle.digest('SHA-1', all));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hash === gitHash ? undefined : `its Git hash should be ${gitHash}, and is ${hash}`;
}

/** Reads a range piece by piece. */
export async function eachPiece(
  file: { read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> },
  from: number,
  to: number,
  use: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<void> {
  for (let at = from; at < to; at += PIECE_BYTES) await use(await file.read(at, Math.min(PIECE_BYTES, to - at)));
}

function changed(url: string): WasmformerError {
  return new WasmformerError('INVALID_FILE', `${shownUrl(url)} has another size than the server said; load it again`);
}

function mismatch(url: string, flaw: string): never {
  throw new WasmformerError('INVALID_FILE', `${shownUrl(url)} arrived damaged: ${flaw}; try again`);
}
