// Pages: without a bundler, and built by the usual ones; in Chromium, Firefox and WebKit, isolated and not, under a strict policy.
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HubServer } from '../support/hub-server';
import { CHROMIUM, FIREFOX, hasBrowser, visit, WEBKIT, type Browser, type Page } from './browsers';
import { programOf } from './page/program';
import { APP, expectFindings, freePort, inPlaces, run, startHub, TEXT, until } from './places';

let hub: HubServer;

beforeAll(async () => {
  hub = await startHub();
});

afterAll(() => hub?.close());

const MAIN = `import { findings } from './program.js';
const { endpoint, text, options, report } = Object.fromEntries(new URLSearchParams(location.search));
const found = await findings(endpoint, text, JSON.parse(options));
await fetch(report, { method: 'POST', body: JSON.stringify(found) });
`;

const html = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><title>wasmformer</title><script type="module" src="${script}"></script>`;

/** An empty project with the package installed. */
function project(name: string): string {
  const folder = inPlaces('pages', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  for (const installed of ['wasmformer', '@huggingface']) {
    cpSync(join(APP, 'node_modules', installed), join(folder, 'node_modules', installed), { recursive: true });
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  writeFileSync(join(folder, 'program.js'), programOf());
  writeFileSync(join(folder, 'main.js'), MAIN);
  return folder;
}

const tool = (name: string, where = 'bundlers'): string => inPlaces(where, 'node_modules/.bin', name);
const build = (folder: string, command: string, ...args: string[]): Promise<unknown> =>
  run(command, args, { cwd: folder, timeout: 120_000 });

/** Versions of Vite, where they are installed, and what each needs to be told. */
const VITES: [name: string, where: string, config: object][] = [
  ['Vite', 'bundlers', {}],
  ['Vite 7', 'vite7', { worker: { format: 'es' }, optimizeDeps: { exclude: ['wasmformer'] } }],
];
const writeViteConfig = (folder: string, config: object): void =>
  writeFileSync(join(folder, 'vite.config.js'), `export default ${JSON.stringify(config)};`);

const open = (browser: Browser, options: object, page: Omit<Page, 'query'>) =>
  visit(browser, { query: { endpoint: hub.url, text: TEXT, options: JSON.stringify(options) }, ...page });

describe.skipIf(!hasBrowser(CHROMIUM)).each([CHROMIUM, FIREFOX, WEBKIT])('$name without a bundler', (browser) => {
  const isHere = hasBrowser(browser);
  const most = browser === WEBKIT ? 1 : 2;
  let folder: string;

  beforeAll(() => {
    folder = inPlaces('pages', 'plain');
    mkdirSync(folder, { recursive: true });
    cpSync(join(APP, 'node_modules/wasmformer/dist'), join(folder, 'dist'), { recursive: true });
    writeFileSync(join(folder, 'program.js'), programOf('./dist/web/index.js'));
    writeFileSync(join(folder, 'main.js'), MAIN);
    writeFileSync(join(folder, 'index.html'), html('./main.js'));
  });

  it.skipIf(!isHere).each([
    ['one thread on a plain page', false, {}, { threads: 1, worker: true }],
    ['threads on an isolated page', true, { threads: 2 }, { threads: most, worker: true }],
    ['in the page itself', false, { worker: false }, { threads: 1, worker: false }],
  ])('%s', async (_, isolated, options, info) => {
    const found = await open(browser, options, { folder, isolated });
    expectFindings(found);
    expect(found.info).toMatchObject(info);
  });

  it.skipIf(!isHere)('under a policy of nothing but its own scripts and WebAssembly', async () => {
    const policy = `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${hub.url}`;
    const found = await open(
      browser,
      { threads: 2 },
      { folder, isolated: true, headers: { 'Content-Security-Policy': policy } },
    );
    expectFindings(found);
    expect(found.info).toMatchObject({ threads: most, worker: true });
  });
});

/** Where `import()` is forbidden. */
it.skipIf(!hasBrowser(CHROMIUM))('in a service worker, by the build of one file', async () => {
  const folder = inPlaces('pages', 'service-worker');
  mkdirSync(folder, { recursive: true });
  cpSync(join(APP, 'node_modules/wasmformer/dist'), join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'program.js'), programOf('./dist/edge/index.js'));
  writeFileSync(
    join(folder, 'service.js'),
    `import { findings } from './program.js';
addEventListener('message', ({ source, data: { endpoint, text } }) => {
  WebAssembly.compileStreaming(fetch('./dist/wasm/relaxed.wasm'))
    .then((module) => findings(endpoint, text, { module }))
    .then((found) => source.postMessage(found));
});
`,
  );
  writeFileSync(
    join(folder, 'main.js'),
    `const { report, ...task } = Object.fromEntries(new URLSearchParams(location.search));
