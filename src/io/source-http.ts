// Files on a web server, read by range requests, or from one running download where the server has no ranges.
import { abortable, WasmformerError } from '../errors';
import { bodySize, checkRange, checkUnchanged, type KnownFile } from './http-headers';
import type { ParseJson } from './json';
import type { RemoteFiles } from './remote-files';
import { BaseSource } from './source-base';
import { BodyReader, endedEarly, request, retrying, shownUrl } from './source-request';

/** What the first answer told about a file; later answers must agree. */
interface RemoteFile extends KnownFile {
  size: number | undefined;
  /** The server does not tell the size, asked by GET and by HEAD. */
  isSizeless: boolean;
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
  private readonly remote: RemoteFiles;
  private readonly known = new Map<string, RemoteFile>();

  constructor(remote: RemoteFiles) {
    super(remote.weights);
    this.remote = remote;
    this.name = remote.name;
    if (remote.canList) this.list = () => remote.names();
  }

  async close(): Promise<void> {
    for (const remote of this.known.values()) {
      remote.closed = true;
      hangUp(remote);
    }
    this.known.clear();
  }

  override async has(file: string, signal?: AbortSignal): Promise<boolean> {
    this.checkCall(file, signal);
    return (await this.remote.ifThere(() => this.inquire(file, signal))) !== undefined;
  }

  override async readAll(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    this.checkCall(file, signal);
    return this.remote.readAll(file, signal);
  }

  override async readJsonIfThere(file: string, signal?: AbortSignal, parse?: ParseJson): Promise<unknown> {
    return this.remote.ifThere(() => this.readJson(file, signal, parse));
  }

  protected override where(file: string): string {
    return shownUrl(this.remote.url(file));
  }

  protected async find(file: string, signal?: AbortSignal): Promise<number> {
    const remote = await this.inquire(file, signal);
    if (remote.size === undefined && !remote.isSizeless) {
      remote.size = await this.sizeByHead(remote.url, signal);
      remote.isSizeless = remote.size === undefined;
    }
    return remote.size ?? Infinity;
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
      this.remote.onProgress?.(file, Math.min(remote.taken, remote.size ?? Infinity), remote.size);
      return target;
    };
    if (filled === length) return arrived();
    const read = remote.queue.then(() => retrying(() => this.readDownload(remote, target, offset, signal), signal));
    remote.queue = read.catch(() => undefined);
    await abortable(read, signal);
    return arrived();
  }

  /** What the server says of a file, asked for once. */
  private async inquire(file: string, signal?: AbortSignal): Promise<RemoteFile> {
    const known = this.known.get(file);
    if (known) return known;
    const { size, etag, ranges } = await this.remote.ask(file, {}, signal);
    // Another call may have asked at the same time: one record per file, so that all agree on the tag.
    const remote = this.known.get(file) ?? {
      url: this.remote.url(file),
      size,
      isSizeless: false,
      etag,
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

  private async sizeByHead(url: string, signal?: AbortSignal): Promise<number | undefined> {
    const head = () =>
      request(this.remote.fetch, url, { method: 'HEAD', signal }, async ({ response }) => bodySize(response.headers));
    try {
      return await retrying(head, signal);
    } catch (error) {
      // HEAD may be refused where GET is not
      if (signal?.aborted) throw error;
      return undefined;
    }
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
    return request(this.remote.fetch, url, { range: `bytes=${from}-${to}`, signal }, async (connection) => {
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
    const { size = offset + target.byteLength } = remote;
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
    if (body.position === remote.size) hangUp(remote);
  }

  /** Starts a download at `offset`, or at the front if the server has no ranges. */
  private startDownload(remote: RemoteFile, offset: number, signal?: AbortSignal): Promise<Download> {
    if (!remote.ranges && remote.downloaded > MAX_DOWNLOADS * (remote.size ?? remote.end) + FREE_DOWNLOAD_BYTES) {
      throw new WasmformerError(
        'NETWORK',
        `${shownUrl(remote.url)} was downloaded ${MAX_DOWNLOADS} times over: the server ignores range requests and ` +
          'the file is not read front to back; use a server with range requests, or download the file first',
      );
    }
    // An open range makes fetch ask for the bytes as they are, uncompressed, also of a server that ignores it.
    const from = remote.ranges ? offset : 0;
    return request(this.remote.fetch, remote.url, { range: `bytes=${from}-`, signal }, async (connection) => {
      const { response, hangUp } = connection;
      checkUnchanged(remote, response.headers, response.status);
      const body = new BodyReader(connection, remote.url);
      if (response.status === 206) {
        checkRange(remote, response.headers, from, remote.size === undefined ? undefined : remote.size - 1);
        body.position = from;
      } else {
        remote.ranges = false;
      }
      return { body, hangUp };
    });
  }
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
