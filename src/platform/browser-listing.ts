// What is in a page's storage of downloads, all in all: only cache.list() and its like ask.
import type { ListedFile, Stored } from '../io/cache/store';
import { PIECE_BYTES } from '../io/source-base';
import { factsOf, type Part } from './browser-entries';

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

/** Removes everything; gives the bytes that this frees. */
export async function clear(cache: Cache): Promise<number> {
  const listed = await list(cache);
  for (const request of await cache.keys()) await cache.delete(request);
  return listed.reduce((sum, { stored }) => sum + stored, 0);
}
