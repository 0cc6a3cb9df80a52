// Files on a web server, read by range requests, or from one running download where the server has no ranges.
import { throwIfAborted, WasmformerError } from '../errors';
import type { FileFacts } from './cache/store';
import {
  bodySize,
  checkRange,
  checkUnchanged,
  etagOf,
  factsOf,
  parseContentRange,
  type KnownFile,
} from './http-headers';
import { isJsonObject, parseJson } from './json';
import { BaseSource } from './source-base';
import {
  abortable,
  BodyReader,
  discard,
  endedEarly,
  isDenied,
  isRedirect,
  request,
  retrying,
  shownUrl,
  StatusError,
} from './source-request';

/** What the first answer told about a file; later answers must agree. */
interface RemoteFile extends KnownFile {
  size: number | undefined;
  /** Whether the server answers ranges. */
  ranges: boolean;
  /** End of the last read, and how many reads in a row began where the one before ended. */
  end: number;
  run: number;
  /** The running download, the bytes taken from all downloads so far, and the queue of reads from them. */
  download?: Download;
  downloaded: number;
  /** Bytes that reads were given. */
  taken: number;
  queue: Promise<unknown>;
  closed: boolean;
}

interface Download {
  readonly body: BodyReader;
  hangUp(): void;
}

export interface HttpSourceOptions {
  fetch: typeof fetch;
  /** For messages. Default the URL. */
  name?: string;
  weights?: string;
  /** Added to messages about failed requests. */
  hint?: string;
  /** Whether the server has the Hub's layout: then tags of 64 hexadecimal digits are SHA-256. */
  isHub?: boolean;
  /** Told what arrived of a file: bytes, and of all if that is known. */
  onProgress?: (file: string, loaded: number, total: number | undefined) => void;
  /** URL whose JSON answer lists the repository's files (`{ sha, siblings: [{ rfilename }] }`), as the Hub has it. */
  listUrl?: string;
}

/** A repository as the Hub lists it. */
export interface Listing {
  readonly commit?: string;
  readonly files: ReadonlyMap<string, FileFacts>;
  /** Whether it tells sizes or hashes, as the Hub does: then what it does not list does not exist. */
  readonly isDetailed: boolean;
}

/** Reads in a row after which one download replaces requests for ranges: a header's two reads are not a run yet. */
const RUN_LENGTH = 2;
/** Bytes that a run may leave out; passing over them is cheaper than a new request. */
const MAX_GAP_BYTES = 256 * 1024;
/** Without ranges, reading backwards starts the download again: up to this many times the file's size in all. */
const MAX_DOWNLOADS = 8;
/** Small files may be downloaded more often. */
const FREE_DOWNLOAD_BYTES = 64 * 1024 * 1024;

/**
 * A source over `{base}/{file}`.
 *
 * Reads are range requests, until some follow one another through the file: then they share one running download, so
 * that a checkpoint of many small tensors is not a request each. A server that ignores ranges is read from such a
 * download always: a read behind its position continues it (bytes between are dropped), a read before it starts it
 * again, so reads should go in file order. Nothing beyond the piece asked for is held in memory. A download stays open
 * until the file's end is read or the source is closed.
 * Failures that may pass (connection lost, 408, 425, 429, 5xx) are tried four times; a range continues where it broke.
 */
export class HttpSource extends BaseSource {
  readonly name: string;
  readonly list?: () => Promise<string[]>;
  private readonly base: string;
  private readonly query: string;
  private readonly fetchFile: typeof fetch;
  private readonly hint: string | undefined;
  private readonly onProgress: HttpSourceOptions['onProgress'];
  private readonly isHub: boolean;
  private readonly listUrl: string | undefined;
  private listed: Promise<Listing | undefined> | undefined;
  private readonly known = new Map<string, RemoteFile>();

  /** @param url folder URL; a query is kept and sent with every request */
  constructor(url: string, options: HttpSourceOptions) {
    super(options.weights);
    const parsed = new URL(url);
    this.query = parsed.search;
    this.base = `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`;
    this.name = options.name ?? this.base;
    this.fetchFile = options.fetch;
    this.hint = options.hint;
    this.onProgress = options.onProgress;
    this.isHub = options.isHub ?? false;
    this.listUrl = options.listUrl;
    if (this.listUrl !== undefined) this.list = () => this.names();
  }

