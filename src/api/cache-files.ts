// The files of the cache of downloads, by model.
import { WasmformerError } from '../errors';
import { hashStored } from '../io/cache/source-cached';
import type { ListedFile, Store } from '../io/cache/store';
import { checkNames } from '../runtime/option-names';
import type { CachedFile, CacheOptions, VerifiedFile } from './cache';

export async function place(options?: CacheOptions): Promise<string | null> {
  return (await storeOf(options))?.place ?? null;
}

export async function list(options?: CacheOptions): Promise<CachedFile[]> {
  const files = await filesOf(await storeOf(options));
  return files.filter(({ listed }) => !listed.absent).map(({ shown }) => shown);
}

export async function verify(model: string | null = null, options?: CacheOptions): Promise<VerifiedFile[]> {
  checkModel(model);
  const store = await storeOf(options);
  const { createHasher } = await import('#platform-store');
  const verified: VerifiedFile[] = [];
  for (const { shown, listed } of await filesOf(store, model)) {
    if (listed.absent) continue;
    const { whole } = listed;
    const hash = whole && (await hashStored(store!, whole, createHasher, options?.signal));
    verified.push({ ...shown, intact: whole !== undefined && hash === whole.sha256 });
  }
  return verified;
}

export async function remove(model: string | null, options?: CacheOptions): Promise<number> {
  checkModel(model);
  const store = await storeOf(options);
  if (!store) return 0;
  if (model === null) return store.clear();
  let freed = 0;
  for (const { listed } of await filesOf(store, model)) freed += await store.remove(listed.url);
  return freed;
}

async function storeOf(options: CacheOptions = {}): Promise<Store | undefined> {
  await checkNames(options, 'cacheDir signal');
  const { openStore } = await import('#platform-store');
  return openStore(options.cacheDir?.toString());
}

async function filesOf(
  store: Store | undefined,
  model: string | null = null,
): Promise<{ shown: CachedFile; listed: ListedFile }[]> {
  const files = (await store?.list()) ?? [];
  return files
    .map((listed) => ({ shown: describe(listed), listed }))
    .filter(({ shown }) => model === null || [shown.model, shown.url].includes(model.replace(/\/+$/, '')))
    .sort((a, b) => (a.shown.url < b.shown.url ? -1 : 1));
}

/** A file by the parts of its URL. */
function describe({ url, stored, whole }: ListedFile): CachedFile {
  const { origin, pathname } = new URL(url);
  const hub = /^\/(.*\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname);
  const slash = pathname.lastIndexOf('/');
  return {
    url,
    model: hub ? decodeURIComponent(hub[2]) : origin + pathname.slice(0, slash),
    revision: hub ? decodeURIComponent(hub[3]) : null,
    file: decodeURIComponent(hub ? hub[4] : pathname.slice(slash + 1)),
    size: stored,
    complete: whole !== undefined,
    sha256: whole?.sha256 ?? null,
    commit: whole?.commit ?? null,
    savedAt: whole ? new Date(whole.saved) : null,
  };
}

function checkModel(model: unknown): void {
  if (model === null || (typeof model === 'string' && model.trim() !== '')) return;
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    'the model must be a Hub id or URL as cache.list() shows them, or null for everything',
  );
}
