// The examples for edge functions, each in its platform's own development server.
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APP, freePort, inPlaces, root, until } from './places';

const PLATFORMS = [
  {
    name: 'Cloudflare Worker, in wrangler dev',
    example: 'cloudflare-worker',
    models: 'models',
    path: '/',
    // wants a newer Node than 20
    node: inPlaces('runtimes/node_modules/node24/bin/node'),
    serve: (port: number) => ['wrangler/bin/wrangler.js', 'dev', '--ip', '127.0.0.1', '--port', String(port)],
  },
  {
    name: 'Vercel edge function, in vercel dev',
    example: 'vercel-edge',
    models: 'public',
    path: '/api/mood',
    node: process.execPath,
    serve: (port: number) => ['vercel/dist/vc.js', 'dev', '--local', '--yes', '--listen', `127.0.0.1:${port}`],
  },
];

describe.each(PLATFORMS)('$name', ({ example, models, path, node, serve }) => {
  let server: ChildProcess | undefined;
  let url: string;

  beforeAll(async () => {
    const folder = inPlaces(example);
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(root, 'examples', example), folder, { recursive: true });
    cpSync(join(root, 'models/sentiment'), join(folder, models, 'sentiment'), { recursive: true });
    cpSync(join(APP, 'node_modules'), join(folder, 'node_modules'), { recursive: true });
    const port = await freePort();
    const [script, ...args] = serve(port);
    server = spawn(node, [inPlaces('edge/node_modules', script), ...args], {
      cwd: folder,
      // a group of its own, since both start further processes
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, CI: 'true', WRANGLER_SEND_METRICS: 'false', VERCEL_TELEMETRY_DISABLED: '1' },
    });
    url = `http://127.0.0.1:${port}${path}`;
    await until(() => fetch(url), 60_000);
  });

  afterAll(() => {
    if (server?.pid !== undefined) process.kill(-server.pid, 'SIGKILL');
  });

  it('tells moods and refuses what is no text', async () => {
    const ask = async (body: string): Promise<{ status: number; answer: unknown }> => {
      const response = await fetch(url, { method: 'POST', body });
      return { status: response.status, answer: await response.json() };
    };
    const { status, answer } = await ask('{ "text": "What a lovely day, I am so happy." }');
    expect({ status, answer }).toEqual({ status: 200, answer: [{ label: 'positive', score: expect.any(Number) }] });
    expect((answer as { score: number }[])[0].score).toBeGreaterThan(0.5);
    expect(await ask('{')).toMatchObject({ status: 400 });
    expect(await ask('{"text": 5}')).toMatchObject({ status: 400, answer: { code: 'INVALID_ARGUMENT' } });
    expect(await ask('null')).toMatchObject({ status: 400, answer: { code: 'INVALID_ARGUMENT' } });
    expect((await fetch(url)).status).toBe(405);
  });
});
