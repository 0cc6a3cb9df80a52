// Files on a web server, by way of storage: each is downloaded once, checked, and read from there.
import { throwIfAborted, WasmformerError } from '../../errors';
import { BaseSource, type OpenFile, type Source } from '../source-base';
import type { RemoteFiles } from '../remote-files';
import { isDenied, shownUrl } from '../source-request';
import { download, eachPiece } from './download';
import { isSameContent, type FileFacts, type Hasher, type Store, type Stored, type StoredFile } from './store';

export interface CachedSourceOptions {
  readonly store: Store;
  readonly createHasher: () => Promise<Hasher>;
  /** Nothing is asked of the server. */
  readonly localFilesOnly: boolean;
  /** The content of a URL never changes: it names a commit. */
  readonly isFixed: boolean;
  /** Told what cannot be stored; the file is then read from the server. Without it, that is an error. */
  readonly onUnstored?: (error: WasmformerError) => void;
}

/** What a file is, and what of it is in storage; no facts: it does not exist. */
interface Looked {
  readonly facts?: FileFacts;
  readonly stored?: StoredFile;
}

/** Where a file is read: in storage, or on the server (it cannot be stored, or not told from a later one). */
type Place = { readonly file: StoredFile } | 'server' | 'nowhere';

/**
 * A source over a server's files and a store. A file's place is settled when it is first asked for and kept: a source sees one state.
 *
 * What is stored counts if the server says that it is the same: by one request for the whole repository where the Hub's listing
 * exists, else by one for each file. Where the server cannot be reached, what is stored counts.
 */
export class CachedSource extends BaseSource {
  readonly name: string;
  readonly list?: () => Promise<string[]>;
  private readonly remote: RemoteFiles;
  private readonly options: CachedSourceOptions;
  private readonly places = new Map<string, Promise<Place>>();
  private readonly looked = new Map<string, Promise<Looked>>();
  private readonly opened = new Map<string, Promise<OpenFile>>();
  private direct: Promise<Source> | undefined;
  private isOffline = false;
  /** The shortest freshness that the server gave to a file. */
  private freshUntil: number | undefined;

  constructor(remote: RemoteFiles, options: CachedSourceOptions) {
    super(remote.weights);
    this.remote = remote;
    this.options = options;
    this.name = remote.name;
    if (remote.canList && !options.localFilesOnly) this.list = () => remote.names();
  }

  async close(): Promise<void> {
    const opened = [...this.opened.values()];
    this.opened.clear();
    const { direct } = this;
    this.direct = undefined;
    await Promise.allSettled([direct, ...opened].map(async (one) => (await one)?.close()));
  }

  /** Whether the file exists. Nothing is downloaded. */
  override async has(file: string, signal?: AbortSignal): Promise<boolean> {
    this.checkCall(file, signal);
    return (await this.look(file, signal)).facts !== undefined;
  }

  override async readAll(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    this.checkCall(file, signal);
    if ((await this.place(file, signal)) === 'server') return this.remote.readAll(file, signal);
    return super.readAll(file, signal);
  }

  protected override where(file: string): string {
    return shownUrl(this.remote.url(file));
  }

  protected async find(file: string, signal?: AbortSignal): Promise<number | undefined> {
    const place = await this.place(file, signal);
    if (place === 'nowhere') return undefined;
    return place === 'server' ? (await this.server()).size(file, signal) : place.file.size;
  }

  protected async readWithin(
    file: string,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const place = await this.place(file, signal);
    if (typeof place === 'string') return (await this.server()).read(file, offset, length, signal);
    let open = this.opened.get(file);
    if (!open) {
      open = this.options.store.open(place.file);
      this.opened.set(file, open);
      open.catch(() => this.opened.delete(file));
    }
    return (await open).read(offset, length);
  }

  /** What is read from the server all the same. */
  private server(): Promise<Source> {
    this.direct ??= import('../source-http').then(({ HttpSource }) => new HttpSource(this.remote));
    return this.direct;
  }

  /** Where the file is read from now on. Only one call settles it; an abort or a failure leaves it open. */
  private place(file: string, signal?: AbortSignal): Promise<Place> {
    let place = this.places.get(file);
    if (!place) {
      place = this.settle(file, signal);
      this.places.set(file, place);
      place.catch(() => this.places.delete(file));
    }
    return place;
  }

