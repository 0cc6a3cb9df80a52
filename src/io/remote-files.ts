// What a web server says of a folder's files: sizes, tags, hashes, the repository's list. Nothing of their content is read here but
// small files as a whole.
import { throwIfAborted, WasmformerError } from '../errors';
import type { FileFacts } from './cache/store';
import { bodySize, etagOf, factsOf, parseContentRange } from './http-headers';
import { isJsonObject, parseJson } from './json';
import {
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

/** Told what arrived of a file: bytes, and of all if that is known. */
export type OnDownload = (file: string, loaded: number, total: number | undefined) => void;

export interface RemoteFilesOptions {
  fetch: typeof fetch;
  /** For messages. Default the URL. */
  name?: string;
  /** The weight file that the user named. */
  weights?: string;
  /** Added to messages about failed requests. */
  hint?: string;
  onProgress?: OnDownload;
  /** Whether the server has the Hub's layout: then tags of 64 hexadecimal digits are SHA-256. */
  isHub?: boolean;
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

/** The answer to a request for a file's first byte. */
export interface FirstAnswer {
  /** Undefined until the server has told it. */
  readonly size: number | undefined;
  readonly etag: string | undefined;
  /** Whether the server answers ranges. */
  readonly ranges: boolean;
  readonly facts: FileFacts;
  /** It sends elsewhere. */
  readonly moved: boolean;
}

/** The files at `{base}/{file}`. */
export class RemoteFiles {
  readonly name: string;
  readonly weights?: string;
  readonly fetch: typeof fetch;
  readonly onProgress: OnDownload | undefined;
  readonly canList: boolean;
  private readonly base: string;
  private readonly query: string;
  private readonly hint: string | undefined;
  private readonly isHub: boolean;
  private readonly listUrl: string | undefined;
  private listed: Promise<Listing | undefined> | undefined;
  /** The server has answered with a file. */
  private hasServed = false;

  /** @param url folder URL; a query is kept and sent with every request */
  constructor(url: string, options: RemoteFilesOptions) {
    const parsed = new URL(url);
    this.query = parsed.search;
    this.base = `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`;
    this.name = options.name ?? this.base;
    this.weights = options.weights;
    this.fetch = options.fetch;
    this.hint = options.hint;
    this.onProgress = options.onProgress;
    this.isHub = options.isHub ?? false;
    this.listUrl = options.listUrl;
    this.canList = this.listUrl !== undefined;
  }

  url(file: string): string {
    return `${this.base}/${file.split('/').map(encodeURIComponent).join('/')}${this.query}`;
  }

  /** What the server says of a file; undefined if it has none. */
  async facts(file: string, signal?: AbortSignal): Promise<FileFacts | undefined> {
    return this.ifThere(async () => {
      // Of a large file the Hub tells size and hash only where it sends elsewhere.
      const first = await this.ask(file, { redirect: 'manual', cache: 'no-store' }, signal);
      if (!first.moved) return { ...first.facts, size: first.size };
      const { size, etag } = await this.ask(file, { cache: 'no-store' }, signal);
      return { etag, size, ...first.facts };
    });
  }

  /** What `ask` gives; undefined if the server says that there is no such file. */
  async ifThere<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof WasmformerError && error.code === 'FILE_NOT_FOUND') return undefined;
      // Object stores deny what does not exist. That others are served shows that access as such is granted.
      if (isDenied(error) && this.hasServed) return undefined;
      throw error;
    }
  }

  /** Size, tag and abilities, from a request for the first byte: HEAD is refused by signed URLs. */
  ask(
    file: string,
    how: { redirect?: 'manual'; cache?: RequestCache } = {},
    signal?: AbortSignal,
  ): Promise<FirstAnswer> {
    const url = this.url(file);
    return this.asking(
      () =>
        request(this.fetch, url, { range: 'bytes=0-0', ...how, signal }, async (connection) => {
          const { response } = connection;
          const { status, headers } = response;
          const moved = isRedirect(response);
          const ranges = status !== 200;
          const size = ranges ? parseContentRange(headers.get('content-range')).total : bodySize(headers);
          if (status === 416 && size !== 0) {
            throw new WasmformerError('NETWORK', `${shownUrl(url)}: the server answered 416 to a request for byte 0`);
          }
          await discard(connection);
          this.hasServed ||= !moved;
          return { size, etag: etagOf(headers), ranges, facts: factsOf(headers, this.isHub), moved };
        }),
      signal,
    );
  }

  /** The repository's files, where the server has the Hub's listing. Asked for once. */
  listing(signal?: AbortSignal): Promise<Listing | undefined> {
    this.listed ??= this.readListing(signal).catch((error: unknown) => {
      this.listed = undefined;
      throw error;
    });
    return this.listed;
  }

  /** Names of the files directly in the repository. Throws FILE_NOT_FOUND where the server does not tell them. */
  async names(): Promise<string[]> {
    const listing = await this.listing();
    if (!listing) throw new WasmformerError('FILE_NOT_FOUND', `${this.name}: its server lists no files`);
    return [...listing.files.keys()].filter((name) => !name.includes('/'));
  }

  /** A whole (small) file in one plain request. */
  async readAll(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.download(this.url(file), signal);
    this.hasServed = true;
    this.onProgress?.(file, bytes.byteLength, bytes.byteLength);
    return bytes;
  }

  private download(url: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return this.asking(
      () =>
        request(this.fetch, url, { signal }, async (connection) => {
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

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
