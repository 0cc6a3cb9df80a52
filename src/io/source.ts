// Where a checkpoint comes from: turns what the user gives (path, URL, Hub id, files, bytes) into a Source.
import { throwIfAborted, WasmformerError } from '../errors';
import { isBlob, type FileAccess, type Source } from './source-base';
import { HttpSource } from './source-http';
import type { FileContent } from './source-memory';
import { shownUrl } from './source-request';

export type { Source } from './source-base';
export type { FileContent } from './source-memory';

/**
 * What a checkpoint can be loaded from:
 * - a folder path (absolute or relative) or `file:` URL, or the path of a weight file in the folder (which then is the
 *   one that is loaded);
 * - a Hub id, `org/name`, unless a local folder has that path;
 * - an http(s) URL of a folder, a weight file or a repository (see `openSource`);
 * - File, Blob, FileList or an array of Files;
 * - `{ [fileName]: bytes | text | Blob }`.
 */
export type SourceInput = string | URL | Blob | FileList | readonly File[] | Readonly<Record<string, FileContent>>;

export interface SourceOptions {
  /** Branch, tag or commit on the Hub. Default `main`. */
  revision?: string;
  /** Replaces the global fetch, for instance to add an Authorization header. */
  fetch?: typeof fetch;
  /** Aborts the opening. Reads take their own signal. */
  signal?: AbortSignal;
  /** The Hub, or a mirror with its layout. Default `https://huggingface.co`. */
  endpoint?: string;
  /** The local file system, where the platform has one. */
  files?: FileAccess;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
const WEIGHT_FILE = /\.(safetensors|gguf|bin|pt|pth|(safetensors|bin)\.index\.json)$/;
const HUB_ID = /^[\w][\w.-]*\/[\w][\w.-]*$/;

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
  if (/^https?:\/\//i.test(text)) return openUrl(text, options);
  if (options.files) {
    const found = await openPath(text, options.files);
    if (found) return found;
  }
  if (HUB_ID.test(text) && !text.includes('..')) {
    const hint = options.files && `taken as a Hub id: there is no local folder ${options.files.resolve(text)}`;
    return hubSource(`${endpointOf(options)}/${text}`, options, { name: text, hint });
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

async function openPath(text: string, files: FileAccess): Promise<Source | undefined> {
  let path: string;
  try {
    path = files.resolve(text);
  } catch (cause) {
    throw new WasmformerError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not a valid file URL`, { cause });
  }
  const kind = await files.kind(path);
  if (kind === undefined) return undefined;
  // a page has no folders: it never asks for this module
  const { FolderSource } = await import('./source-folder');
  if (kind === 'folder') return new FolderSource(path, files);
  const { folder, file } = files.split(path);
  if (WEIGHT_FILE.test(file)) return new FolderSource(folder, files, file);
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    `${path} is not a weight file (.safetensors, .bin or .gguf): give the folder that holds config.json and the weights`,
  );
}

async function openUrl(text: string, options: SourceOptions): Promise<Source> {
  const url = parseUrl(text);
  const repository = inEndpoint(url, options);
  if (repository?.rest) url.pathname = `${repository.path}/resolve/${repository.rest}`;

  const slash = url.pathname.lastIndexOf('/');
  const last = decodePart(url.pathname.slice(slash + 1));
  if (WEIGHT_FILE.test(last)) {
    url.pathname = url.pathname.slice(0, slash);
    return httpSource(url.href, options, { weights: last });
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  if (repository && !repository.rest) return hubSource(url.href, options, {});
  const folder = httpSource(url.href, options, {});
  if (url.pathname.includes('/resolve/') || (await folder.has('config.json', options.signal))) return folder;
  const mirror = hubSource(url.href, options, {});
  if (await mirror.has('config.json', options.signal)) return mirror;
  const revision = revisionOf(options);
  const shown = shownUrl(url.href);
  throw new WasmformerError(
    'FILE_NOT_FOUND',
    `no checkpoint at ${shown}: there is neither ${shown}/config.json nor ${shown}/resolve/${revision}/config.json`,
  );
}

/** The repository of the Hub that a URL names, and what follows `/tree/`, `/blob/` or `/resolve/` in it. */
function inEndpoint(url: URL, options: SourceOptions): { path: string; rest?: string } | undefined {
  const endpoint = new URL(endpointOf(options));
  const base = endpoint.pathname.replace(/\/$/, '');
  if (url.origin !== endpoint.origin || !url.pathname.startsWith(`${base}/`)) return undefined;
  const parts = /^([^/]+\/[^/]+)(?:\/(?:tree|blob|resolve)\/(.+))?\/*$/.exec(url.pathname.slice(base.length + 1));
  if (!parts || !HUB_ID.test(parts[1])) return undefined;
  return { path: `${base}/${parts[1]}`, rest: parts[2] };
}

/** A repository on a server with the Hub's layout; `url` ends in its id. */
function hubSource(url: string, options: SourceOptions, about: { name?: string; hint?: string }): HttpSource {
  const revision = revisionOf(options);
  const files = parseUrl(url);
  const api = new URL(files);
  api.pathname = files.pathname.replace(/\/([^/]+\/[^/]+)$/, `/api/models/$1/revision/${revision}`);
  files.pathname += `/resolve/${revision}`;
  return httpSource(files.href, options, { ...about, listUrl: api.pathname.includes('/api/') ? api.href : undefined });
}

function httpSource(
  url: string,
  options: SourceOptions,
  about: { name?: string; weights?: string; hint?: string; listUrl?: string },
): HttpSource {
  const fetchFile = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  return new HttpSource(url, { ...about, fetch: fetchFile });
}

function endpointOf(options: SourceOptions): string {
  return parseUrl(options.endpoint ?? DEFAULT_ENDPOINT).href.replace(/\/+$/, '');
}

function revisionOf({ revision = 'main' }: SourceOptions): string {
  if (typeof revision === 'string' && !/^\.{0,2}$|\p{Cs}/u.test(revision)) return encodeURIComponent(revision);
  throw new WasmformerError('INVALID_ARGUMENT', `revision ${JSON.stringify(revision)} is not a branch, tag or commit`);
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new WasmformerError('INVALID_ARGUMENT', `the URL has a part with a broken escape: ${part}`, { cause });
  }
}

function parseUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new WasmformerError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not a valid URL`, { cause });
  }
  if (url.username || url.password) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `the URL of ${url.host} holds a user name or password: pass a fetch that adds the Authorization header instead`,
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new WasmformerError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not an http or https URL`);
  }
  url.hash = '';
  return url;
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
