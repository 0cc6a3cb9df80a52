// examples/vite-search, built by Vite: a text is read and searched in the page, which looks as it should and stays free meanwhile.
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startChromium, type Chromium } from '../browser/chromium';
import { startHubServer, type HubServer } from '../support/hub-server';
import { hasModel, modelsDir } from '../support/models';
import { CHROMIUM, hasBrowser } from './browsers';
import { APP, freePort, inPlaces, root, run, until } from './places';

const MINILM = 'all-MiniLM-L6-v2';

describe.skipIf(!hasBrowser(CHROMIUM))('the search page', () => {
  let hub: HubServer;
  let server: ChildProcess | undefined;
  let chromium: Chromium;
  let origin: string;

  beforeAll(async () => {
    hub = await startHubServer({
      repos: {
        'tests/encoder': join(root, 'test/golden/encoders/sentence-mean'),
        [`tests/${MINILM}`]: join(modelsDir, MINILM),
      },
      headers: { 'Cross-Origin-Resource-Policy': 'cross-origin' },
    });
    const folder = inPlaces('pages', 'vite-search');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(join(root, 'examples/vite-search'), folder, { recursive: true });
    for (const name of ['wasmformer', '@huggingface']) {
      cpSync(join(APP, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
    }
    const vite = inPlaces('bundlers/node_modules/vite/bin/vite.js');
    await run(process.execPath, [vite, 'build'], { cwd: folder, timeout: 120_000 });
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const args = [vite, 'preview', '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
    server = spawn(process.execPath, args, { cwd: folder, stdio: 'ignore' });
    await until(() => fetch(origin));
    chromium = await startChromium();
  });

  afterAll(async () => {
    await chromium?.close();
    server?.kill();
    await hub?.close();
  });

  const open = async (model: string) => {
    const query = new URLSearchParams({ model: `tests/${model}`, endpoint: hub.url });
    const opened = await chromium.open(`${origin}/?${query.toString()}`);
    await opened.page.click('#read');
    await opened.page.waitForFunction(() => /passages read/.test(document.querySelector('#status')!.textContent));
    return opened;
  };

  it('reads a text and ranks its passages', async () => {
    const { page, problems } = await open('encoder');
    await page.fill('#query', 'Puffins nest on the western cliffs.');
    await page.waitForSelector('#results li');
    const scores = (await page.locator('.score').allTextContents()).map(Number);
    expect(scores).toHaveLength(5);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    // a file that a repository lacks is logged by the browser
    expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
    const picture = await page.screenshot();
    // what is blank compresses to next to nothing
    expect(picture.byteLength).toBeGreaterThan(20_000);
    await page.close();
  });

  it('says what is wrong with a model that is not there', async () => {
    const { page } = await chromium.open(`${origin}/?model=tests/nothing&endpoint=${encodeURIComponent(hub.url)}`);
    await page.click('#read');
    await page.waitForSelector('#status.error');
    expect(await page.textContent('#status')).toMatch(/404|no config\.json/);
    await page.close();
  });

  it.skipIf(!hasModel(MINILM))('finds by meaning, and the page stays free', async () => {
    const { page } = await open(MINILM);
    await page.fill('#query', 'When can I see birds?');
    await page.waitForSelector('#results li');
    expect(await page.textContent('#results li')).toContain('Puffins');
    // a long text: tasks of more than 50 ms are what a reader would feel
    const longest = await page.evaluate(async () => {
      let most = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) most = Math.max(most, duration);
      }).observe({ type: 'longtask' });
      const text = document.querySelector('textarea')!;
      text.value = Array.from({ length: 40 }, () => text.value).join('\n\n');
      (document.querySelector('#read') as HTMLButtonElement).click();
      await new Promise<void>((done) => {
        const timer = setInterval(() => {
          if (!/^200 passages read/.test(document.querySelector('#status')!.textContent)) return;
          clearInterval(timer);
          done();
        }, 50);
      });
      return most;
    });
    // the browser itself has its share in a loaded machine's longest task
    expect(longest).toBeLessThan(150);
    await page.close();
  });
});
