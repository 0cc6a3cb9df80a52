// The site that the browser tests visit: the project's files and modules bundled on the fly, on this machine only, with or
// without the headers that isolate a page.
import { readFile } from 'node:fs/promises';
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
    void read(path, pages).then((content) => {
      const headers = { 'Cache-Control': 'no-store', 'Accept-Ranges': 'bytes', ...(isolated ? ISOLATION : {}) };
      if (!content) return response.writeHead(404, headers).end();
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      const [from, to] = range
        ? [Number(range[1]), range[2] ? Number(range[2]) + 1 : content.length]
        : [0, content.length];
      const body = content.subarray(from, to);
      const type = TYPES[extname(path)] ?? 'application/octet-stream';
      response.writeHead(range ? 206 : 200, {
        ...headers,
        'Content-Type': type,
        'Content-Length': body.length,
        ...(range ? { 'Content-Range': `bytes ${from}-${from + body.length - 1}/${content.length}` } : {}),
      });
      return response.end(request.method === 'HEAD' ? undefined : body);
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

async function read(path: string, pages: Readonly<Record<string, string>>): Promise<Buffer | undefined> {
  if (Object.hasOwn(pages, path)) return Buffer.from(pages[path]);
  // browsers ask for it unasked; an error in the console would count as a problem
  if (path === '/favicon.ico') return Buffer.alloc(0);
  const file = path.startsWith('/models/') ? join(modelsDir, path.slice(8)) : join(root, path);
  if (!/^\/(dist|models|test\/golden)\//.test(path)) return undefined;
  try {
    return await readFile(file);
  } catch {
    return undefined;
  }
}
