// A file server on 127.0.0.1 with the Hub's layout, plain folders, range requests and faults on request.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A folder on disk, or contents by file name. */
type ServedFiles = string | Record<string, Uint8Array | string>;

export interface HubServerOptions {
  /** Repositories by id: files at `/{id}/resolve/{any revision}/{file}`, their list at `/api/models/{id}/revision/...`. */
  repos?: Record<string, ServedFiles>;
  /** Plain folders by path: files at `/{path}/{file}`. */
  folders?: Record<string, ServedFiles>;
  /** false: ignore Range and always answer 200. Default true. */
  ranges?: boolean;
  /** false: send bodies of 200 answers without Content-Length; 'never': HEAD does not tell it either. Default true. */
  contentLength?: boolean | 'never';
  /** Answer repository files with a redirect to `/cdn/...`, as the Hub does for large files. */
  redirect?: boolean;
  /** Tell hashes as the Hub does: SHA-256 of what ends in .safetensors or .bin, Git's hash of the others, and the commit; 'tags': by
   *  headers alone, 'listing': also by the listing. Only for repositories in memory. */
  hashes?: 'tags' | 'listing';
  /** Answer unknown paths with 200 and a web page, as servers of single-page applications do. */
  catchAll?: boolean;
  /** Further headers of every answer. */
  headers?: Record<string, string>;
}

/** What goes wrong with an answer. */
interface Fault {
  /** Answer with this status instead. */
  status?: number;
  headers?: Record<string, string>;
  /** Send this many bytes of the body, then cut the connection. */
  cutAfter?: number;
  /** Send this many bytes of the body, then nothing, with the connection left open. */
  stallAfter?: number;
  /** Send this many bytes of the promised range and end as if that were all (no Content-Length). */
  shortenTo?: number;
  /** Wait before answering. */
  delayMs?: number;
  etag?: string;
}

interface LoggedRequest {
  method: string;
  /** Path with query. */
  path: string;
  range: string | undefined;
  headers: IncomingMessage['headers'];
}

export interface HubServer {
  /** `http://127.0.0.1:{port}` */
  readonly url: string;
  readonly requests: LoggedRequest[];
  /** Makes the next `times` (default 1) requests whose path contains `pathPart` go wrong. */
  fail(pathPart: string, fault: Fault, times?: number): void;
  /** Answers under way: neither finished nor cut off by the client. */
  active(): number;
  /** Bytes of file bodies handed to the network so far. */
  bytesSent(): number;
  close(): Promise<void>;
}

interface Found {
  size: number;
  etag: string;
  bytes(from: number, to: number): AsyncIterable<Uint8Array>;
}

const CHUNK = 64 * 1024;

