// The examples for edge functions, each in the runtime that its platform develops with.
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import type * as Esbuild from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHubServer, type HubServer } from '../support/hub-server';
import { APP, freePort, inPlaces, root, until } from './places';

const SENTIMENT = join(root, 'models/sentiment');
const POSITIVE = { text: 'What a lovely day, I am so happy.' };

async function ask(url: string, body: string): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(url, { method: 'POST', body });
  return { status: response.status, answer: await response.json() };
}

/** What each function must answer. */
async function expectMoods(url: string): Promise<void> {
  const { status, answer } = await ask(url, JSON.stringify(POSITIVE));
  expect({ status, answer }).toEqual({ status: 200, answer: [{ label: 'positive', score: expect.any(Number) }] });
  expect((answer as { score: number }[])[0].score).toBeGreaterThan(0.5);
  expect(await ask(url, '{')).toMatchObject({ status: 400 });
  expect(await ask(url, '{"text": 5}')).toMatchObject({ status: 400, answer: { code: 'INVALID_ARGUMENT' } });
  expect(await ask(url, 'null')).toMatchObject({ status: 400, answer: { code: 'INVALID_ARGUMENT' } });
  expect((await fetch(url)).status).toBe(405);
}

describe('Cloudflare Worker, in workerd', () => {
  let workerd: ChildProcess | undefined;
  let url: string;

  beforeAll(async () => {
    const folder = inPlaces('cloudflare');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, 'models'), { recursive: true });
    cpSync(SENTIMENT, join(folder, 'models/sentiment'), { recursive: true });
    const dist = join(APP, 'node_modules/wasmformer/dist');
    cpSync(join(root, 'examples/cloudflare-worker/src/index.js'), join(folder, 'index.js'));
    cpSync(join(dist, 'edge/index.js'), join(folder, 'wasmformer.js'));
    cpSync(join(dist, 'wasm/relaxed.wasm'), join(folder, 'relaxed.wasm'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    writeFileSync(
      join(folder, 'config.capnp'),
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "assets", disk = "models")],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "wasmformer/edge", esModule = embed "wasmformer.js"),
    (name = "wasmformer/wasm/relaxed.wasm", wasm = embed "relaxed.wasm"),
  ],
  bindings = [(name = "ASSETS", service = "assets")],
  compatibilityDate = "2026-01-01",
);
`,
    );
    workerd = spawn(inPlaces('runtimes/node_modules/.bin/workerd'), ['serve', 'config.capnp'], {
      cwd: folder,
      stdio: 'inherit',
    });
    await until(() => fetch(url));
  });

  afterAll(() => {
    workerd?.kill();
  });

  it('tells moods and refuses what is no text', () => expectMoods(url));
});

describe('Vercel edge function, in edge-runtime', () => {
  let server: ChildProcess | undefined;
  let hub: HubServer | undefined;
  let url: string;

  beforeAll(async () => {
    const folder = inPlaces('vercel');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(join(root, 'examples/vercel-edge/api/mood.js'), join(folder, 'mood.js'));
    cpSync(join(APP, 'node_modules'), join(folder, 'node_modules'), { recursive: true });
    // as the platform does it: one script, with the modules compiled before it runs
    const require = createRequire(join(inPlaces('bundlers'), 'package.json'));
    const { build } = require('esbuild') as typeof Esbuild;
    await build({
      entryPoints: [join(folder, 'mood.js')],
      outfile: join(folder, 'bundle.js'),
      bundle: true,
      format: 'iife',
      globalName: 'mood',
      conditions: ['edge-light'],
      plugins: [
        {
          name: 'module',
          setup({ onResolve, onLoad }) {
            onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, namespace: 'module' }));
            onLoad({ filter: /.*/, namespace: 'module' }, () => ({ contents: 'export default compiled;' }));
          },
        },
      ],
    });
    // Node 20 compiles no relaxed SIMD
    cpSync(join(APP, 'node_modules/wasmformer/dist/wasm/base.wasm'), join(folder, 'core.wasm'));
    hub = await startHubServer({ folders: { sentiment: SENTIMENT } });
    const port = await freePort();
    url = `${hub.url}/api/mood`;
    writeFileSync(
      join(folder, 'serve.mjs'),
      `import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const { EdgeRuntime, runServer } = createRequire(${JSON.stringify(pathToFileURL(join(inPlaces('bundlers'), 'package.json')).href)})('edge-runtime');
const compiled = await WebAssembly.compile(readFileSync('core.wasm'));
const initialCode = readFileSync('bundle.js', 'utf8') + ${JSON.stringify(
        `;addEventListener('fetch', (event) => {
          const request = new Request(${JSON.stringify(url)}, event.request);
          event.respondWith(mood.default(request));
        });`,
      )};
const runtime = new EdgeRuntime({ extend: (context) => Object.assign(context, { compiled }), initialCode });
await runServer({ runtime, port: ${port}, host: '127.0.0.1' });
`,
    );
    server = spawn(process.execPath, ['serve.mjs'], { cwd: folder, stdio: 'inherit' });
    url = `http://127.0.0.1:${port}/`;
    await until(() => fetch(url));
  });

  afterAll(async () => {
    server?.kill();
    await hub?.close();
  });

  it('tells moods and refuses what is no text', () => expectMoods(url));
});
