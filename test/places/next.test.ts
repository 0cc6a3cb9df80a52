// examples/next, built and served by Next.js: the model in the page, in a route of Node's and in one of the edge runtime's.
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startChromium, type Chromium } from '../browser/chromium';
import type { HubServer } from '../support/hub-server';
import { CHROMIUM, hasBrowser } from './browsers';
import { APP, expectEmbedding, freePort, inPlaces, root, run, startHub, TEXT, until } from './places';

let hub: HubServer;
let server: ChildProcess | undefined;
let origin: string;

beforeAll(async () => {
  hub = await startHub();
  const folder = inPlaces('next');
  for (const name of ['app', 'next.config.mjs', 'node_modules/wasmformer', '.next']) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
  for (const name of ['app', 'next.config.mjs']) {
    cpSync(join(root, 'examples/next', name), join(folder, name), { recursive: true });
  }
  for (const name of ['wasmformer', '@huggingface']) {
    cpSync(join(APP, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
  }
  writeFileSync(join(folder, '.gitignore'), '.next\n');
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    MODEL: 'tests/encoder',
    ENDPOINT: hub.url,
    NEXT_PUBLIC_MODEL: 'tests/encoder',
    NEXT_PUBLIC_ENDPOINT: hub.url,
  } as NodeJS.ProcessEnv;
  const next = join(folder, 'node_modules/next/dist/bin/next');
  await run(process.execPath, [next, 'build'], { cwd: folder, env, timeout: 240_000 });
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const args = [next, 'start', '-H', '127.0.0.1', '-p', String(port)];
  server = spawn(process.execPath, args, { cwd: folder, env, stdio: 'ignore' });
  await until(() => fetch(origin));
});

afterAll(async () => {
  server?.kill();
  await hub?.close();
});

it.each(['embed', 'edge'])('the route %s embeds', async (route) => {
  const response = await fetch(`${origin}/api/${route}`, { method: 'POST', body: JSON.stringify({ texts: [TEXT] }) });
  const { dims, data } = (await response.json()) as { dims: number[]; data: number[] };
  expect(dims[0]).toBe(1);
  expectEmbedding(data);
});

it.skipIf(!hasBrowser(CHROMIUM))('the page compares two sentences', async () => {
  const chromium: Chromium = await startChromium();
  try {
    const { page } = await chromium.open(origin);
    await page.click('button');
    await page.waitForFunction(() => /threads/.test(document.querySelector('output')?.textContent ?? ''));
    expect(await page.textContent('output')).toMatch(/^0\.\d{4} \(\d+ threads\)$/);
  } finally {
    await chromium.close();
  }
});