navigator.serviceWorker.onmessage = ({ data }) => fetch(report, { method: 'POST', body: JSON.stringify(data) });
await navigator.serviceWorker.register('./service.js', { type: 'module' });
(await navigator.serviceWorker.ready).active.postMessage(task);
`,
  );
  writeFileSync(join(folder, 'index.html'), html('./main.js'));
  const found = await open(CHROMIUM, {}, { folder });
  expectFindings(found);
  expect(found.info).toEqual({ build: 'relaxed', threads: 1, worker: false });
});

/** Bundlers that do not follow `new URL(..., import.meta.url)`: the package stays as it is, and an import map says where. */
async function beside(folder: string, bundler: string, ...args: string[]): Promise<string> {
  await build(folder, tool(bundler), ...args);
  const out = join(folder, 'out');
  cpSync(join(folder, 'node_modules/wasmformer/dist'), join(out, 'wasmformer'), { recursive: true });
  const map = { imports: { wasmformer: './wasmformer/web/index.js' } };
  writeFileSync(
    join(out, 'index.html'),
    `<!doctype html><script type="importmap">${JSON.stringify(map)}</script>${html('./main.js')}`,
  );
  return out;
}

describe.skipIf(!hasBrowser(CHROMIUM))('built by', () => {
  const builds: [name: string, build: (folder: string) => Promise<string>][] = [
    ...VITES.map(([name, where, config]): (typeof builds)[number] => [
      name,
      async (folder) => {
        writeFileSync(join(folder, 'index.html'), html('./main.js'));
        writeViteConfig(folder, config);
        await build(folder, tool('vite', where), 'build', '--base', './');
        return join(folder, 'dist');
      },
    ]),
    [
      'webpack',
      async (folder) => {
        writeFileSync(
          join(folder, 'webpack.config.js'),
          `export default { mode: 'production', entry: './main.js', output: { path: ${JSON.stringify(join(folder, 'out'))}, filename: 'bundle.js' } };`,
        );
        await build(folder, tool('webpack'), '--config', 'webpack.config.js');
        writeFileSync(join(folder, 'out/index.html'), html('./bundle.js'));
        return join(folder, 'out');
      },
    ],
    [
      'esbuild, with the package beside the bundle',
      (folder) =>
        beside(
          folder,
          'esbuild',
          'main.js',
          '--bundle',
          '--format=esm',
          '--external:wasmformer',
          '--outfile=out/main.js',
        ),
    ],
    [
      'esbuild-whole, with the workers as bundles of their own',
      async (folder) => {
        const web = 'node_modules/wasmformer/dist/web';
        const flags = ['--bundle', '--format=esm', '--minify', '--outdir=out'];
        await build(folder, tool('esbuild'), 'main.js', ...flags);
        await build(folder, tool('esbuild'), `${web}/worker.js`, `${web}/follower.js`, ...flags);
        const out = join(folder, 'out');
        cpSync(join(folder, web, '../wasm'), join(out, 'wasm'), { recursive: true });
        writeFileSync(join(out, 'index.html'), html('./main.js'));
        return out;
      },
    ],
    [
      'Rollup, with the package beside the bundle',
      (folder) => beside(folder, 'rollup', 'main.js', '--format=es', '--external=wasmformer', '--file=out/main.js'),
    ],
  ];

  it.each(builds)('%s: embeds and generates, with threads', async (name, make) => {
    const folder = await make(project(name.split(',')[0].replace(' ', '-').toLowerCase()));
    const found = await open(CHROMIUM, { threads: 2 }, { folder, isolated: true });
    expectFindings(found);
    expect(found.info).toMatchObject({ threads: 2, worker: true });
  });
});

describe.skipIf(!hasBrowser(CHROMIUM)).each(VITES)("%s's development server", (name, where, config) => {
  let server: ChildProcess | undefined;
  let origin: string;

  beforeAll(async () => {
    const folder = project(`${name.replace(' ', '-').toLowerCase()}-dev`);
    writeFileSync(join(folder, 'index.html'), html('./main.js'));
    const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
    writeViteConfig(folder, { server: { headers }, ...config });
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const args = [tool('vite', where), '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
    server = spawn(process.execPath, args, { cwd: folder, stdio: 'ignore' });
    await until(() => fetch(origin));
  });

  afterAll(() => {
    server?.kill();
  });

  it('embeds and generates, with threads', async () => {
    const found = await open(CHROMIUM, { threads: 2 }, { origin });
    expectFindings(found);
    expect(found.info).toMatchObject({ threads: 2, worker: true });
  });
});
