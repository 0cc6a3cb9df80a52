// What every source of files shares: the interface, file name rules, bounds, and the reading of whole and JSON files.
import { throwIfAborted, WasmformerError } from '../errors';
import { parseJson, type ParseJson } from './json';

/** Largest piece that the library itself reads at once, in bytes. */
export const PIECE_BYTES = 8 * 1024 * 1024;

/**
 * A set of files named by relative paths with forward slashes (`config.json`, `1_Pooling/config.json`).
 *
 * Every method rejects with a WasmformerError: INVALID_ARGUMENT (a file name that leaves the source, a negative offset),
 * FILE_NOT_FOUND, INVALID_FILE (truncated or unreadable), NETWORK, or ABORTED.
 */
export interface Source {
  /** What the user gave: a path, URL, Hub id, or a word for bytes in memory. For messages. */
  readonly name: string;
  /** The weight file that the user named (`.../model.fp16.safetensors`), relative to the source. */
  readonly weights?: string;
  /** Names of the files directly in the source. Absent where listing is impossible (most servers). */
  list?(): Promise<string[]>;
  /** Whether the file exists. */
  has(file: string, signal?: AbortSignal): Promise<boolean>;
  /** Size in bytes; Infinity where a server does not tell it. */
  size(file: string, signal?: AbortSignal): Promise<number>;
  /** Exactly `length` bytes from `offset`, in a fresh buffer that is unshared and may be transferred. */
  read(file: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** The whole file, in a fresh buffer. For small files; weights are read piece by piece. */
  readAll(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** The file parsed as JSON, or undefined if there is none: over a network one request instead of two. */
  readJsonIfThere(file: string, signal?: AbortSignal, parse?: ParseJson): Promise<unknown>;
  /** The file parsed as JSON; INVALID_FILE names the file if it is not. */
  readJson(file: string, signal?: AbortSignal, parse?: ParseJson): Promise<unknown>;
  /** Releases file handles and connections. The source may be used again. */
  close(): Promise<void>;
}

/** Access to a file system, given by the platform. Paths are the platform's own. */
export interface FileAccess {
  /** What lies at the path; undefined if nothing does, 'denied' where this process may not look. */
  kind(path: string): Promise<'file' | 'folder' | 'denied' | undefined>;
  /** Names of the files (not folders) directly in the folder. */
  list(folder: string): Promise<string[]>;
  open(path: string): Promise<OpenFile>;
  /** Absolute form of a relative or absolute path or a `file:` URL. */
  resolve(path: string): string;
  /** Path of `file` (relative, forward slashes) in `folder`. */
  join(folder: string, file: string): string;
  /** Where Hugging Face's cache is, as the environment says. */
  hubCache(): string;
  /** Splits off the last part of the path. */
  split(path: string): { folder: string; file: string };
}

/** A file held open for repeated reads. */
export interface OpenFile {
  readonly size: number;
  /** Up to `length` bytes from `offset`: fewer only if the file ends first. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** Checks arguments once for all sources; a subclass reads. */
export abstract class BaseSource implements Source {
  abstract readonly name: string;
  readonly weights?: string;

  constructor(weights?: string) {
    this.weights = weights;
  }

  /** Size, Infinity if a server does not tell it, undefined if there is no such file. */
  protected abstract find(file: string, signal?: AbortSignal): Promise<number | undefined>;
  /** Reads within the file's bounds; `length` is at least 1. */
  protected abstract readWithin(
    file: string,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>>;

  async has(file: string, signal?: AbortSignal): Promise<boolean> {
    this.checkCall(file, signal);
    return (await this.find(file, signal)) !== undefined;
  }

  async size(file: string, signal?: AbortSignal): Promise<number> {
    this.checkCall(file, signal);
    const size = await this.find(file, signal);
    if (size === undefined) throw this.notFound(file);
    return size;
  }

  async read(file: string, offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    this.checkCall(file, signal);
    if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 0) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `cannot read ${length} bytes at ${offset} of ${this.where(file)}: both must be non-negative integers`,
      );
    }
    const size = await this.size(file, signal);
    // Checked before anything is allocated: a damaged header may ask for any length.
    if (offset + length > size) throw truncated(this.where(file), offset + length, size);
    if (length === 0) return new Uint8Array(0);
    const bytes = await this.readWithin(file, offset, length, signal);
    throwIfAborted(signal);
    return bytes;
  }

  async readAll(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const size = await this.size(file, signal);
    if (size <= PIECE_BYTES) return this.read(file, 0, size, signal);
    const all = new Uint8Array(size);
    for (let at = 0; at < size; at += PIECE_BYTES) {
      all.set(await this.read(file, at, Math.min(PIECE_BYTES, size - at), signal), at);
    }
    return all;
  }

  async readJsonIfThere(file: string, signal?: AbortSignal, parse?: ParseJson): Promise<unknown> {
    return (await this.has(file, signal)) ? this.readJson(file, signal, parse) : undefined;
  }

  async readJson(file: string, signal?: AbortSignal, parse: ParseJson = parseJson): Promise<unknown> {
    return parse(await this.readAll(file, signal), this.where(file));
  }

  abstract close(): Promise<void>;

  /** The file in words. */
  protected where(file: string): string {
    return `${file} in ${this.name}`;
  }

  protected notFound(file: string): WasmformerError {
    return new WasmformerError('FILE_NOT_FOUND', `there is no ${this.where(file)}`);
  }

  protected checkCall(file: string, signal?: AbortSignal): void {
    throwIfAborted(signal);
    if (!isInnerFileName(file)) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `${JSON.stringify(file)} is not a file name inside ${this.name}: use a relative path with forward slashes`,
      );
    }
  }
}

/** Whether a name is a relative path with forward slashes that stays inside its folder. */
export function isInnerFileName(file: unknown): file is string {
  if (typeof file !== 'string' || /[\\\0]|\p{Cs}/u.test(file) || /^[A-Za-z]:/.test(file)) return false;
  return file.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** Whether a value is a Blob or File, of this realm or another. */
export function isBlob(value: unknown): value is Blob {
  if (typeof value !== 'object' || value === null) return false;
  const { size, slice, arrayBuffer } = value as Partial<Blob>;
  return typeof size === 'number' && typeof slice === 'function' && typeof arrayBuffer === 'function';
}

/** INVALID_FILE for a file that ends before byte `wanted`. */
export function truncated(where: string, wanted: number, size: number): WasmformerError {
  return new WasmformerError(
    'INVALID_FILE',
    `${where} is truncated: ${wanted} bytes are needed, it has ${size}; download it again`,
  );
}
