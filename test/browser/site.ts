// The site that the browser tests visit: the project's files and modules bundled on the fly, on this machine only, with or
// without the headers that isolate a page.
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelsDir } from '../support/models';

const root = fileURLToPath(new URL('../../', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** What cross-origin isolates a page, so that it may share memory. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export interface Site {
  readonly url: string;
  /** Every path that was asked for. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Serves dist/ and test/golden/ of the project, real checkpoints under /models/, and `pages` by path. */
export async function serve(isolated: boolean, pages: Readonly<Record<string, string>>): Promise<Site> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    requests.push(path);
    void send(path, request.headers.range, pages).then(({ status, headers, body }) => {
      response.writeHead(status, {
        'Cache-Control': 'no-store',
        ...(isolated ? ISOLATION : {}),
        ...headers,
        'Content-Length': body.length,
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  status: number;
  headers: Record<string, string | number>;
  body: Uint8Array;
}

const NOTHING = new Uint8Array();

/** A page, or a file or the range of it that was asked for. */
async function send(path: string, range: string | undefined, pages: Readonly<Record<string, string>>): Promise<Answer> {
  const headers = { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', 'Accept-Ranges': 'bytes' };
  if (Object.hasOwn(pages, path)) return { status: 200, headers, body: new TextEncoder().encode(pages[path]) };
  // browsers ask for it unasked; an error in the console would count as a problem
  if (path === '/favicon.ico') return { status: 200, headers, body: NOTHING };
  const file = path.startsWith('/models/') ? join(modelsDir, path.slice(8)) : join(root, path);
  if (!/^\/(dist|models|test\/golden)\//.test(path) || !existsSync(file))
    return { status: 404, headers, body: NOTHING };
  const handle = await open(file);
  try {
    const { size, mtimeMs } = await handle.stat();
    // as web servers do, so that a page keeps what it downloads
    Object.assign(headers, { ETag: `"${size}-${mtimeMs}"` });
    const asked = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
    const from = asked ? Number(asked[1]) : 0;
    const to = asked?.[2] ? Math.min(size, Number(asked[2]) + 1) : size;
    const body = new Uint8Array(Math.max(0, to - from));
    await handle.read(body, 0, body.length, from);
    if (!asked) return { status: 200, headers, body };
    return { status: 206, headers: { ...headers, 'Content-Range': `bytes ${from}-${to - 1}/${size}` }, body };
  } finally {
    await handle.close();
  }
}
