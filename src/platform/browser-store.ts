// Downloads in a page's storage, through the Cache API: it is in every browser, in workers too, and its entries are atomic. A file is one
// entry under its URL if it is small, else pieces under `URL?piece=n` and then the entry. `URL?part` tells how many pieces a download has.
import { abortError, WasmformerError } from '../errors';
import { Sha256 } from '../io/cache/sha256';
import {
  isSameContent,
  unlessDownloading,
  type FileFacts,
  type Hasher,
  type Incoming,
  type ListedFile,
  type Store,
  type Stored,
  type StoredFile,
} from '../io/cache/store';
import { PIECE_BYTES, type OpenFile } from '../io/source-base';
import { yieldToEventLoop } from './browser';
import { FACTS, factsOf, partUrl, type Part } from './browser-entries';

/** Bytes hashed at a time, and how long before the page gets a turn, in milliseconds. */
const STEP = 256 * 1024;
const TURN_MS = 8;

const listing = (): Promise<typeof import('./browser-listing')> => import('./browser-listing');

/** Undefined where storage is denied: in a page without https, in some private windows, in a frame of another site.
 *  @param name of the cache, default 'wasmformer' */
export async function openStore(name = 'wasmformer'): Promise<Store | undefined> {
  try {
    return new CacheStore(await caches.open(name), name);
  } catch {
    return undefined;
  }
}

export async function createHasher(): Promise<Hasher> {
  const hash = new Sha256();
  let turn = performance.now();
  return {
    async update(bytes) {
      for (let at = 0; at < bytes.byteLength; at += STEP) {
        hash.update(bytes.subarray(at, at + STEP));
        if (performance.now() - turn < TURN_MS) continue;
        await yieldToEventLoop();
        turn = performance.now();
      }
    },
    digest: () => hash.digest(),
  };
}

/** What only a fetch of Node's needs. */
export const readAhead = (response: Response): Response => response;

/** A page has no environment. */
export function hubSettings(): { token?: string; localFilesOnly: boolean } {
  return { localFilesOnly: false };
}

class CacheStore implements Store {
  readonly place: string;
  /** Entries of small files as they were found: most are opened next. */
  private readonly found = new WeakMap<object, Response>();

  constructor(
    private readonly cache: Cache,
    name: string,
  ) {
    this.place = `the browser's storage, cache "${name}"`;
  }

  async find(url: string): Promise<Stored | undefined> {
    const response = await this.cache.match(url);
    const facts = factsOf<Stored>(response);
    if (facts) this.found.set(facts, response!);
    return facts;
  }

  async open(file: StoredFile): Promise<OpenFile> {
    const { cache, found } = this;
    let held: { index: number; bytes: Uint8Array } | undefined;
    const piece = async (index: number): Promise<Uint8Array> => {
      if (held?.index === index) return held.bytes;
      const isSmall = file.size <= PIECE_BYTES;
      const response =
        (isSmall && found.get(file)) || (await cache.match(isSmall ? file.url : pieceUrl(file.url, index)));
      // its body can be read once
      found.delete(file);
      const bytes = new Uint8Array((await response?.arrayBuffer()) ?? []);
      if (bytes.byteLength !== Math.min(PIECE_BYTES, file.size - index * PIECE_BYTES)) {
        await this.remove(file.url);
        throw new WasmformerError('INVALID_FILE', `${file.url} was lost from ${this.place}: load the model again`);
      }
      held = { index, bytes };
      return bytes;
    };
    return {
      size: file.size,
      async read(offset, length) {
        const target = new Uint8Array(Math.max(0, Math.min(length, file.size - offset)));
        for (let filled = 0; filled < target.byteLength;) {
          const at = offset + filled;
          const from = at % PIECE_BYTES;
          const bytes = (await piece((at - from) / PIECE_BYTES)).subarray(from, from + target.byteLength - filled);
          target.set(bytes, filled);
          filled += bytes.byteLength;
        }
        return target;
      },
      async close() {
        held = undefined;
      },
    };
  }

  async begin(url: string, facts: FileFacts): Promise<Incoming> {
    const earlier = factsOf<Part>(await this.cache.match(partUrl(url)));
    const fits = earlier && isSameContent(earlier, facts);
    if (earlier && !fits) await (await listing()).drop(this.cache, url);
    return new IncomingPieces(this.cache, url, facts, fits ? earlier.pieces : 0, (key, body, about) =>
      this.put(key, body, about),
    );
  }

