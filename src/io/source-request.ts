// One HTTP request and its body: errors with the library's codes, retries of what may pass, abort that closes the line.
import { abortable, throwIfAborted, WasmformerError } from '../errors';

/** How often a request is tried before its failure is reported. */
const ATTEMPTS = 4;
/** Wait before the second attempt; doubles each time. */
const FIRST_DELAY_MS = 200;
/** Longest wait that a server's Retry-After is granted. */
const MAX_DELAY_MS = 10_000;
/** Without a byte for this long, a connection is given up. */
const STALL_MS = 15_000;
/** Bodies up to this size are read to keep the connection; larger ones are cut off. */
const SMALL_BODY = 64 * 1024;

/** A failure that another attempt may cure. Never leaves this file. */
class TransientError extends Error {
  readonly delay?: number;

  constructor(message: string, cause?: unknown, delay?: number) {
    super(message, { cause });
    this.delay = delay;
  }
}

/** An answer that arrived, and the means to hang up. */
export interface Connection {
  readonly response: Response;
  hangUp(): void;
}

/** The URL without its query, which may hold a secret. */
export function shownUrl(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

/**
 * Runs `attempt` again after transient failures, with growing pauses. An abort rejects at once, whatever is under way.
 * @param progress grows as long as attempts bring something: then the failures before do not count
 */
export async function retrying<T>(
  attempt: () => Promise<T>,
  signal?: AbortSignal,
  progress: () => number = () => 0,
): Promise<T> {
  let reached = progress();
  for (let tried = 1; ; tried++) {
    throwIfAborted(signal);
    try {
      return await attempt();
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof TransientError)) throw error;
      if (progress() > reached) tried = 1;
      reached = progress();
      if (tried === ATTEMPTS) {
        const message = `${error.message} (tried ${ATTEMPTS} times); check the connection and try again`;
        throw new WasmformerError('NETWORK', message, { cause: error.cause });
      }
      await pause(Math.min(error.delay ?? FIRST_DELAY_MS * 2 ** (tried - 1), MAX_DELAY_MS), signal);
    }
  }
}

interface RequestOptions {
  method?: 'GET' | 'HEAD';
  range?: string;
  signal?: AbortSignal;
  /** 'manual': a redirect is passed to `use` like an answer; a browser shows nothing of it. Default 'follow'. */
  redirect?: 'follow' | 'manual';
  /** 'no-store': past the browser's own cache, which would keep a second copy. */
  cache?: RequestCache;
}

/**
 * Sends one GET or HEAD and passes the answer to `use`. The connection is closed if `signal` fires or `use` fails.
 * Answers other than 200, 206 and 416, and web pages (what a server with a catch-all route sends for a missing file),
 * are errors.
 * A connection whose body `use` leaves unread stays open until the caller hangs up.
 */
export async function request<T>(
  fetchFile: typeof fetch,
  url: string,
  options: RequestOptions,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const hangUp = () => controller.abort();
  const run = async (): Promise<T> => {
    const response = await inTime(send(fetchFile, url, options, controller.signal), url, hangUp);
    const connection: Connection = { response, hangUp };
    try {
      if (!isRedirect(response)) await checkStatus(connection, url);
      return await use(connection);
    } catch (error) {
      hangUp();
      throw error;
    }
  };
  return abortable(run(), options.signal, hangUp);
}

/** Whether an answer sends elsewhere, as far as it may be seen. */
export function isRedirect({ status, type }: Response): boolean {
  return type === 'opaqueredirect' || (status > 300 && status < 309 && status !== 304);
}