  private async settle(file: string, signal?: AbortSignal): Promise<Place> {
    const { facts, stored } = await this.look(file, signal);
    if (!facts) return 'nowhere';
    if (stored) return { file: stored };
    // What cannot be told from a later file must not be stored.
    if (facts.sha256 === undefined && facts.gitHash === undefined && facts.etag === undefined) return 'server';
    const { store, createHasher, onUnstored } = this.options;
    const { fetch, onProgress } = this.remote;
    const url = this.remote.url(file);
    try {
      return {
        file: await download({
          store,
          fetch,
          url,
          facts,
          createHasher,
          signal,
          onProgress: onProgress && ((loaded, total) => onProgress(file, loaded, total)),
        }),
      };
    } catch (error) {
      if (!onUnstored || !(error instanceof WasmformerError) || error.code !== 'WRITE_FAILED') throw error;
      onUnstored(error);
      return 'server';
    }
  }

  /** Looks for a file once; an abort or a failure leaves it open. */
  private look(file: string, signal?: AbortSignal): Promise<Looked> {
    let looked = this.looked.get(file);
    if (!looked) {
      looked = this.lookNow(file, signal);
      this.looked.set(file, looked);
      looked.catch(() => this.looked.delete(file));
    }
    return looked;
  }

  private async lookNow(file: string, signal?: AbortSignal): Promise<Looked> {
    const url = this.remote.url(file);
    const stored = await this.sound(await this.options.store.find(url), signal);
    const isFresh = stored && (this.options.isFixed || (stored.freshUntil ?? 0) > Date.now());
    if (this.options.localFilesOnly || isFresh) return this.fromStored(file, stored);
    let facts: FileFacts | undefined;
    try {
      facts = this.isOffline ? undefined : await this.ask(file, stored, signal);
    } catch (error) {
      throwIfAborted(signal);
      const lost = error instanceof WasmformerError && error.code === 'NETWORK' && !isDenied(error);
      if (!lost || !stored) throw error;
      this.isOffline = true;
    }
    if (this.isOffline) return this.fromStored(file, stored);
    if (!facts) {
      await this.recordAbsent(url, stored);
      return {};
    }
    const { freshUntil } = facts;
    if (freshUntil !== undefined) this.freshUntil = Math.min(this.freshUntil ?? Infinity, freshUntil);
    const same = stored && 'sha256' in stored && isSameContent(stored, facts) ? stored : undefined;
    if (same && freshUntil !== undefined) await this.options.store.trust({ ...same, freshUntil });
    return { facts, stored: same };
  }

  /** What the server says of the file. */
  private async ask(file: string, stored: Stored | undefined, signal?: AbortSignal): Promise<FileFacts | undefined> {
    const listing = await this.remote.listing(signal);
    if (listing?.isDetailed) {
      const listed = listing.files.get(file);
      return listed && { ...listed, commit: listing.commit };
    }
    if (listing?.commit !== undefined && listing.commit === stored?.commit) {
      return 'absent' in stored ? undefined : stored;
    }
    return this.remote.facts(file, signal);
  }

  private fromStored(file: string, stored: Stored | undefined): Looked {
    if (stored) return 'absent' in stored ? {} : { facts: stored, stored };
    const why = this.options.localFilesOnly ? 'localFilesOnly forbids to ask for it' : 'the server cannot be reached';
    throw new WasmformerError(
      'FILE_NOT_FOUND',
      `${this.where(file)} is not in the cache (${this.options.store.place}), and ${why}: load the model once with a connection`,
    );
  }

  /** A stored file that somebody else has touched is compared before it is believed. */
  private async sound(found: Stored | undefined, signal?: AbortSignal): Promise<Stored | undefined> {
    if (!found || 'absent' in found || !found.touched) return found;
    const { store, createHasher } = this.options;
    if ((await hashStored(store, found, createHasher, signal)) === found.sha256) {
      await store.trust(found);
      return found;
    }
    if (!this.options.localFilesOnly) return undefined;
    throw new WasmformerError(
      'INVALID_FILE',
      `${shownUrl(found.url)} is damaged in the cache (${store.place}), and localFilesOnly forbids to download it again: ` +
        'load it once with a connection',
    );
  }

  /** So that it is known without a connection; as long as the files beside it are fresh, it is not asked for again. That it cannot be
   *  recorded is no reason to fail. */
  private async recordAbsent(url: string, stored: Stored | undefined): Promise<void> {
    const { freshUntil } = this;
    if (stored && 'absent' in stored && freshUntil === undefined) return;
    const commit = (await this.remote.listing())?.commit;
    await this.options.store.recordAbsent(url, { commit, freshUntil }).catch(() => undefined);
  }
}

/** SHA-256 of what is in storage. */
export async function hashStored(
  store: Store,
  file: StoredFile,
  createHasher: () => Promise<Hasher>,
  signal?: AbortSignal,
): Promise<string> {
  const hasher = await createHasher();
  const open = await store.open(file);
  try {
    await eachPiece(open, 0, file.size, (bytes) => {
      throwIfAborted(signal);
      return hasher.update(bytes);
    });
  } finally {
    await open.close();
  }
  return hasher.digest();
}
