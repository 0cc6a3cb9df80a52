// What downloads are kept, whether they are whole, and their removal: the interface. Few programs need what is behind it.

/** A file in the cache. */
export interface CachedFile {
  /** Where it came from. */
  readonly url: string;
  /** Hub id (`org/name`), or the folder's URL on a server without the Hub's layout. */
  readonly model: string;
  /** Branch, tag or commit that was asked for; null on a server without the Hub's layout. */
  readonly revision: string | null;
  /** Name in the repository or folder. */
  readonly file: string;
  /** Bytes in the cache. */
  readonly size: number;
  /** False: a download that has not ended; loading the model again goes on with it. */
  readonly complete: boolean;
  /** SHA-256 in hex, and the repository's commit, as far as they are known. */
  readonly sha256: string | null;
  readonly commit: string | null;
  /** When its download ended. */
  readonly savedAt: Date | null;
}

/** What verify says of a file. */
export interface VerifiedFile extends CachedFile {
  /** Whether the content is what was downloaded. False also for a download that has not ended. */
  readonly intact: boolean;
}

export interface CacheOptions {
  /** As of fromPretrained. */
  cacheDir?: string | URL;
  signal?: AbortSignal;
}

/** Downloads that are kept: `fromPretrained` fills the cache and reads from it. Hugging Face's own cache, which is only read, is not shown. */
export interface ModelCache {
  /** Where it is: a folder, or words for a page's storage; null where nothing can be kept. */
  place(options?: CacheOptions): Promise<string | null>;
  /** All files, ordered by URL. */
  list(options?: CacheOptions): Promise<CachedFile[]>;
  /** Reads files again and compares their hashes.
   *  @param model Hub id or URL; default all */
  verify(model?: string | null, options?: CacheOptions): Promise<VerifiedFile[]>;
  /** Removes the files of a model, of all revisions, or one file by its URL; null: everything. What somebody
   *  downloads at this moment stays. Gives the bytes that it frees.
   *  @param model Hub id or URL of a folder or file
   *  @throws INVALID_ARGUMENT (neither a text nor null), WRITE_FAILED */
  remove(model: string | null, options?: CacheOptions): Promise<number>;
}

export const cache: ModelCache = {
  place: async (options) => (await import('./cache-files')).place(options),
  list: async (options) => (await import('./cache-files')).list(options),
  verify: async (model, options) => (await import('./cache-files')).verify(model, options),
  remove: async (model, options) => (await import('./cache-files')).remove(model, options),
};
