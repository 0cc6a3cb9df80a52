// Pages whose server or policy gets in the way of WebAssembly, and a Node without it: what works all the same, and what the error says.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { json } from 'node:stream/consumers';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, startChromium, type Chromium } from './chromium';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
const MODEL = 'test/golden/encoders/sentence-mean';

/** What the page's module does: loads, embeds, and sends what came of it and what was said on the console. */
const PAGE = `<!doctype html><meta charset="utf-8"><script type="module" src="/main.js"></script>`;
const MAIN = `
import { Encoder } from '/dist/web/index.js';
let found;
const said = [];
console.warn = console.info = (text) => said.push(text);
try {
  const options = { cacheDir: null, ...JSON.parse(new URLSearchParams(location.search).get('options') ?? '{}') };
  const encoder = await Encoder.fromPretrained(new URL('/${MODEL}/', location.href), options);
  const { dims } = await encoder.embed('a text');
  const { threads, worker, build } = encoder.info;
  found = { dims, threads, worker, build, said };
} catch (error) {
  found = { code: error.code, message: error.message };
}
await fetch('/found', { method: 'POST', body: JSON.stringify(found) });`;

/** How a page and its files are served. */
interface Serving {
  /** Content-Security-Policy of all files, or of the page alone. */
  policy?: string;
  pageOnly?: boolean;
  /** In place of the wasm files. */
  wasm?: Answer;
  /** A file that is not there. */
  missing?: string;
  headers?: Readonly<Record<string, string>>;
  /** Of fromPretrained. */
  options?: object;
}

interface Answer {
  status?: number;
  type?: string;
  body?: string;
}

