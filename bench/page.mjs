// Figures of a page in Chromium: the time to its first result, and what its thread does while a model computes.
//
// usage: node bench/page.mjs [--isolated] [--rounds N] [--dist FOLDER]...
//
// Start: from the first statement of a page's script to the embedding of a text by a tiny model, all files in the HTTP cache; least and
// median of reloads of one page, and of pages that are new. Several builds (--dist) take turns. Busy: MiniLM's loading and its forward
// of 512 tokens, with the tasks over 50 ms and the frames meanwhile. CHROMIUM_PATH names another Chromium.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { models, root } from './paths.mjs';

const { values: options } = parseArgs({
  options: {
    isolated: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '20' },
    dist: { type: 'string', multiple: true, default: [join(root, 'dist')] },
  },
});
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };
const folders = {
  tiny: join(root, 'test/golden/encoders/sentence-mean'),
  minilm: join(models, 'minilm'),
};
options.dist.forEach((folder, i) => (folders[`dist${i}`] = folder));

const html = (script) => `<!doctype html><meta charset="utf-8"><script type="module">${script}</script>`;
const startPage = (build, engine) => `
  const start = performance.now();
  const { Encoder } = await import('/dist${build}/web/index.js');
  const encoder = await Encoder.fromPretrained(new URL('/tiny/', globalThis.location.href), ${JSON.stringify(engine)});
  await encoder.embed('a text');
  globalThis.result = performance.now() - start;`;
const PAGES = {
  '/busy': html(`
    globalThis.long = [];
    globalThis.frames = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) globalThis.long.push(Math.round(duration));
    }).observe({ type: 'longtask' });
    globalThis.library = await import('/dist0/web/index.js');
    globalThis.result = 0;
    let last = performance.now();
    const frame = (now) => {
      globalThis.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);`),
};
options.dist.forEach((_, i) => {
  PAGES[`/worker${i}`] = html(startPage(i, {}));
  PAGES[`/inline${i}`] = html(startPage(i, { worker: false }));
});

/** Serves the pages and the folders, with ranges, tags and a long freshness. */
function serve(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  const headers = { 'Cache-Control': 'max-age=3600' };
  if (options.isolated) {
    headers['Cross-Origin-Opener-Policy'] = 'same-origin';
    headers['Cross-Origin-Embedder-Policy'] = 'require-corp';
  }
  if (PAGES[pathname]) return response.writeHead(200, { ...headers, 'Content-Type': 'text/html' }).end(PAGES[pathname]);
  const [, name, ...rest] = pathname.split('/');
  const file = folders[name] && join(folders[name], ...rest);
  if (!file || !existsSync(file) || !statSync(file).isFile()) return response.writeHead(404, headers).end();
  const { size } = statSync(file);
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
  const [start, end] = [Number(from ?? 0), Math.min(to ? Number(to) : size - 1, size - 1)];
  response.writeHead(from === undefined ? 200 : 206, {
    ...headers,
    'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
    'Content-Length': end - start + 1,
    ETag: `"${size}"`,
    ...(from !== undefined && { 'Content-Range': `bytes ${start}-${end}/${size}` }),
  });
  return createReadStream(file, { start, end }).pipe(response);
}

const server = createServer(serve);
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const context = await browser.newContext();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function resultOf(page, path) {
  await page.goto(base + path);
  await page.waitForFunction(() => globalThis.result !== undefined, null, { timeout: 20_000 });
  const result = await page.evaluate(() => globalThis.result);
  await pause(250);
  return result;
}

async function measureStart(isNew) {
  const paths = options.dist.flatMap((_, i) => [`/worker${i}`, `/inline${i}`]);
  const times = new Map(paths.map((path) => [path, []]));
  let page = await context.newPage();
  // the first visits fill the caches
  for (let round = -2; round < Number(options.rounds); round++) {
    for (const path of paths) {
      if (isNew) {
        await page.close();
        page = await context.newPage();
      }
      const ms = await resultOf(page, path);
      if (round >= 0) times.get(path).push(ms);
    }
  }
  await page.close();
  for (const [path, all] of times) {
    all.sort((a, b) => a - b);
    const [least, median] = [all[0], all[all.length >> 1]].map((ms) => ms.toFixed(0).padStart(5));
    const build = options.dist[Number(path.at(-1))];
    console.log(
      `${isNew ? 'new page' : 'reload'}, ${path.slice(1, -1)}: least ${least} ms, median ${median} ms  ${build}`,
    );
  }
}

/** Runs the task that `prepare` makes in a page, and prints what it did to the page's thread. */
async function measureBusy(name, prepare) {
  const page = await context.newPage();
  await resultOf(page, '/busy');
  const ms = await page.evaluate(async (code) => {
    const task = await new Function(`return ${code}`)()(globalThis.library);
    await new Promise((done) => setTimeout(done, 200));
    globalThis.long.length = globalThis.frames.length = 0;
    const start = performance.now();
    await task();
    const took = performance.now() - start;
    await new Promise((done) => setTimeout(done, 100));
    return took;
  }, String(prepare));
  const { long, frames } = await page.evaluate(() => ({ long: globalThis.long, frames: globalThis.frames }));
  const worst = Math.max(...frames).toFixed(0);
  console.log(`${name}: ${ms.toFixed(0)} ms; tasks over 50 ms: ${long.join(' ') || 'none'}; worst frame ${worst} ms`);
  await page.close();
}

await measureStart(false);
await measureStart(true);
if (existsSync(folders.minilm)) {
  await measureBusy(
    'MiniLM, load',
    (library) => () => library.Encoder.fromPretrained(new URL('/minilm/', globalThis.location.href)),
  );
  await measureBusy('MiniLM, 20 forwards of 512 tokens', async ({ Encoder }) => {
    const encoder = await Encoder.fromPretrained(new URL('/minilm/', globalThis.location.href));
    const inputIds = [Array.from({ length: 512 }, (_, i) => 1000 + ((i * 37) % 20_000))];
    return async () => {
      for (let i = 0; i < 20; i++) await encoder.forward({ inputIds });
    };
  });
}
await browser.close();
server.close();
server.closeAllConnections();
