// Pages: without a bundler, and built by the usual ones; in Chromium and Firefox, isolated and not, under a strict policy.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HubServer } from '../support/hub-server';
import { CHROMIUM, FIREFOX, hasBrowser, visit, type Browser, type Page } from './browsers';
import { programOf } from './page/program';
import { APP, expectFindings, inPlaces, run, startHub, TEXT } from './places';

let hub: HubServer;

beforeAll(async () => {
  hub = await startHub();
});

afterAll(() => hub?.close());

const MAIN = `import { findings } from './program.js';
const { endpoint, text, options } = Object.fromEntries(new URLSearchParams(location.search));
const found = await findings(endpoint, text, JSON.parse(options));
await fetch('/findings', { method: 'POST', body: JSON.stringify(found) });
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

const tool = (name: string): string => inPlaces('bundlers/node_modules/.bin', name);
const build = (folder: string, name: string, ...args: string[]): Promise<unknown> =>
  run(tool(name), args, { cwd: folder, timeout: 120_000 });

const open = (browser: Browser, folder: string, options: object, more: Partial<Page> = {}) => {
  const query = new URLSearchParams({ endpoint: hub.url, text: TEXT, options: JSON.stringify(options) });
  return visit(browser, { folder, path: `/?${query.toString()}`, ...more });
};

describe.skipIf(!hasBrowser(CHROMIUM)).each([CHROMIUM, FIREFOX])('$name without a bundler', (browser) => {
  const isHere = hasBrowser(browser);
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
    ['threads on an isolated page', true, { threads: 2 }, { threads: 2, worker: true }],
    ['in the page itself', false, { worker: false }, { threads: 1, worker: false }],
  ])('%s', async (_, isolated, options, info) => {
    const found = await open(browser, folder, options, { isolated });
    expectFindings(found);
    expect(found.info).toMatchObject(info);
  });

  it.skipIf(!isHere)('under a policy of nothing but its own scripts and WebAssembly', async () => {
    const policy = `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${hub.url}`;
    const found = await open(
      browser,
      folder,
      { threads: 2 },
      {
        isolated: true,
        headers: { 'Content-Security-Policy': policy },
      },
    );
    expectFindings(found);
    expect(found.info).toMatchObject({ threads: 2, worker: true });
  });
});

describe.skipIf(!hasBrowser(CHROMIUM))('built by', () => {
  const builds: [name: string, build: (folder: string) => Promise<string>][] = [
    [
      'Vite',
      async (folder) => {
        writeFileSync(join(folder, 'index.html'), html('./main.js'));
        await build(folder, 'vite', 'build', '--base', './');
        return join(folder, 'dist');
      },
    ],
    [
      'webpack',
      async (folder) => {
        writeFileSync(
          join(folder, 'webpack.config.js'),
          `export default { mode: 'production', entry: './main.js', output: { path: ${JSON.stringify(join(folder, 'out'))}, filename: 'bundle.js' } };`,
        );
        await build(folder, 'webpack', '--config', 'webpack.config.js');
        writeFileSync(join(folder, 'out/index.html'), html('./bundle.js'));
        return join(folder, 'out');
      },
    ],
  ];

  it.each(builds)('%s: embeds and generates, with threads', async (name, make) => {
    const folder = await make(project(name.toLowerCase()));
    const found = await open(CHROMIUM, folder, { threads: 2 }, { isolated: true });
    expectFindings(found);
    expect(found.info).toMatchObject({ threads: 2, worker: true });
  });
});
