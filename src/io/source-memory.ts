// Files that are already here: bytes in memory, and the Files and Blobs of a browser.
import { WasmformerError } from '../errors';
import { BaseSource, isBlob } from './source-base';

/** Contents of an in-memory file. A string is encoded as UTF-8. */
export type FileContent = Uint8Array | ArrayBuffer | string | Blob;

/** A source over named contents. Bytes are not copied until they are read: do not change them while loading. */
export class MemorySource extends BaseSource {
  readonly name: string;
  private readonly files: ReadonlyMap<string, Uint8Array | Blob>;

  constructor(files: ReadonlyMap<string, Uint8Array | Blob>, name: string, weights?: string) {
    super(weights);
    this.files = files;
    this.name = name;
  }

  async list(): Promise<string[]> {
    return [...this.files.keys()].filter((file) => !file.includes('/'));
  }

  async close(): Promise<void> {
    // Nothing is held: the contents belong to the caller.
  }

  protected async find(file: string): Promise<number | undefined> {
    const content = this.files.get(file);
    return content instanceof Uint8Array ? content.byteLength : content?.size;
  }

  protected async readWithin(file: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const content = this.files.get(file);
    if (content === undefined) throw this.notFound(file);
    if (content instanceof Uint8Array) {
      // new + set rather than slice: slice of a Buffer shares memory, and of a shared array stays shared.
      const bytes = new Uint8Array(length);
      bytes.set(content.subarray(offset, offset + length));
      return bytes;
    }
    try {
      return new Uint8Array(await content.slice(offset, offset + length).arrayBuffer());
    } catch (cause) {
      throw new WasmformerError(
        'INVALID_FILE',
        `${this.where(file)} cannot be read: it was moved or changed since it was chosen; choose it again`,
        { cause },
      );
    }
  }
}

/** A source over `{ [fileName]: contents }`. */
export function memorySource(input: Readonly<Record<string, FileContent>>): MemorySource {
  const files = new Map<string, Uint8Array | Blob>();
  for (const [file, content] of Object.entries(input)) {
    if (typeof content === 'string') files.set(file, new TextEncoder().encode(content));
    else if (content instanceof Uint8Array || isBlob(content)) files.set(file, content);
    else if (content instanceof ArrayBuffer) files.set(file, new Uint8Array(content));
    else {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `the contents of ${JSON.stringify(file)} must be a Uint8Array, an ArrayBuffer, a string or a Blob`,
      );
    }
  }
  return new MemorySource(files, 'the given files');
}

/** A source over what a file input or a drop gives. A chosen folder's own name is left out of the file names. */
export async function blobSource(blobs: readonly Blob[]): Promise<MemorySource> {
  const files = new Map<string, Blob>();
  for (const blob of blobs) {
    if (!isBlob(blob)) {
      throw new WasmformerError('INVALID_ARGUMENT', 'a list of files must hold File or Blob objects only');
    }
    const name = await nameOf(blob);
    if (files.has(name)) {
      throw new WasmformerError('INVALID_ARGUMENT', `two of the given files are called ${JSON.stringify(name)}`);
    }
    files.set(name, blob);
  }
  const [only] = files.keys();
  const weights = files.size === 1 && /\.(safetensors|gguf)$/.test(only) ? only : undefined;
  return new MemorySource(files, 'the given files', weights);
}

async function nameOf(blob: Blob): Promise<string> {
  const { name, webkitRelativePath } = blob as Partial<File>;
  if (webkitRelativePath) return webkitRelativePath.slice(webkitRelativePath.indexOf('/') + 1);
  if (name) return name;
  // A bare Blob can only be the weights; the first four bytes tell which kind.
  const magic = await blob.slice(0, 4).text();
  return magic === 'GGUF' ? 'model.gguf' : 'model.safetensors';
}
