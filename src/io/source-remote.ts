// Checkpoints on web servers: how a URL or a Hub id is understood, who may ask, and where the files are kept.
import { WasmformerError } from '../errors';
import { CachedSource } from './cache/source-cached';
import type { Hasher, Store } from './cache/store';
import { RemoteFiles, type OnDownload, type RemoteFilesOptions } from './remote-files';
import type { Source } from './source-base';
import { checkRevision, HUB_ID, WEIGHT_FILE } from './source-names';
import { shownUrl } from './source-request';

/** Storage of downloads, given by the platform. */
export interface Storage {
  /** Undefined where nothing can be kept. */
  openStore(place?: string): Promise<Store | undefined>;
  createHasher(): Promise<Hasher>;
  /** The answer, in a form whose body may be read at any pace. */
  readAhead(response: Response): Response;
  /** What the environment says of the Hub. */
  hubSettings(): { token?: string; localFilesOnly: boolean };
}

export interface RemoteOptions {
  /** Branch, tag or commit on the Hub. Default `main`. */
  revision?: string;
  /** Replaces the global fetch. */
  fetch?: typeof fetch;
  /** Aborts the opening. Reads take their own signal. */
  signal?: AbortSignal;
  /** The Hub, or a mirror with its layout. Default `https://huggingface.co`. */
  endpoint?: string;
  /** Sent as a bearer token to the server that is asked, and nowhere else. Default: the environment's, to the Hub alone. */
  token?: string;
  /** Where downloads are kept: a folder, or in a page the name of a cache; null: nowhere. Default: the platform's place. */
  cacheDir?: string | URL | null;
  /** Only what is in the cache. Default false, or as the environment says. */
  localFilesOnly?: boolean;
  onDownload?: OnDownload;
  storage?: () => Promise<Storage>;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';

/** @param hint added to messages about failed requests */
export function openHubId(id: string, options: RemoteOptions, hint?: string): Promise<Source> {
  return openHub(`${endpointOf(options)}/${id}`, options, { name: id, hint });
}

/** Opens a folder, weight file or repository by its URL, as openSource says. */
export async function openUrl(text: string, options: RemoteOptions): Promise<Source> {
  const url = parseUrl(text);
  const repository = inEndpoint(url, options);
  if (repository?.rest) url.pathname = `${repository.path}/resolve/${repository.rest}`;

  const slash = url.pathname.lastIndexOf('/');
  const last = decodePart(url.pathname.slice(slash + 1));
  if (WEIGHT_FILE.test(last)) {
    url.pathname = url.pathname.slice(0, slash);
    return openHttp(url.href, options, { weights: last, isHub: repository !== undefined });
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  if (repository && !repository.rest) return openHub(url.href, options, {});
  const folder = await openHttp(url.href, options, { isHub: url.pathname.includes('/resolve/') });
  if (url.pathname.includes('/resolve/') || (await folder.has('config.json', options.signal))) return folder;
  const mirror = await openHub(url.href, options, {});
  if (await mirror.has('config.json', options.signal)) return mirror;
  const revision = checkRevision(options);
  const shown = shownUrl(url.href);
  throw new WasmformerError(
    'FILE_NOT_FOUND',
    `no checkpoint at ${shown}: there is neither ${shown}/config.json nor ${shown}/resolve/${revision}/config.json`,
  );
}

/** The repository of the Hub that a URL names, and what follows `/tree/`, `/blob/` or `/resolve/` in it. */
function inEndpoint(url: URL, options: RemoteOptions): { path: string; rest?: string } | undefined {
  const endpoint = new URL(endpointOf(options));
  const base = endpoint.pathname.replace(/\/$/, '');
  if (url.origin !== endpoint.origin || !url.pathname.startsWith(`${base}/`)) return undefined;
  const parts = /^([^/]+\/[^/]+)(?:\/(?:tree|blob|resolve)\/(.+))?\/*$/.exec(url.pathname.slice(base.length + 1));
  if (!parts || !HUB_ID.test(parts[1])) return undefined;
  return { path: `${base}/${parts[1]}`, rest: parts[2] };
}

/** A repository on a server with the Hub's layout; `url` ends in its id. */
async function openHub(url: string, options: RemoteOptions, about: { name?: string; hint?: string }): Promise<Source> {
  const revision = encodeURIComponent(checkRevision(options));
  const files = parseUrl(url);
  const api = new URL(files);
  api.pathname = files.pathname.replace(/\/([^/]+\/[^/]+)$/, `/api/models/$1/revision/${revision}`);
  files.pathname += `/resolve/${revision}`;
  const listUrl = api.pathname.includes('/api/') ? api.href : undefined;
  return openHttp(files.href, options, { ...about, isHub: true, listUrl });
}

/** @param url a folder's */
async function openHttp(
  url: string,
  options: RemoteOptions,
  about: Omit<RemoteFilesOptions, 'fetch'>,
): Promise<Source> {
  const storage = await options.storage?.();
  const settings = storage?.hubSettings();
  const { cacheDir, onDownload } = options;
  // the environment's word is of the Hub alone
  const environment = new URL(url).origin === DEFAULT_ENDPOINT ? settings : undefined;
  const localFilesOnly = options.localFilesOnly ?? environment?.localFilesOnly ?? false;
  const fetchFile = authorized(options, environment?.token);
  const { readAhead = (response: Response) => response } = storage ?? {};
  const remote = new RemoteFiles(url, {
    ...about,
    fetch: async (input, init) => readAhead(await fetchFile(input, init)),
    onProgress: onDownload,
  });
  // a query may be a signature, which is another one each time
  const store = cacheDir === null || new URL(url).search ? undefined : await storage?.openStore(cacheDir?.toString());
  if (store) {
    return new CachedSource(remote, {
      store,
      createHasher: storage!.createHasher,
      localFilesOnly,
      isFixed: /\/resolve\/[0-9a-f]{40}$/.test(new URL(url).pathname),
      onUnstored: cacheDir === undefined ? warnOnce : undefined,
    });
  }
  if (!localFilesOnly) return new (await import('./source-http')).HttpSource(remote);
  throw new WasmformerError(
    'FILE_NOT_FOUND',
    `localFilesOnly forbids to ask for ${remote.name}, and nothing is kept in a cache here: load it without localFilesOnly`,
  );
}

/** The fetch of a source: with the token, where that is meant for. */
function authorized(options: RemoteOptions, hubToken: string | undefined): typeof fetch {
  const fetchFile: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const token = options.token ?? hubToken;
  if (token === undefined) return fetchFile;
  return (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('Authorization', `Bearer ${token}`);
    return fetchFile(input, { ...init, headers });
  };
}

let warned = false;

/** What cannot be stored is loaded all the same; that it will be downloaded again is worth one line. */
function warnOnce(error: WasmformerError): void {
  if (warned) return;
  warned = true;
  console.warn(`wasmformer: models are loaded without being kept: ${error.message}`);
}

function endpointOf(options: RemoteOptions): string {
  return parseUrl(options.endpoint ?? DEFAULT_ENDPOINT).href.replace(/\/+$/, '');
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
