// What is in a page's storage of downloads, all in all, and how it is removed: only cache.list() and its like ask.
import { REMOVAL_PATIENCE_MS, type ListedFile, type Stored } from '../io/cache/store';
import { PIECE_BYTES } from '../io/source-base';
import { factsOf, lockOf, partUrl, type Part } from './browser-entries';

export async function list(cache: Cache): Promise<ListedFile[]> {
  const listed: ListedFile[] = [];
  for (const request of await cache.keys()) {
    const facts = factsOf<Stored | Part>(await cache.match(request));
    if (!facts) continue;
    if ('absent' in facts) listed.push({ url: facts.url, stored: 0, absent: true });
    else if ('pieces' in facts) listed.push({ url: facts.url, stored: facts.pieces * PIECE_BYTES });
    else listed.push({ url: facts.url, stored: facts.size, whole: facts });
  }
  return listed;
}

/** Removes all of a URL, unless somebody downloads it at this moment; gives the bytes that this frees. */
export async function remove(cache: Cache, url: string): Promise<number> {
  if (!navigator.locks) return drop(cache, url);
  const signal = AbortSignal.timeout(REMOVAL_PATIENCE_MS);
  let started = false;
  const run = (): Promise<number> => {
    started = true;
    return drop(cache, url);
  };
  try {
    return await navigator.locks.request(lockOf(url), { signal }, run);
  } catch (error) {
    if (started) throw error;
    return 0;
  }
}

/** Removes everything that nobody downloads at this moment; gives the bytes that this frees. */
export async function clear(cache: Cache): Promise<number> {
  const urls = new Set((await cache.keys()).map((request) => fileOf(request.url)));
  let freed = 0;
  for (const url of urls) freed += await remove(cache, url);
  return freed;
}

/** Removes all of a URL: for whoever holds its lock. */
export async function drop(cache: Cache, url: string): Promise<number> {
  const whole = factsOf<Stored>(await cache.match(url));
  const part = factsOf<Part>(await cache.match(partUrl(url)));
  // the entry first: what is half removed is not believed
  await cache.delete(url);
  for (const request of await cache.keys(url, { ignoreSearch: true }))
    if (fileOf(request.url) === url) await cache.delete(request);
  return whole && 'sha256' in whole ? whole.size : (part?.pieces ?? 0) * PIECE_BYTES;
}

/** The URL of the file whose entry, piece or part has this one. */
const fileOf = (url: string): string => url.replace(/\?(part|piece=\d+)$/, '');