  async recordAbsent(url: string, facts: Pick<FileFacts, 'commit' | 'freshUntil'>): Promise<void> {
    await this.put(url, null, { url, absent: true, ...facts });
  }

  async trust(file: StoredFile): Promise<void> {
    const found = await this.cache.match(file.url);
    if (found) await this.put(file.url, new Uint8Array(await found.arrayBuffer()), file);
  }

  async remove(url: string): Promise<number> {
    const { drop } = await listing();
    return unlessDownloading((signal) => this.exclusive(url, signal, () => drop(this.cache, url)));
  }

  async clear(): Promise<number> {
    let freed = 0;
    for (const url of await (await listing()).urls(this.cache)) freed += await this.remove(url);
    return freed;
  }

  async list(): Promise<ListedFile[]> {
    return (await listing()).list(this.cache);
  }

  async exclusive<T>(url: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    // Without locks two tabs may download the same: their pieces are equal.
    if (!navigator.locks) return work();
    let started = false;
    const run = (): Promise<T> => {
      started = true;
      return work();
    };
    try {
      return (await navigator.locks.request(`wasmformer ${url}`, { signal }, run)) as T;
    } catch (error) {
      if (signal?.aborted && !started) throw abortError(signal.reason);
      throw error;
    }
  }

  private async put(key: string, body: Uint8Array<ArrayBuffer> | null, about?: object): Promise<void> {
    try {
      const headers = about ? { [FACTS]: encodeURIComponent(JSON.stringify(about)) } : undefined;
      await this.cache.put(key, new Response(body, { headers }));
    } catch (cause) {
      throw new WasmformerError('WRITE_FAILED', `cannot write to ${this.place}: ${reasonOf(cause)}`, { cause });
    }
  }
}

type Put = (key: string, body: Uint8Array<ArrayBuffer> | null, about?: object) => Promise<void>;

class IncomingPieces implements Incoming {
  have: number;
  /** The piece that is on its way. */
  private readonly rest: Uint8Array<ArrayBuffer>;
  private filled = 0;

  constructor(
    private readonly cache: Cache,
    private readonly url: string,
    private readonly facts: FileFacts,
    private pieces: number,
    private readonly put: Put,
  ) {
    this.have = pieces * PIECE_BYTES;
    this.rest = new Uint8Array(Math.min(PIECE_BYTES, facts.size ?? PIECE_BYTES));
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const index = offset / PIECE_BYTES;
    if (index >= this.pieces) return this.rest.slice(0, length);
    const found = await this.cache.match(pieceUrl(this.url, index));
    return new Uint8Array((await found?.arrayBuffer()) ?? []);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      const some = bytes.subarray(at, at + this.rest.byteLength - this.filled);
      this.rest.set(some, this.filled);
      this.filled += some.byteLength;
      at += some.byteLength;
      if (this.filled === PIECE_BYTES) await this.store();
    }
    this.have += bytes.byteLength;
  }

  async finish(file: StoredFile): Promise<void> {
    if (this.pieces === 0) await this.put(this.url, this.rest.subarray(0, this.filled), file);
    else {
      if (this.filled > 0) await this.put(pieceUrl(this.url, this.pieces), this.rest.subarray(0, this.filled));
      // a file of exactly one piece is small
      const only = file.size === PIECE_BYTES ? await this.read(0, PIECE_BYTES) : null;
      await this.put(this.url, only, file);
    }
    await this.cache.delete(partUrl(this.url));
  }

  /** Whole pieces stay. */
  async pause(): Promise<void> {}

  async discard(): Promise<void> {
    await this.cache.delete(partUrl(this.url));
    for (let index = 0; index <= this.pieces; index++) await this.cache.delete(pieceUrl(this.url, index));
  }

  private async store(): Promise<void> {
    await this.put(pieceUrl(this.url, this.pieces), this.rest);
    this.pieces++;
    this.filled = 0;
    await this.put(partUrl(this.url), null, { ...this.facts, url: this.url, pieces: this.pieces });
  }
}

const pieceUrl = (url: string, index: number): string => `${url}?piece=${index}`;

function reasonOf(cause: unknown): string {
  if ((cause as { name?: unknown } | null)?.name === 'QuotaExceededError') {
    return 'the browser gives this site no more space: remove models with cache.remove, or free space on the disk';
  }
  return cause instanceof Error ? cause.message : String(cause);
}
