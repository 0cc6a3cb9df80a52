// What a platform's storage of downloads must do: files by URL, believed only when they are whole, continued where they broke off.
import { WasmformerError } from '../../errors';
import type { OpenFile } from '../source-base';

/** How long the removal of a file waits for its download to end: that of an aborted load goes on for a moment. In milliseconds. */
const REMOVAL_PATIENCE_MS = 500;

/** Runs a removal under its file's lock; 0 if somebody downloads the file at this moment.
 *  @param locked takes the lock, rejects with ABORTED if it does not get it before the signal fires, and gives the bytes that it freed */
export async function unlessDownloading(locked: (signal: AbortSignal) => Promise<number>): Promise<number> {
  try {
    return await locked(AbortSignal.timeout(REMOVAL_PATIENCE_MS));
  } catch (error) {
    if (error instanceof WasmformerError && error.code === 'ABORTED') return 0;
    throw error;
  }
}

/** What a server says of a file. What it does not say is absent. */
export interface FileFacts {
  /** Bytes. */
  readonly size?: number;
  /** Entity tag, or the time of the last change. */
  readonly etag?: string;
  /** Of the content, in hex: what the Hub says of large files. */
  readonly sha256?: string;
  /** Git's name for the content, in hex: what the Hub says of small files. */
  readonly gitHash?: string;
  /** Commit of the repository. */
  readonly commit?: string;
  /** Until when the server need not be asked again, in milliseconds since 1970: the max-age of its Cache-Control. */
  readonly freshUntil?: number;
}

/** A file in storage. */
export interface StoredFile extends FileFacts {
  readonly url: string;
  readonly size: number;
  readonly sha256: string;
  /** When its download ended, in milliseconds since 1970. */
  readonly saved: number;
  /** Somebody else changed it since: its content must be compared before it is believed. */
  readonly touched?: boolean;
}

/** What was learnt of a URL: a whole file, or that the server has none. */
export type Stored =
  StoredFile | (Pick<FileFacts, 'commit' | 'freshUntil'> & { readonly url: string; readonly absent: true });

/** A file in storage as a list shows it: whole, or as far as its download came. */
export interface ListedFile {
  readonly url: string;
  /** Bytes in storage. */
  readonly stored: number;
  /** Absent while the download has not ended. */
  readonly whole?: StoredFile;
  /** It is only known that the server has no such file. */
  readonly absent?: boolean;
}

/** A download on its way into storage. Nothing of it is believed before `finish`. */
export interface Incoming {
  /** Bytes that are there. */
  readonly have: number;
  /** Reads back what is there. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Appends. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes it the file of its URL, in place of one that was. */
  finish(file: StoredFile): Promise<void>;
  /** Keeps what is there for another try. */
  pause(): Promise<void>;
  /** Removes what is there. */
  discard(): Promise<void>;
}

/** Storage of downloads. Every method rejects with WRITE_FAILED, INVALID_FILE or ABORTED. */
export interface Store {
  /** Where it is, in words or as a path. */
  readonly place: string;
  /** What is known of a URL; half a file, or one of another size, is not. */
  find(url: string): Promise<Stored | undefined>;
  open(file: StoredFile): Promise<OpenFile>;
  /** Starts a download, or continues one of the same content. */
  begin(url: string, facts: FileFacts): Promise<Incoming>;
  /** Records that the server has no such file. */
  recordAbsent(url: string, facts: Pick<FileFacts, 'commit' | 'freshUntil'>): Promise<void>;
  /** Records anew what is known of a file whose content was compared, or which the server confirmed. */
  trust(file: StoredFile): Promise<void>;
  /** Removes all of a URL, unless somebody downloads it at this moment; gives the bytes that this frees. */
  remove(url: string): Promise<number>;
  /** Removes everything that nobody downloads at this moment; gives the bytes that this frees. */
  clear(): Promise<number>;
  list(): Promise<ListedFile[]>;
  /** Runs `work` while nobody else, of this process or another, runs work for the URL. */
  exclusive<T>(url: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>;
}

/** A running hash. */
export interface Hasher {
  /** Asynchronous where it would hold the event loop. */
  update(bytes: Uint8Array): void | Promise<void>;
  /** In hex. */
  digest(): string;
}

/** Whether two descriptions are of one content. Without a word that both know, they are not. */
export function isSameContent(a: FileFacts, b: FileFacts): boolean {
  if (a.size !== undefined && b.size !== undefined && a.size !== b.size) return false;
  for (const key of ['sha256', 'gitHash', 'etag'] as const) {
    const [left, right] = [a[key], b[key]];
    if (left !== undefined && right !== undefined) return left === right;
  }
  return false;
}
