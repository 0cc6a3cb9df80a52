// Downloads kept in a page's storage: pieces, resumption, tabs at the same time, storage that is denied or full.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Encoder } from '../../src/index';
import type * as Library from '../../src/index';
import { startHubServer, type HubServer } from '../support/hub-server';
import { hasChromium, startChromium, type Chromium } from './chromium';
import { serve, type Site } from './site';

declare const wasmformer: typeof Library;

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>cache</title><script type="module">import * as library from "/dist/web/index.js"; globalThis.wasmformer = library;</script>';
const CONFIG = {
  model_type: 'bert',
  vocab_size: 18_000,
  hidden_size: 256,
  num_hidden_layers: 1,
  num_attention_heads: 8,
  intermediate_size: 64,
  max_position_embeddings: 32,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  hidden_act: 'gelu',
};

/** Runs in a page: loads the model and gives the first numbers of a token's row; `stop()` aborts it. */
async function load({
  endpoint,
  ...options
}: {
  endpoint: string;
  cacheDir?: string;
  abortAt?: number;
}): Promise<number[]> {
  const { abortAt, ...rest } = options;
  const controller = new AbortController();
  globalThis.stop = () => controller.abort();
  const encoder = await wasmformer.Encoder.fromPretrained('org/name', {
    endpoint,
    ...rest,
    threads: 1,
    signal: controller.signal,
    onProgress: ({ phase, loaded }) =>
      void (phase === 'download' && loaded > (abortAt ?? Infinity) && controller.abort()),
  });
  const { lastHiddenState } = await encoder.forward({ inputIds: [[1, 2, 3]] });
  await encoder.dispose();
  return Array.from(lastHiddenState.data.slice(0, 4), Number);
}

describe.skipIf(!hasChromium())('Chromium', () => {
  let chromium: Chromium;
  let site: Site;
  let files: Record<string, Uint8Array>;
  let expected: number[];
  let hub: HubServer;
  let page: Page;

  const open = async (): Promise<Page> => {
    const { page: opened } = await chromium.open(`${site.url}/index.html`);
    await opened.waitForFunction('globalThis.wasmformer !== undefined');
    return opened;
  };
  const size = (): number => files['model.safetensors'].byteLength;

  beforeAll(async () => {
    const encoder = await Encoder.fromConfig(CONFIG, { seed: 1, threads: 1 });
    files = await encoder.toFiles();
    const { lastHiddenState } = await encoder.forward({ inputIds: [[1, 2, 3]] });
    expected = Array.from(lastHiddenState.data.slice(0, 4), Number);
    await encoder.dispose();
    site = await serve(false, { '/index.html': PAGE });
    chromium = await startChromium();
  });
  afterAll(async () => {
    await chromium?.close();
    await site?.close();
  });
  beforeEach(async () => {
    hub = await startHubServer({ repos: { 'org/name': files }, hashes: 'listing' });
    page = await open();
  });
  afterEach(async () => {
    await page.evaluate(() => wasmformer.cache.remove(null));
    await page.close();
    await hub.close();
  });

  it('downloads once, in pieces, and lists, compares and removes', async () => {
    expect(size()).toBeGreaterThan(16 * 1024 * 1024);
    expect(await page.evaluate(load, { endpoint: hub.url })).toEqual(expected);
    const sent = hub.bytesSent();
    const other = await open();
    expect(await other.evaluate(load, { endpoint: hub.url })).toEqual(expected);
    await other.close();
    expect(hub.bytesSent()).toBe(sent);
    const verified = await page.evaluate(() => wasmformer.cache.verify());
    expect(verified.map(({ model, file, intact }) => [model, file, intact])).toEqual([
      ['org/name', 'config.json', true],
      ['org/name', 'model.safetensors', true],
    ]);
    expect(await page.evaluate(() => wasmformer.cache.remove('org/name'))).toBe(
      size() + files['config.json'].byteLength,
    );
    expect(await page.evaluate(async () => (await (await caches.open('wasmformer')).keys()).length)).toBe(0);
  });

  it('goes on where an aborted download ended', async () => {
    const abortAt = 12 * 1024 * 1024;
    await expect(page.evaluate(load, { endpoint: hub.url, abortAt })).rejects.toThrow('aborted');
    const [part] = (await page.evaluate(() => wasmformer.cache.list())).filter(({ complete }) => !complete);
    expect(part).toMatchObject({ file: 'model.safetensors', size: 8 * 1024 * 1024 });
    hub.requests.length = 0;
    expect(await page.evaluate(load, { endpoint: hub.url })).toEqual(expected);
    const ranges = hub.requests.filter(({ path }) => path.includes('model.safetensors')).map(({ range }) => range);
    expect(ranges).toEqual([`bytes=${8 * 1024 * 1024}-`]);
  });

  it('two tabs download once', async () => {
    const other = await open();
    const both = await Promise.all([page, other].map((tab) => tab.evaluate(load, { endpoint: hub.url })));
    await other.close();
    expect(both).toEqual([expected, expected]);
    expect(hub.requests.filter(({ path }) => path.includes('model.safetensors'))).toHaveLength(1);
  });

  it.each(['org/name', null])('what one tab downloads stays when another removes %j', async (model) => {
    hub.fail('model.safetensors', { stallAfter: 12 * 1024 * 1024 });
    const loading = page.evaluate(load, { endpoint: hub.url });
    const other = await open();
    await expect
      .poll(() => other.evaluate(async () => (await wasmformer.cache.list()).some(({ complete }) => !complete)), {
        timeout: 20_000,
      })
      .toBe(true);
    const remove = (): Promise<number> => other.evaluate((what) => wasmformer.cache.remove(what), model);
    expect(await remove()).toBe(files['config.json'].byteLength);
    await Promise.all([expect(loading).rejects.toThrow('aborted'), page.evaluate(() => stop())]);
    expect(await remove()).toBe(8 * 1024 * 1024);
    expect(await other.evaluate(async () => (await (await caches.open('wasmformer')).keys()).length)).toBe(0);
    await other.close();
  });

  it('loads where storage is denied', async () => {
    await page.evaluate(() => {
      const denied = (): never => {
        throw new DOMException('denied', 'SecurityError');
      };
      Object.defineProperty(globalThis, 'caches', { configurable: true, get: denied });
    });
    expect(await page.evaluate(load, { endpoint: hub.url })).toEqual(expected);
    expect(await page.evaluate(() => wasmformer.cache.place())).toBe(null);
    await page.reload();
    await page.waitForFunction('globalThis.wasmformer !== undefined');
  });

  it('loads where storage is full, and says so once; a cache of the caller’s choice is an error', async () => {
    const warnings: string[] = [];
    page.on('console', (message) => void (message.type() === 'warning' && warnings.push(message.text())));
    await page.evaluate(() => {
      Cache.prototype.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    });
    for (let i = 0; i < 2; i++) expect(await page.evaluate(load, { endpoint: hub.url })).toEqual(expected);
    expect(warnings).toEqual([expect.stringMatching(/the browser gives this site no more space: .*cache\.remove/)]);
    await expect(page.evaluate(load, { endpoint: hub.url, cacheDir: 'mine' })).rejects.toThrow('cache "mine"');
  });
});