  async close(): Promise<void> {
    for (const remote of this.known.values()) {
      remote.closed = true;
      hangUp(remote);
    }
    this.known.clear();
  }

  override async has(file: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.ifThere(file, signal, () => this.inquire(file, signal))) !== undefined;
  }

  /** What the server says of a file, without reading it; undefined if it has none. */
  async facts(file: string, signal?: AbortSignal): Promise<FileFacts | undefined> {
    return this.ifThere(file, signal, async () => {
      const url = this.url(file);
      // Of a large file the Hub tells size and hash only where it sends elsewhere.
      const answer = await this.asking(
        () =>
          request(this.fetchFile, url, { range: 'bytes=0-0', redirect: 'manual', signal }, async (connection) => {
            const { response } = connection;
            const facts = factsOf(response.headers, this.isHub);
            const moved = isRedirect(response);
            const remote = moved ? undefined : this.remember(file, response);
            await discard(connection);
            return { facts, moved, size: remote?.size };
          }),
        signal,
      );
      if (!answer.moved) return { ...answer.facts, size: answer.size };
      const { size, etag } = await this.inquire(file, signal);
      return { etag, size, ...answer.facts };
    });
  }

  /** The repository's files, where the server has the Hub's listing. Asked for once. */
  listing(signal?: AbortSignal): Promise<Listing | undefined> {
    this.listed ??= this.readListing(signal).catch((error: unknown) => {
      this.listed = undefined;
      throw error;
    });
    return this.listed;
  }

  /** URL of a file, and the means to ask for it. */
  urlOf(file: string): { url: string; fetch: typeof fetch } {
    return { url: this.url(file), fetch: this.fetchFile };
  }

  override async readAll(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    this.checkCall(file, signal);
    const bytes = await this.download(this.url(file), signal);
    this.onProgress?.(file, bytes.byteLength, bytes.byteLength);
    return bytes;
  }

  protected override where(file: string): string {
    return shownUrl(this.url(file));
  }

  protected async find(file: string, signal?: AbortSignal): Promise<number | undefined> {
    const remote = await this.inquire(file, signal);
    remote.size ??= await this.sizeByHead(remote.url, signal);
    return remote.size;
  }

  protected async readWithin(
    file: string,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const remote = await this.inquire(file, signal);
    const target = new Uint8Array(length);
    const gap = offset - remote.end;
    remote.run = gap >= 0 && gap <= MAX_GAP_BYTES ? remote.run + 1 : 0;
    remote.end = offset + length;
    let filled = 0;
    if (remote.ranges && remote.run < RUN_LENGTH) {
      await retrying(async () => {
        filled = await this.readRange(remote, target, offset, filled, signal);
        if (remote.ranges && filled < length) throw endedEarly(remote.url, filled, length);
      }, signal);
    }
    const arrived = (): Uint8Array<ArrayBuffer> => {
      remote.taken += length;
      this.onProgress?.(file, Math.min(remote.taken, remote.size ?? Infinity), remote.size);
      return target;
    };
    if (filled === length) return arrived();
    const read = remote.queue.then(() => retrying(() => this.readDownload(remote, target, offset, signal), signal));
    remote.queue = read.catch(() => undefined);
    await abortable(read, signal, () => undefined);
    return arrived();
  }

  private async ifThere<T>(
    file: string,
    signal: AbortSignal | undefined,
    ask: () => Promise<T>,
  ): Promise<T | undefined> {
    this.checkCall(file, signal);
    try {
      return await ask();
    } catch (error) {
      if (error instanceof WasmformerError && error.code === 'FILE_NOT_FOUND') return undefined;
      // Object stores deny what does not exist. That others are served shows that access as such is granted.
      if (isDenied(error) && this.known.size > 0) return undefined;
      throw error;
    }
  }

  private url(file: string): string {
    return `${this.base}/${file.split('/').map(encodeURIComponent).join('/')}${this.query}`;
  }

  /** Size, tag and abilities, from a request for the first byte: HEAD is refused by signed URLs. */
  private async inquire(file: string, signal?: AbortSignal): Promise<RemoteFile> {
    const known = this.known.get(file);
    if (known) return known;
    return this.asking(
      () =>
        request(this.fetchFile, this.url(file), { range: 'bytes=0-0', signal }, async (connection) => {
          const remote = this.remember(file, connection.response);
          await discard(connection);
          return remote;
        }),
      signal,
    );
  }

  /** Keeps what the answer to a request for the first byte tells. */
  private remember(file: string, { status, headers }: Response): RemoteFile {
    const url = this.url(file);
    const ranges = status !== 200;
    const size = ranges ? parseContentRange(headers.get('content-range')).total : bodySize(headers);
    if (status === 416 && size !== 0) {
      throw new WasmformerError('NETWORK', `${shownUrl(url)}: the server answered 416 to a request for byte 0`);
    }
    // Another call may have asked at the same time: one record per file, so that all agree on the tag.
    const remote = this.known.get(file) ?? {
      url,
      size,
      etag: etagOf(headers),
      ranges,
      end: -Infinity,
      run: 0,
      downloaded: 0,
      taken: 0,
      queue: Promise.resolve(),
      closed: false,
    };
    this.known.set(file, remote);
    return remote;
  }

  private async sizeByHead(url: string, signal?: AbortSignal): Promise<number> {
    let failure: unknown;
    try {
      const head = () =>
        request(this.fetchFile, url, { method: 'HEAD', signal }, async ({ response }) => bodySize(response.headers));
      const size = await retrying(head, signal);
      if (size !== undefined) return size;
    } catch (error) {
      if (signal?.aborted) throw error;
      failure = error;
    }
    throw new WasmformerError(
      'NETWORK',
      `${shownUrl(url)}: the server tells no size; it must send Content-Length or answer range requests ` +
        '(across origins it must also expose Content-Range)',
      { cause: failure },
    );
  }

  /** One range request for what is missing of `target`; returns how much it holds afterwards. */
  private readRange(
    remote: RemoteFile,
    target: Uint8Array,
    offset: number,
    filled: number,
    signal?: AbortSignal,
  ): Promise<number> {
    const { url } = remote;
    const from = offset + filled;
    const to = offset + target.byteLength - 1;
    return request(this.fetchFile, url, { range: `bytes=${from}-${to}`, signal }, async (connection) => {
      const { status, headers } = connection.response;
      checkUnchanged(remote, headers, status);
      if (status === 200) {
        remote.ranges = false;
        connection.hangUp();
        return 0;
      }
      checkRange(remote, headers, from, to);
      const body = new BodyReader(connection, url);
      let reached = filled;
      try {
        reached = await body.fill(target, filled);
      } catch (error) {
        // What arrived is kept: the next attempt asks for the rest only.
        if (body.position === 0) throw error;
        return filled + body.position;
      }
      if (reached === target.byteLength && (await body.next())) {
        throw new WasmformerError('NETWORK', `${shownUrl(url)}: the server sent more than the range asked for`);
      }
      return reached;
    });
  }

  /** Fills `target` from the running download, which is started (again) where needed. */
  private async readDownload(
    remote: RemoteFile,
    target: Uint8Array,
    offset: number,
    signal?: AbortSignal,
  ): Promise<void> {
    checkOpen(remote);
    const size = remote.size ?? offset + target.byteLength;
    const gap = offset - (remote.download?.body.position ?? offset);
    if (gap < 0 || (remote.ranges && gap > MAX_GAP_BYTES)) hangUp(remote);
    const download = remote.download ?? (await this.startDownload(remote, offset, signal));
    remote.download = download;
    checkOpen(remote);
    const { body } = download;
    const start = body.position;
    const take = async (): Promise<void> => {
      const wanted = offset - body.position;
      const skipped = await body.skip(wanted);
      if (skipped < wanted) throw endedEarly(remote.url, body.position, size);
      const filled = await body.fill(target);
      if (filled < target.byteLength) throw endedEarly(remote.url, body.position, size);
    };
    try {
      await abortable(take(), signal, () => download.hangUp());
    } catch (error) {
      hangUp(remote);
      throw error;
    } finally {
      remote.downloaded += body.position - start;
    }
    if (body.position === size) hangUp(remote);
  }

  /** Starts a download at `offset`, or at the front if the server has no ranges. */
  private startDownload(remote: RemoteFile, offset: number, signal?: AbortSignal): Promise<Download> {
    if (!remote.ranges && remote.downloaded > MAX_DOWNLOADS * (remote.size ?? 0) + FREE_DOWNLOAD_BYTES) {
      throw new WasmformerError(
        'NETWORK',
        `${shownUrl(remote.url)} was downloaded ${MAX_DOWNLOADS} times over: the server ignores range requests and ` +
          'the file is not read front to back; use a server with range requests, or download the file first',
      );
    }
    // An open range makes fetch ask for the bytes as they are, uncompressed, also of a server that ignores it.
    const from = remote.ranges ? offset : 0;
    return request(this.fetchFile, remote.url, { range: `bytes=${from}-`, signal }, async (connection) => {
      const { response, hangUp } = connection;
      checkUnchanged(remote, response.headers, response.status);
      const body = new BodyReader(connection, remote.url);
      if (response.status === 206) {
        checkRange(remote, response.headers, from, (remote.size ?? 0) - 1);
        body.position = from;
      } else {
        remote.ranges = false;
      }
      return { body, hangUp };
    });
  }

  /** A whole (small) file in one plain request. */
  private download(url: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return this.asking(
      () =>
        request(this.fetchFile, url, { signal }, async (connection) => {
          const { response } = connection;
          if (response.status !== 200) {
            throw new WasmformerError('NETWORK', `${shownUrl(url)}: the server answered ${response.status}`);
          }
          const body = new BodyReader(connection, url);
          const chunks: Uint8Array[] = [];
          for (let chunk = await body.next(); chunk; chunk = await body.next()) chunks.push(chunk);
          // Across origins a compressed body's length shows without the header that says it is compressed.
          const promised = response.type === 'cors' ? undefined : bodySize(response.headers);
          if (promised !== undefined && body.position < promised) throw endedEarly(url, body.position, promised);
          return concat(chunks, body.position);
        }),
      signal,
    );
  }

  /** Retries, and adds the hint to the error. */
  private async asking<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await retrying(attempt, signal);
    } catch (error) {
      if (this.hint === undefined || !(error instanceof WasmformerError) || error.code === 'ABORTED') throw error;
      const message = `${error.message} (${this.hint})`;
      if (error instanceof StatusError) throw new StatusError(message, error.status);
      throw new WasmformerError(error.code, message, { cause: error.cause });
    }
  }

  private async readListing(signal?: AbortSignal): Promise<Listing | undefined> {
    if (this.listUrl === undefined) return undefined;
    let answer: unknown;
    try {
      answer = parseJson(await this.download(`${this.listUrl}?blobs=true`, signal), shownUrl(this.listUrl));
    } catch (error) {
      throwIfAborted(signal);
      // A mirror may lack it. That the connection failed is something else.
      if (error instanceof WasmformerError && error.code === 'NETWORK' && !(error instanceof StatusError)) throw error;
      return undefined;
    }
    if (!isJsonObject(answer) || !Array.isArray(answer.siblings)) return undefined;
    const files = new Map(
      answer.siblings.filter(isJsonObject).map((file) => [String(file.rfilename), listedFacts(file)]),
    );
    return {
      commit: textOf(answer.sha),
      files,
      isDetailed: [...files.values()].some(({ size, gitHash }) => size !== undefined || gitHash !== undefined),
    };
  }

  private async names(): Promise<string[]> {
    const listing = await this.listing();
    if (!listing) throw new WasmformerError('FILE_NOT_FOUND', `${this.name}: its server lists no files`);
    return [...listing.files.keys()].filter((name) => !name.includes('/'));
  }
}

function listedFacts({ size, blobId, lfs }: Record<string, unknown>): FileFacts {
  const sha256 = isJsonObject(lfs) ? textOf(lfs.sha256) : undefined;
  // of a large file, git has only a pointer
  const gitHash = sha256 === undefined ? textOf(blobId) : undefined;
  return { size: typeof size === 'number' ? size : undefined, sha256, gitHash };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function hangUp(remote: RemoteFile): void {
  remote.download?.hangUp();
  remote.download = undefined;
}

/** A read that outlives its source would leave a connection behind. */
function checkOpen(remote: RemoteFile): void {
  if (!remote.closed) return;
  hangUp(remote);
  throw new WasmformerError('DISPOSED', `${shownUrl(remote.url)}: the source was closed during this read`);
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