/** Settles as `step` does, unless nothing comes for too long. */
async function inTime<T>(step: Promise<T>, url: string, hangUp: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new TransientError(`${shownUrl(url)}: nothing came for ${STALL_MS / 1000} s`));
      hangUp();
    }, STALL_MS);
  });
  try {
    return await Promise.race([step, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A body, or what fetches of Node's own libraries give in its place: a stream of Node's. */
type NodeBody = Partial<ReadableStream<Uint8Array>> & {
  on?(event: 'error', listener: () => void): void;
  [Symbol.asyncIterator]?(): Chunks;
};

interface Chunks {
  next(): Promise<{ done?: boolean; value?: Uint8Array }>;
}

function chunksOf(response: Response): Chunks | undefined {
  const body = response.body as NodeBody | null;
  const reader = body?.getReader?.();
  return reader ? { next: () => reader.read() } : body?.[Symbol.asyncIterator]?.();
}

/** Reads a body front to back into buffers of the caller's choosing. */
export class BodyReader {
  /** Bytes consumed so far. */
  position = 0;
  private readonly url: string;
  private readonly hangUp: () => void;
  private readonly chunks: Chunks | undefined;
  private rest: Uint8Array = new Uint8Array(0);

  constructor({ response, hangUp }: Connection, url: string) {
    this.url = url;
    this.hangUp = hangUp;
    this.chunks = chunksOf(response);
  }

  /** The next bytes, or undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.rest.byteLength === 0) {
      const { done, value } = await this.pull();
      if (done || !value) return undefined;
      this.rest = value;
    }
    const chunk = this.rest;
    this.rest = new Uint8Array(0);
    this.position += chunk.byteLength;
    return chunk;
  }

  /** Fills `target` from index `from`; returns the index reached, less than its length only if the body ended. */
  async fill(target: Uint8Array, from = 0): Promise<number> {
    let filled = from;
    while (filled < target.byteLength) {
      const chunk = await this.next();
      if (!chunk) break;
      filled += this.consume(chunk, target.byteLength - filled, (part) => target.set(part, filled));
    }
    return filled;
  }

  /** Passes over `count` bytes; returns how many there were. */
  async skip(count: number): Promise<number> {
    let skipped = 0;
    while (skipped < count) {
      const chunk = await this.next();
      if (!chunk) break;
      skipped += this.consume(chunk, count - skipped, () => undefined);
    }
    return skipped;
  }

  /** Uses up to `wanted` bytes of the chunk and puts the others back. */
  private consume(chunk: Uint8Array, wanted: number, use: (part: Uint8Array) => void): number {
    const part = chunk.subarray(0, wanted);
    use(part);
    this.rest = chunk.subarray(part.byteLength);
    this.position -= this.rest.byteLength;
    return part.byteLength;
  }

  private async pull(): Promise<{ done?: boolean; value?: Uint8Array }> {
    if (!this.chunks) return { done: true };
    try {
      return await inTime(this.chunks.next(), this.url, this.hangUp);
    } catch (cause) {
      if (cause instanceof TransientError) throw cause;
      throw new TransientError(`${shownUrl(this.url)}: the connection broke after ${this.position} bytes`, cause);
    }
  }
}

/** A body that ended early. */
export function endedEarly(url: string, got: number, wanted: number): Error {
  return new TransientError(`${shownUrl(url)}: the server sent ${got} of ${wanted} bytes`);
}

/** Gets rid of an answer whose body is not needed. */
export async function discard({ response, hangUp }: Connection): Promise<void> {
  const length = response.headers.get('content-length');
  if (length === null || Number(length) > SMALL_BODY) {
    hangUp();
    return;
  }
  try {
    await response.arrayBuffer();
  } catch {
    hangUp();
  }
}

async function send(
  fetchFile: typeof fetch,
  url: string,
  options: RequestOptions,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = options.range === undefined ? {} : { Range: options.range };
  try {
    const { method = 'GET', redirect = 'follow', cache } = options;
    const response = await fetchFile(url, { method, headers, signal, redirect, ...(cache ? { cache } : {}) });
    // a stream of Node's ends the process by a failure that nobody listens to; who reads it is told in any case
    (response.body as NodeBody | null)?.on?.('error', () => {});
    return response;
  } catch (cause) {
    const reason = reasonOf(cause);
    const message = `${shownUrl(url)}: the request failed: ${reason.text}`;
    if (reason.final) throw new WasmformerError('NETWORK', `${message}; check the address`, { cause });
    throw new TransientError(message, cause);
  }
}

async function checkStatus(connection: Connection, url: string): Promise<void> {
  const { status, headers } = connection.response;
  const place = shownUrl(url);
  if (status === 200 || status === 206 || status === 416) {
    if (!/^text\/html\b/i.test(headers.get('content-type') ?? '')) return;
    connection.hangUp();
    throw new WasmformerError('FILE_NOT_FOUND', `${place}: the server answered with a web page instead of the file`);
  }
  await discard(connection);
  const detail = headers.get('x-error-message');
  const answer = `the server answered ${status}${detail ? ` (${detail})` : ''}`;
  if (status === 404 || status === 410) {
    throw new WasmformerError('FILE_NOT_FOUND', `${place}: ${answer}; check the address and the revision`);
  }
  if (status === 401 || status === 403) {
    const cure = 'if it is private or gated, pass a `token` that may read it, else check the address';
    throw new StatusError(`${place}: ${answer}; ${cure}`, status);
  }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const seconds = Number(headers.get('retry-after') ?? NaN);
    throw new TransientError(`${place}: ${answer}`, undefined, seconds >= 0 ? seconds * 1000 : undefined);
  }
  throw new StatusError(`${place}: ${answer}`, status);
}

/** The server answered, but not with the file. */
export class StatusError extends WasmformerError {
  readonly status: number;

  constructor(message: string, status: number) {
    super('NETWORK', message);
    this.status = status;
  }
}

/** Whether the server refuses (401, 403). Some stores answer so for files that do not exist. */
export function isDenied(error: unknown): boolean {
  return error instanceof StatusError && (error.status === 401 || error.status === 403);
}

/** What a rejected fetch says; `final` if trying again cannot help. */
function reasonOf(error: unknown): { text: string; final: boolean } {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (inner as { code?: unknown } | null)?.code;
  const message = inner instanceof Error ? inner.message : String(inner);
  const text = message || String(code ?? 'unknown reason');
  return { text, final: code === 'ENOTFOUND' || code === 'ECONNREFUSED' || code === 'ERR_INVALID_URL' };
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waited = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return abortable(waited, signal, () => clearTimeout(timer));
}