describe.skipIf(!hasChromium())('Chromium', () => {
  let chromium: Chromium;
  let server: Server | undefined;

  beforeAll(async () => {
    chromium = await startChromium();
  });
  afterAll(() => chromium?.close());
  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
  });

  /** Serves the project so, and gives what the page found. */
  async function visit({
    policy,
    wasm = {},
    options = {},
    missing,
    headers = {},
    pageOnly = false,
  }: Serving): Promise<unknown> {
    let tell!: (found: unknown) => void;
    const found = new Promise((resolve) => (tell = resolve));
    server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname;
      const isUnder = policy !== undefined && (path === '/' || !pageOnly);
      const all = { ...headers, ...(isUnder && { 'Content-Security-Policy': policy }) };
      const inline: Readonly<Record<string, [string, string]>> = {
        '/': ['text/html', PAGE],
        '/main.js': ['text/javascript', MAIN],
      };
      if (path === '/found') {
        // what the page found, since a policy keeps a test from evaluating anything in it
        void json(request).then(tell);
        return void response.writeHead(204).end();
      }
      if (Object.hasOwn(inline, path)) {
        return void response.writeHead(200, { ...all, 'Content-Type': inline[path][0] }).end(inline[path][1]);
      }
      if (path === missing) return void response.writeHead(404, all).end();
      const changed = path.endsWith('.wasm') ? wasm : {};
      try {
        const body = changed.body ?? readFileSync(root + path);
        const type = changed.type ?? TYPES[extname(path)] ?? 'application/octet-stream';
        const length = Buffer.byteLength(body);
        response.writeHead(changed.status ?? 200, { ...all, 'Content-Type': type, 'Content-Length': length }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const query = new URLSearchParams({ options: JSON.stringify(options) });
    const { page } = await chromium.open(`http://127.0.0.1:${port}/?${query.toString()}`);
    try {
      return await found;
    } finally {
      await page.close();
    }
  }

  it('a wrong type of the wasm files does no harm', async () => {
    expect(await visit({ wasm: { type: 'text/plain' } })).toMatchObject({ dims: [1, 24], worker: true });
  });

  it.each([
    [
      'a web page',
      { type: 'text/html', body: '<!doctype html><title>app</title>' },
      'INVALID_FILE',
      /no WebAssembly, but perhaps a web page.*dist\/wasm/,
    ],
    ['404', { status: 404, body: '' }, 'FILE_NOT_FOUND', /cannot be fetched \(.*404\).*dist\/wasm/],
  ])('%s in place of the core', async (_, wasm, code, message) => {
    expect(await visit({ wasm })).toEqual({ code, message: expect.stringMatching(message) });
  });

  it.each([true, false])("a policy without 'wasm-unsafe-eval', worker: %s", async (worker) => {
    const found = await visit({ policy: "default-src 'self'", options: { worker } });
    expect(found).toEqual({
      code: 'UNSUPPORTED_PLATFORM',
      message: expect.stringMatching(/^the core relaxed\.wasm cannot be compiled: .*'wasm-unsafe-eval'.*script-src/),
    });
  });

  it("a policy of the page's own without 'wasm-unsafe-eval': the worker compiles", async () => {
    const policy = "default-src 'self'";
    expect(await visit({ policy, pageOnly: true })).toMatchObject({ dims: [1, 24], worker: true });
  });

  it.each([
    [
      'a policy without workers',
      { policy: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'" },
    ],
    ["no worker's file", { missing: '/dist/web/worker.js' }],
  ])('%s: computes in the page, unless a worker was asked for', async (_, serving) => {
    const warning = /the engine's worker could not start.*serve worker\.js.*with one thread\.$/;
    const fallback = { dims: [1, 24], worker: false, threads: 1 };
    expect(await visit({ ...serving, options: { threads: 1 } })).toMatchObject({
      ...fallback,
      said: [expect.stringMatching(warning)],
    });
    expect(await visit({ ...serving, options: { worker: true } })).toEqual({
      code: 'WORKER_FAILED',
      message: expect.stringMatching(/the engine's worker could not start.*worker: false/),
    });
    expect(await visit({ ...serving, options: { threads: 1, worker: false } })).toMatchObject({
      ...fallback,
      said: [],
    });
  });

  it("says once which headers give threads, and an isolated page without the threads' file has one", async () => {
    const options = { threads: 2 };
    expect(await visit({ options })).toMatchObject({
      worker: true,
      threads: 1,
      said: [
        expect.stringMatching(/^wasmformer: one thread.*Opener-Policy: same-origin.*Embedder-Policy: require-corp$/),
      ],
    });
    const headers = {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    };
    expect(await visit({ options, headers })).toMatchObject({ dims: [1, 24], threads: 2, said: [] });
    expect(await visit({ options, headers, missing: '/dist/web/follower.js' })).toMatchObject({
      dims: [1, 24],
      threads: 1,
      said: [],
    });
  });
});

describe('Node', () => {
  it.each(['--jitless', '--no-expose-wasm'])('%s: an error that says what to do', (flag) => {
    const script = `
      import { Encoder } from './dist/node/index.js';
      for (const worker of [true, false]) {
        const { code, message } = await Encoder.fromPretrained('${MODEL}', { worker }).catch((error) => error);
        console.log(code, message);
      }`;
    const output = execFileSync(process.execPath, [flag, '--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const line = /^UNSUPPORTED_PLATFORM there is no WebAssembly here: start Node without --jitless/;
    for (const told of output.trim().split('\n')) expect(told).toMatch(line);
    expect(output.trim().split('\n')).toHaveLength(2);
  });

  it("without the permission to start threads: computes in the caller's", () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
    const script = `
      import { Encoder } from './dist/node/index.js';
      for (const options of [{}, { worker: true }, { worker: false, threads: 2 }]) {
        const found = await Encoder.fromPretrained('${MODEL}', options).catch((error) => error);
        console.log(found.code ?? JSON.stringify([(await found.embed('a text')).dims, found.info.worker, found.info.threads]));
      }`;
    const output = execFileSync(process.execPath, [flag, '--allow-fs-read=*', '--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(output.trim().split('\n')).toEqual(['[[1,24],false,1]', 'WORKER_FAILED', '[[1,24],false,1]']);
  });

  it('without the permission to read the folder: says so, and not that there is none', () => {
    const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';
    const script = `
      import { Encoder } from './dist/node/index.js';
      for (const source of ['/tmp', '/tmp/model.safetensors', 'org/name']) {
        const { code, message } = await Encoder.fromPretrained(source, { endpoint: 'http://127.0.0.1:9', worker: false, fetch: () =>
          Promise.reject(new Error('asked')) }).catch((error) => error);
        console.log(code, message);
      }`;
    const args = [
      flag,
      `--allow-fs-read=${root}dist/*`,
      `--allow-fs-read=${root}node_modules/*`,
      `--allow-fs-read=${root}package.json`,
    ];
    const output = execFileSync(process.execPath, [...args, '--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(output.trim().split('\n')).toEqual([
      expect.stringMatching(/^INVALID_FILE .*config\.json.* in \/tmp may not be read.*--allow-fs-read/),
      expect.stringMatching(/^INVALID_FILE .* in \/tmp\/model\.safetensors may not be read.*--allow-fs-read/),
      expect.stringMatching(/^NETWORK .*asked/),
    ]);
  });
});
