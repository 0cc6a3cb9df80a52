// The web build in headless Chromium, on a plain page and on a cross-origin isolated one: the kernel suite, embeddings with
// one thread and two, a page that stays responsive, workers that end.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExpectedTensors, readGoldenJson } from '../golden/encoders/load';
import { hasModel, modelsDir } from '../support/models';
import { bundleChecks, bundleKernelSuite } from './bundle';
import { hasChromium, startChromium, type Chromium } from './chromium';
import type { Checks } from './page/checks';
import { serve, type Site } from './site';

const GOLDEN = '/test/golden/encoders/sentence-mean';
const MINILM = '/models/all-MiniLM-L6-v2/model.fp16.safetensors';
const SENTENCE = 'The old lighthouse keeper counts the ships that pass the harbour every evening.';
const sized = fileURLToPath(new URL('../../scripts/size.mjs', import.meta.url));

const maxDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);

const golden = readGoldenJson<{ tasks: { texts: string[] }[] }>('sentence-mean', 'expected.json').tasks[0];
const expectedGolden = readExpectedTensors('sentence-mean').get('embeddings.0')!;

describe.skipIf(!hasChromium()).each([
  ['a plain page', false],
  ['an isolated page', true],
])('Chromium, %s', (_, isolated) => {
  let chromium: Chromium;
  let site: Site;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    const pages = {
      '/index.html':
        '<!doctype html><meta charset="utf-8"><title>wasmformer</title><script type="module" src="/checks.js"></script>',
      '/checks.js': await bundleChecks(),
      // beside test/support, so that the suite's relative paths lead to dist/
      '/test/support/kernels.js': await bundleKernelSuite(),
    };
    site = await serve(isolated, pages);
    chromium = await startChromium();
    ({ page, problems } = await chromium.open(`${site.url}/index.html`));
    await page.waitForFunction('globalThis.checks !== undefined');
  });

  afterAll(async () => {
    await chromium?.close();
    await site?.close();
  });

  /** Calls a function of globalThis.checks. */
  const call = <Name extends keyof Checks>(
    name: Name,
    ...args: Parameters<Checks[Name]>
  ): Promise<Awaited<ReturnType<Checks[Name]>>> => page.evaluate(`checks.${name}(...${JSON.stringify(args)})`);

  it('is isolated or not', async () => expect(await call('isolated')).toBe(isolated));

  it('passes the kernel suite', { timeout: 180_000 }, async () => {
    const { passed, failed } = await call('kernelSuite', '/test/support/kernels.js');
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(100);
  });

  it('embeds the golden, the same bits for one thread and two, in a worker and in the page', async () => {
    const texts = golden.texts;
    const one = await call('embed', GOLDEN, texts, { threads: 1, worker: true });
    expect(one.dims).toEqual(expectedGolden.dims);
    expect(maxDifference(one.data, Array.from(expectedGolden.data, Number))).toBeLessThan(2e-5);
    expect(one).toMatchObject({ threads: 1, build: 'relaxed' });
    for (const worker of [true, false]) {
      const two = await call('embed', GOLDEN, texts, { threads: 2, worker });
      // a page that is not isolated may not share memory: one thread, and no error
      expect(two).toMatchObject(isolated ? { threads: 2, build: 'relaxed-shared' } : { threads: 1, build: 'relaxed' });
      expect(two.data).toEqual(one.data);
    }
  });

  it('gives the same bits for one thread and two from wasmformer/kernels', async () => {
    const [one, two] = [await call('kernels', 1), await call('kernels', 2)];
    expect(one).toMatchObject({ threads: 1, dims: [61, 97] });
    expect(two.threads).toBe(isolated ? 2 : 1);
    expect(two.data).toEqual(one.data);
    // rows of a softmax
    expect(one.data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(61, 4);
  });

  it('downloads only what the size limit counts', async () => {
    // a page of its own: another one has some of it already
    const { page: fresh } = await chromium.open(`${site.url}/index.html`);
    await fresh.waitForFunction('globalThis.checks !== undefined');
    site.requests.length = 0;
    const embedded = fresh.evaluate(`checks.embedByDefault(${JSON.stringify(GOLDEN)}, ${JSON.stringify([SENTENCE])})`);
    expect(await embedded).toEqual([1, 24]);
    await fresh.close();
    const [, common] = /COMMON = \[(.*)\];/.exec(readFileSync(sized, 'utf8'))!;
    const counted = [...common.matchAll(/\w+/g)].flat().concat('core', 'thread', 'tokenizers-library');
    const modules = site.requests.flatMap((path) => /^\/dist\/web\/(.*)/.exec(path)?.[1] ?? []);
    expect(modules).toContain('worker.js');
    const isCounted = (name: string): boolean => counted.some((chunk) => RegExp(`^${chunk}(-.*)?\\.js$`).test(name));
    expect(modules.filter((name) => !isCounted(name))).toEqual([]);
    expect(site.requests.filter((path) => path.endsWith('.wasm'))).toHaveLength(1);
  });

  it('makes random models with the weights that Node makes, and gives their files', async () => {
    const { config, seed, inputIds, expected } = JSON.parse(
      readFileSync(new URL('../golden/saved/llama.json', import.meta.url), 'utf8'),
    ) as { config: Record<string, unknown>; seed: number; inputIds: number[]; expected: { data: number[] } };
    const { names, before, after, code } = await call('save', config, seed, [inputIds]);
    expect(names).toEqual(['config.json', 'model.safetensors']);
    expect(maxDifference(before, expected.data)).toBeLessThan(1e-4);
    expect(after).toEqual(before);
    expect(code).toBe('UNSUPPORTED_PLATFORM');
  });

  it('says what is wrong with a checkpoint', async () => {
    expect(await call('failure', '/test/golden/encoders/none')).toBe('FILE_NOT_FOUND');
  });

  it('ends its workers', async () => {
    for (let i = 0; i < 8; i++) await call('embed', GOLDEN, [SENTENCE], { threads: 2, worker: true });
    await expect.poll(() => page.workers().length, { timeout: 30_000 }).toBe(0);
  });

  describe.skipIf(!hasModel('all-MiniLM-L6-v2'))('MiniLM', () => {
    it('gives the published embeddings, the same bits for one thread and two', async () => {
      const expected = JSON.parse(readFileSync(join(modelsDir, 'all-MiniLM-L6-v2/expected.json'), 'utf8')) as {
        mean_pool_l2: { text: string; first: number[]; source: string }[];
      };
      // one of them is of a quantised model
      const published = expected.mean_pool_l2.filter(({ source }) => !source.includes('int8'));
      const texts = published.map(({ text }) => text);
      const one = await call('embed', MINILM, texts, { threads: 1, worker: true });
      published.forEach(({ first }, i) => {
        expect(maxDifference(first, one.data.slice(i * 384, i * 384 + first.length))).toBeLessThan(3e-4);
      });
      const two = await call('embed', MINILM, texts, { threads: 2, worker: true });
      expect(two.threads).toBe(isolated ? 2 : 1);
      expect(two.data).toEqual(one.data);
    });

    it.each([1, 2])('leaves the page free with %d threads', async (threads) => {
      const { longest, turns, total } = await call('freeze', MINILM, SENTENCE, 128, { threads, worker: true });
      expect(total).toBeGreaterThan(200);
      expect(turns).toBeGreaterThan(10);
      expect(longest).toBeLessThan(Math.max(150, total / 3));
    });

    it('gives a page that computes itself a turn now and then', async () => {
      const { turns, total } = await call('freeze', MINILM, SENTENCE, 64, { threads: 1, worker: false });
      expect(turns).toBeGreaterThan(Math.min(5, total / 100));
    });

    it.each([true, false])('stops soon when aborted, worker: %s', async (worker) => {
      const { code, milliseconds, dims } = await call('abort', MINILM, SENTENCE, 2000, { threads: 1, worker });
      expect(code).toBe('ABORTED');
      expect(milliseconds).toBeLessThan(1000);
      expect(dims).toEqual([1, 384]);
    });
  });

  it('nothing went wrong on the way', () => {
    // what a browser itself says of a file that is not there
    expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  });
});
