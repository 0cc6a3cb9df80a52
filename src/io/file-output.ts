// Writing files: what a platform gives, and what its failures become.
import { WasmformerError } from '../errors';

/** Writing into a file system, given by the platform. Paths are the platform's own. */
export interface FileOutput {
  /** Makes a folder and those above it, where they are missing. */
  makeFolder(path: string): Promise<void>;
  /** Starts a file. */
  create(path: string): Promise<OpenOutput>;
}

/** A file that is being written, from its start to its end. */
export interface OpenOutput {
  write(bytes: Uint8Array): Promise<void>;
  /** Only now the file has its name, in place of one that had it before. */
  finish(): Promise<void>;
  /** Gives it up: nothing of it stays. */
  discard(): Promise<void>;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied: choose another folder or change its permissions',
  EPERM: 'permission is denied: choose another folder or change its permissions',
  EROFS: 'the file system is read-only: choose another folder',
  ENOSPC: 'the disk is full: free space or choose another folder',
  EDQUOT: 'the disk is full: free space or choose another folder',
  ENOTDIR: 'a part of the path is a file: choose another folder',
  EEXIST: 'a part of the path is a file: choose another folder',
  EISDIR: 'there is a folder of that name: choose another folder',
};

/** The library's error for a failed write. */
export function writeError(path: string, cause: unknown): WasmformerError {
  if (cause instanceof WasmformerError) return cause;
  const code = (cause as { code?: unknown } | null)?.code;
  const reason =
    typeof code === 'string' && Object.hasOwn(REASONS, code)
      ? REASONS[code]
      : cause instanceof Error
        ? cause.message
        : String(cause);
  return new WasmformerError('WRITE_FAILED', `cannot write ${path}: ${reason}`, { cause });
}