/** Starts a server; close it in the test's cleanup. */
export async function startHubServer(options: HubServerOptions): Promise<HubServer> {
  const requests: LoggedRequest[] = [];
  const faults: { pathPart: string; fault: Fault; left: number }[] = [];
  let sent = 0;
  let active = 0;

  const server = createServer((request, response) => {
    active++;
    response.on('close', () => active--);
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const method = request.method ?? 'GET';
    requests.push({ method, path, range: request.headers.range, headers: request.headers });
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    response.setHeader('Access-Control-Expose-Headers', 'Content-Range, ETag, X-Error-Message');
    for (const [name, value] of Object.entries(options.headers ?? {})) response.setHeader(name, value);
    if (method === 'OPTIONS') return void response.writeHead(204).end();

    const planned = faults.find((entry) => entry.left > 0 && path.includes(entry.pathPart));
    if (planned) planned.left--;
    const fault = { ...planned?.fault };
    if (fault.delayMs) await sleep(fault.delayMs);
    if (fault.status) return void response.writeHead(fault.status, fault.headers).end(`status ${fault.status}`);

    const pathname = decodeURIComponent(path.replace(/\?.*/, ''));
    const listed = /^\/api\/models\/([^/]+\/[^/]+)\/revision\//.exec(pathname);
    if (listed && options.repos?.[listed[1]]) {
      const files = options.repos[listed[1]];
      const detailed = options.hashes === 'listing' && typeof files === 'object';
      const siblings = (await namesOf(files)).map((rfilename) => ({
        rfilename,
        ...(detailed ? blobOf(rfilename, bytesOf(files[rfilename])) : {}),
      }));
      const sha = detailed ? commitOf(files) : undefined;
      response.setHeader('Content-Type', 'application/json');
      return void response.end(JSON.stringify({ id: listed[1], sha, siblings }));
    }
    const repository = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path.replace(/\?.*/, ''));
    const files = repository ? options.repos?.[repository[1]] : undefined;
    const name = repository ? decodeURIComponent(repository[3]) : '';
    if (options.hashes && typeof files === 'object' && Object.hasOwn(files, name)) {
      response.setHeader('X-Repo-Commit', commitOf(files));
      if (options.redirect) {
        response.setHeader('X-Linked-ETag', tagOf(name, bytesOf(files[name])));
        response.setHeader('X-Linked-Size', bytesOf(files[name]).byteLength);
      } else fault.etag ??= tagOf(name, bytesOf(files[name]));
    }
    if (options.redirect && repository) {
      return void response.writeHead(302, { Location: `/cdn/${repository[1]}/${repository[3]}` }).end();
    }
    const found = await find(pathname);
    if (!found) {
      if (options.catchAll) {
        response.setHeader('Content-Type', 'text/html; charset=utf-8');
        return void response.end('<!doctype html><title>app</title>');
      }
      return void response.writeHead(404, { 'X-Error-Message': 'Entry not found' }).end('Entry not found');
    }
    await sendFile(found, fault, request, response);
  }

  async function sendFile(file: Found, fault: Fault, request: IncomingMessage, response: ServerResponse) {
    const { size } = file;
    response.setHeader('ETag', fault.etag ?? file.etag);
    response.setHeader('Content-Type', 'application/octet-stream');
    let [from, to] = [0, size - 1];
    const range = options.ranges === false ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    if (range) {
      from = Number(range[1]);
      to = range[2] === '' ? size - 1 : Math.min(Number(range[2]), size - 1);
      response.setHeader('Accept-Ranges', 'bytes');
      if (from >= size) return void response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end();
      response.statusCode = 206;
      response.setHeader('Content-Range', `bytes ${from}-${to}/${size}`);
    }
    const length = to - from + 1;
    if (fault.shortenTo === undefined && (response.statusCode === 206 || (options.contentLength ?? true) === true)) {
      response.setHeader('Content-Length', length);
    }
    if (request.method === 'HEAD') {
      if (options.contentLength !== 'never') response.setHeader('Content-Length', length);
      return void response.end();
    }
    const stop = fault.cutAfter ?? fault.stallAfter ?? fault.shortenTo ?? length;
    response.flushHeaders();
    let left = Math.min(stop, length);
    if (left > 0) {
      for await (const chunk of file.bytes(from, from + left - 1)) {
        if (response.destroyed) return;
        sent += chunk.byteLength;
        left -= chunk.byteLength;
        if (!response.write(chunk)) await drained(response);
      }
    }
    if (fault.stallAfter !== undefined) return;
    if (fault.cutAfter !== undefined) {
      // Let what was written reach the client first.
      await sleep(20);
      return void response.destroy();
    }
    response.end();
  }

  async function find(pathname: string): Promise<Found | undefined> {
    const place = /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(
      pathname.replace(/\/resolve\/refs\/[^/]+\/[^/]+\//, '/resolve/x/'),
    );
    const cached = /^\/cdn\/([^/]+\/[^/]+)\/(.+)$/.exec(pathname);
    const repository = place ?? cached;
    if (repository) {
      const files = options.repos?.[repository[1]];
      return files === undefined ? undefined : open(files, repository[2]);
    }
    for (const [folder, files] of Object.entries(options.folders ?? {})) {
      if (pathname.startsWith(`/${folder}/`)) return open(files, pathname.slice(folder.length + 2));
    }
    return undefined;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    fail: (pathPart, fault, times = 1) => void faults.push({ pathPart, fault, left: times }),
    active: () => active,
    bytesSent: () => sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function open(files: ServedFiles, file: string): Promise<Found | undefined> {
  if (typeof files === 'string') {
    if (file.split('/').includes('..')) return undefined;
    const path = join(files, file);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) return undefined;
    return {
      size: found.size,
      etag: `"${found.size}-${found.mtimeMs}"`,
      bytes: (start, end) => createReadStream(path, { start, end, highWaterMark: CHUNK }),
    };
  }
  if (!Object.hasOwn(files, file)) return undefined;
  const bytes = bytesOf(files[file]);
  return {
    size: bytes.byteLength,
    etag: `"${file}-${bytes.byteLength}"`,
    bytes: (from, to) => pieces(bytes, from, to),
  };
}

const bytesOf = (content: Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;
const isLarge = (file: string): boolean => /\.(safetensors|bin)$/.test(file);
const hashOf = (algorithm: string, ...parts: (string | Uint8Array)[]): string => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
const gitHashOf = (bytes: Uint8Array): string => hashOf('sha1', `blob ${bytes.byteLength}\0`, bytes);

function tagOf(file: string, bytes: Uint8Array): string {
  return `"${isLarge(file) ? hashOf('sha256', bytes) : gitHashOf(bytes)}"`;
}

/** A file as the Hub lists it. */
function blobOf(file: string, bytes: Uint8Array): object {
  const size = bytes.byteLength;
  if (!isLarge(file)) return { size, blobId: gitHashOf(bytes) };
  return { size, blobId: 'f'.repeat(40), lfs: { sha256: hashOf('sha256', bytes), size, pointerSize: 130 } };
}

function commitOf(files: Record<string, Uint8Array | string>): string {
  return hashOf('sha1', ...Object.entries(files).flatMap(([name, content]) => [name, '\0', bytesOf(content)]));
}

async function* pieces(bytes: Uint8Array, from: number, to: number): AsyncIterable<Uint8Array> {
  for (let at = from; at <= to; at += CHUNK) yield bytes.subarray(at, Math.min(at + CHUNK, to + 1));
}

async function namesOf(files: ServedFiles): Promise<string[]> {
  return typeof files === 'string' ? readdir(files) : Object.keys(files);
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
