// A folder of the local file system, through the platform's file access.
import { throwIfAborted, WasmformerError } from '../errors';
import { BaseSource, PIECE_BYTES, truncated } from './source-base';
import type { FileAccess, OpenFile } from './source-base';

/** A source over a folder. Files read in ranges stay open until close(). */
export class FolderSource extends BaseSource {
  readonly name: string;
  private readonly files: FileAccess;
  private readonly opened = new Map<string, Promise<OpenFile>>();

  constructor(folder: string, files: FileAccess, weights?: string) {
    super(weights);
    this.name = folder;
    this.files = files;
  }

  async list(): Promise<string[]> {
    try {
      return await this.files.list(this.name);
    } catch (error) {
      throw fileError(this.name, error);
    }
  }

  async close(): Promise<void> {
    const opened = [...this.opened.values()];
    this.opened.clear();
    await Promise.allSettled(opened.map(async (file) => (await file).close()));
  }

  override async has(file: string, signal?: AbortSignal): Promise<boolean> {
    this.checkCall(file, signal);
    const kind = await this.files.kind(this.files.join(this.name, file));
    if (kind === 'denied') {
      throw new WasmformerError(
        'INVALID_FILE',
        `${this.where(file)} may not be read: give this process the permission (Node: --allow-fs-read, Deno: --allow-read)`,
      );
    }
    return kind === 'file';
  }

  override async readAll(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    this.checkCall(file, signal);
    const open = await this.openOnce(file);
    try {
      const all = new Uint8Array(open.size);
      for (let at = 0; at < open.size; at += PIECE_BYTES) {
        all.set(await this.readPiece(file, open, at, Math.min(PIECE_BYTES, open.size - at)), at);
        throwIfAborted(signal);
      }
      return all;
    } finally {
      await open.close();
    }
  }

  protected async find(file: string): Promise<number | undefined> {
    const open = await this.keepOpen(file);
    return open?.size;
  }

  protected async readWithin(file: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const open = await this.keepOpen(file);
    if (!open) throw this.notFound(file);
    return this.readPiece(file, open, offset, length);
  }

  private async readPiece(
    file: string,
    open: OpenFile,
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await open.read(offset, length);
    } catch (error) {
      throw fileError(this.where(file), error);
    }
    if (bytes.byteLength !== length) throw truncated(this.where(file), offset + length, offset + bytes.byteLength);
    return bytes;
  }

  private async keepOpen(file: string): Promise<OpenFile | undefined> {
    let open = this.opened.get(file);
    if (!open) {
      if (!(await this.has(file))) return undefined;
      open = this.opened.get(file);
    }
    if (!open) {
      open = this.openOnce(file);
      this.opened.set(file, open);
      open.catch(() => this.opened.delete(file));
    }
    return open;
  }

  private async openOnce(file: string): Promise<OpenFile> {
    try {
      return await this.files.open(this.files.join(this.name, file));
    } catch (error) {
      throw fileError(this.where(file), error);
    }
  }
}

/** The library's error for a failed file operation. */
function fileError(where: string, cause: unknown): WasmformerError {
  if (cause instanceof WasmformerError) return cause;
  const code = (cause as { code?: unknown } | null)?.code;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') {
    return new WasmformerError('FILE_NOT_FOUND', `there is no ${where}`, { cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new WasmformerError('INVALID_FILE', `${where} cannot be read: ${reason}`, { cause });
}
