// What the headers of an answer tell about a file on a server, and the checks that it is still the same file.
import { WasmformerError } from '../errors';
import type { FileFacts } from './cache/store';
import { shownUrl } from './source-request';

/** What was told of a file; later answers must agree. */
export interface KnownFile {
  readonly url: string;
  /** Undefined until the server has told it. */
  readonly size: number | undefined;
  readonly etag: string | undefined;
}

/** Content-Length, where it is the length of the bytes that fetch delivers. */
export function bodySize(headers: Headers): number | undefined {
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') return undefined;
  return toSize(headers.get('content-length'));
}

function toSize(text: string | null | undefined): number | undefined {
  if (!text || !/^\d+$/.test(text)) return undefined;
  const size = Number(text);
  return Number.isSafeInteger(size) ? size : undefined;
}

/** Weak and strong tags of one content are taken as equal: proxies weaken them. */
export function etagOf(headers: Headers): string | undefined {
  return headers.get('etag')?.replace(/^W\//, '');
}

/** What an answer tells of the file's content, beside its size: of the Hub's, or of a redirect to where its large files are.
 *  @param isHub whether tags may be hashes */
export function factsOf(headers: Headers, isHub: boolean): FileFacts {
  const linked = headers.get('x-linked-etag');
  const etag = linked ?? etagOf(headers) ?? headers.get('last-modified') ?? undefined;
  const commit = headers.get('x-repo-commit') ?? undefined;
  const tag = etag?.replace(/^(?:W\/)?"(.*)"$/, '$1') ?? '';
  const size = toSize(headers.get('x-linked-size'));
  const known = isHub || linked !== null;
  const freshUntil = freshnessOf(headers);
  return {
    ...(freshUntil === undefined ? {} : { freshUntil }),
    ...(etag === undefined ? {} : { etag }),
    ...(commit === undefined ? {} : { commit }),
    ...(size === undefined ? {} : { size }),
    ...(known && /^[0-9a-f]{64}$/.test(tag) ? { sha256: tag } : {}),
    ...(commit !== undefined && /^[0-9a-f]{40}$/.test(tag) ? { gitHash: tag } : {}),
  };
}

/** When an answer becomes stale; undefined: at once. */
function freshnessOf(headers: Headers): number | undefined {
  const control = headers.get('cache-control') ?? '';
  const seconds = /\bno-(store|cache)\b/.test(control) ? undefined : toSize(/\bmax-age=(\d+)/.exec(control)?.[1]);
  const age = toSize(headers.get('age')) ?? 0;
  return seconds === undefined || seconds <= age ? undefined : Date.now() + (seconds - age) * 1000;
}

/** Parts of a Content-Range that the server gives; all undefined if it is hidden or unreadable. */
export function parseContentRange(header: string | null): { from?: number; to?: number; total?: number } {
  const parts = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(header ?? '');
  return { from: toSize(parts?.[1]), to: toSize(parts?.[2]), total: toSize(parts?.[3]) };
}

/** Throws NETWORK if an answer is of another file than the first one was. */
export function checkUnchanged(remote: KnownFile, headers: Headers, status: number): void {
  const etag = etagOf(headers);
  const size = status === 200 ? bodySize(headers) : parseContentRange(headers.get('content-range')).total;
  const sameTag = etag === undefined || remote.etag === undefined || etag === remote.etag;
  if (sameTag && (size === undefined || remote.size === undefined || size === remote.size) && status !== 416) return;
  throw new WasmformerError(
    'NETWORK',
    `${shownUrl(remote.url)} changed on the server while it was being read; load it again`,
  );
}

/**
 * Throws NETWORK if a server answers another range than was asked for.
 * @param to undefined: to the end, wherever that is
 */
export function checkRange(remote: KnownFile, headers: Headers, from: number, to: number | undefined): void {
  const header = headers.get('content-range');
  // Hidden across origins unless the server exposes it; the count of bytes is checked in any case.
  if (header === null) return;
  const range = parseContentRange(header);
  if (range.from === from && (to === undefined || range.to === to)) return;
  throw new WasmformerError(
    'NETWORK',
    `${shownUrl(remote.url)}: bytes ${from}-${to ?? ''} were asked for, the server answered with "${header}"`,
  );
}
