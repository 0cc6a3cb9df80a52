// Browsers as programs: a page is opened in a fresh profile and sends what it found to the site that served it.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { machine, tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import type { Findings } from './page/program';

/** How long a page may take. */
const PATIENCE_MS = 60_000;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

export interface Browser {
  readonly name: string;
  readonly path: string;
  /** What it needs beside its program. */
  readonly needs?: string;
  readonly args: (profile: string) => string[];
}

export const CHROMIUM: Browser = {
  name: 'Chromium',
  path: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: (profile) => [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--user-data-dir=${profile}`,
  ],
};

export const FIREFOX: Browser = {
  name: 'Firefox',
  path: process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr',
  args: (profile) => ['--headless', '--no-remote', '--profile', profile],
};

const miniBrowser = process.env.WEBKIT_PATH ?? `/usr/lib/${machine()}-linux-gnu/webkit2gtk-4.1/MiniBrowser`;

/** WebKitGTK's own small browser, which has no headless mode. It shares no memory between threads. */
export const WEBKIT: Browser = {
  name: 'WebKit',
  path: '/usr/bin/xvfb-run',
  needs: miniBrowser,
  args: () => ['-a', miniBrowser],
};

/** Whether a browser is there. Where CI is set, a missing one is an error. */
export function hasBrowser({ name, path, needs = path }: Browser): boolean {
  const missing = [path, needs].find((file) => !existsSync(file));
  if (missing === undefined) return true;
  if (process.env.CI === 'true') throw new Error(`${name} is missing: there is no ${missing}`);
  console.warn(`skipped: there is no ${missing}`);
  return false;
}

export interface Page {
  /** Folder that is served; or the origin of a server that is running. */
  readonly folder?: string;
  readonly origin?: string;
  /** Headers that make it cross-origin isolated. */
  readonly isolated?: boolean;
  /** Further headers, for instance a Content-Security-Policy. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the page is told, beside where it is to `report`. */
  readonly query: Readonly<Record<string, string>>;
}

/** Opens a page in a browser and gives what it posts to the address that it is told as `report`. */
export async function visit(browser: Browser, page: Page): Promise<Findings> {
  const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  let found: (findings: Findings) => void;
  const findings = new Promise<Findings>((resolve) => (found = resolve));
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    if (path === '/findings') {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.writeHead(204, { 'Access-Control-Allow-Origin': '*' }).end();
        found(JSON.parse(Buffer.concat(parts).toString()) as Findings);
      });
      return;
    }
    const file = path === '/' ? '/index.html' : path;
    readFile(join(page.folder ?? '/nothing', file)).then(
      (body) => {
        const type = TYPES[extname(file)] ?? 'application/octet-stream';
        response.writeHead(200, { 'Content-Type': type, ...(page.isolated ? isolation : {}), ...page.headers });
        response.end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const query = new URLSearchParams({ ...page.query, report: `${here}/findings` });
  const url = `${page.origin ?? here}/?${query.toString()}`;
  const profile = mkdtempSync(join(tmpdir(), 'wasmformer-browser-'));
  // a group of its own, so that all of the browser's processes can be ended
  const program = spawn(browser.path, [...browser.args(profile), url], {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, HOME: profile },
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      findings,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${browser.name}: no answer from ${url}`)), PATIENCE_MS);
        program.once('error', reject);
        program.once('exit', (code) => reject(new Error(`${browser.name} ended with ${String(code)}`)));
      }),
    ]);
  } finally {
    clearTimeout(timer);
    program.removeAllListeners('exit');
    const ended = new Promise((resolve) => program.once('exit', resolve));
    if (program.pid !== undefined && program.exitCode === null) {
      process.kill(-program.pid, 'SIGKILL');
      await ended;
    }
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
