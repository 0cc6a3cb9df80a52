// Where a checkpoint comes from: turns what the user gives (path, URL, Hub id, files, bytes) into a Source.
import { throwIfAborted, WasmformerError } from '../errors';
import { isBlob, type FileAccess, type Source } from './source-base';
import type { FileContent } from './source-memory';
import { checkRevision, HUB_ID, WEIGHT_FILE } from './source-names';
import type { RemoteOptions } from './source-remote';

export type { Source } from './source-base';
export type { FileContent } from './source-memory';

/**
 * What a checkpoint can be loaded from:
 * - a folder path (absolute or relative) or `file:` URL, or the path of a weight file in the folder (which then is the
 *   one that is loaded);
 * - a Hub id, `org/name`, unless a local folder has that path; read from Hugging Face's cache on this machine if it is there;
 * - an http(s) URL of a folder, a weight file or a repository (see `openSource`);
 * - File, Blob, FileList or an array of Files;
 * - `{ [fileName]: bytes | text | Blob }`.
 */
export type SourceInput = string | URL | Blob | FileList | readonly File[] | Readonly<Record<string, FileContent>>;

export interface SourceOptions extends RemoteOptions {
  /** The local file system, where the platform has one. */
  files?: FileAccess;
}

/**
 * Opens a source. Nothing is read yet, except that a URL of the fourth kind is asked for its config.json.
 *
 * How an http(s) URL is understood, by the first rule that fits:
 * 1. it ends in `.safetensors`, `.gguf`, `.bin`, `.pt`, `.pth` or in `.index.json` behind one of the first and third: that weight
 *    file, in its folder;
 * 2. it is `{endpoint}/org/name`, alone or with `/tree/{revision}[/folder]`: that repository of the Hub (and a page
 *    address of a file, `/blob/{revision}/{file}`, counts as the file);
 * 3. it contains `/resolve/`: a folder, whose files are at `{url}/{file}`;
 * 4. else, if `{url}/config.json` exists, such a folder; if not, a repository on a server with the Hub's layout, whose
 *    files are at `{url}/resolve/{revision}/{file}`.
 *
 * @throws INVALID_ARGUMENT (input that is none of these), FILE_NOT_FOUND, NETWORK, UNSUPPORTED_PLATFORM (a path where
 *   there is no file system), ABORTED
 */
export async function openSource(input: SourceInput, options: SourceOptions = {}): Promise<Source> {
  throwIfAborted(options.signal);
  if (input instanceof URL) return openText(input.href, options);
  if (typeof input === 'string') return openText(input, options);
  if (isBlob(input) || isFileList(input)) {
    const { blobSource } = await import('./source-memory');
    return blobSource(isBlob(input) ? [input] : Array.from(input));
  }
  if (isPlainObject(input)) {
    const { memorySource } = await import('./source-memory');
    return memorySource(input);
  }
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    `a checkpoint source must be a path, a URL, a Hub id, files, or { [fileName]: bytes }, not ${describe(input)}`,
  );
}

async function openText(text: string, options: SourceOptions): Promise<Source> {
  if (text.trim() === '') throw new WasmformerError('INVALID_ARGUMENT', 'the checkpoint source is an empty string');
  if (/^https?:\/\//i.test(text)) return (await import('./source-remote')).openUrl(text, options);
  if (options.files) {
    const found = await openPath(text, options.files);
    if (found) return found;
  }
  if (HUB_ID.test(text) && !text.includes('..')) {
    // another endpoint has other repositories
    const isHub = options.endpoint === undefined;
    const cached = options.files && isHub ? await openCached(text, options, options.files) : undefined;
    if (cached) return cached;
    const hint = options.files && `taken as a Hub id: there is no local folder ${options.files.resolve(text)}`;
    return (await import('./source-remote')).openHubId(text, options, hint);
  }
  if (!options.files) {
    throw new WasmformerError(
      'UNSUPPORTED_PLATFORM',
      `${JSON.stringify(text)} is neither a URL nor a Hub id ("org/name"), and there are no paths here: ` +
        'give a URL, a File or bytes',
    );
  }
  throw new WasmformerError(
    'FILE_NOT_FOUND',
    `there is no folder ${JSON.stringify(text)} (${options.files.resolve(text)}), and it is no Hub id ("org/name")`,
  );
}

/** A repository of the Hub that is in Hugging Face's cache on this machine. */
async function openCached(id: string, options: SourceOptions, files: FileAccess): Promise<Source | undefined> {
  const { cachedFolder } = await import('./hub-cache');
  const folder = await cachedFolder(files, files.hubCache(), id, checkRevision(options));
  if (folder === undefined) return undefined;
  const { FolderSource } = await import('./source-folder');
  return new FolderSource(folder, files);
}

async function openPath(text: string, files: FileAccess): Promise<Source | undefined> {
  let path: string;
  try {
    path = files.resolve(text);
  } catch (cause) {
    throw new WasmformerError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not a valid file URL`, { cause });
  }
  const kind = await files.kind(path);
  if (kind === undefined || (kind === 'denied' && HUB_ID.test(text))) return undefined;
  // a page has no folders: it never asks for this module
  const { FolderSource } = await import('./source-folder');
  if (kind !== 'file') return new FolderSource(path, files);
  const { folder, file } = files.split(path);
  if (WEIGHT_FILE.test(file)) return new FolderSource(folder, files, file);
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    `${path} is not a weight file (.safetensors, .bin or .gguf): give the folder that holds config.json and the weights`,
  );
}

function isFileList(input: unknown): input is ArrayLike<Blob> {
  if (Array.isArray(input)) return true;
  return typeof FileList !== 'undefined' && input instanceof FileList;
}

/** An object as `{}` writes it, of any realm. */
export function isPlainObject(input: unknown): input is Readonly<Record<string, FileContent>> {
  if (typeof input !== 'object' || input === null) return false;
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A value in words, for messages. */
export function describe(input: unknown): string {
  if (typeof input !== 'object' || input === null) return String(input);
  return (input as { constructor?: { name?: string } }).constructor?.name ?? 'an object';
}
