// What is in a page's storage of downloads, all in all, and how it is removed: only cache.list() and its like ask.
import type { ListedFile, Stored } from '../io/cache/store';
import { PIECE_BYTES } from '../io/source-base';
import { factsOf, partUrl, type Part } from './browser-entries';

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

/** URLs of everything, also of pieces that belong to nothing. */
export async function urls(cache: Cache): Promise<Set<string>> {
  return new Set((await cache.keys()).map((request) => fileOf(request.url)));
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
