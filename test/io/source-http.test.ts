// Sources over HTTP: layouts, ranges and servers without them, failures, retries, changed files, aborts.
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { openPytorch } from '../../src/io/pytorch/pytorch';
import { openCheckpoint } from '../../src/io/safetensors';
import { writeSafetensors } from '../../src/io/safetensors-write';
import { openSource } from '../../src/io/source';
import type { SourceInput, SourceOptions } from '../../src/io/source';
import { nodeFiles } from '../../src/platform/files-node';
import { startHubServer } from '../support/hub-server';
import type { HubServer, HubServerOptions } from '../support/hub-server';

const MB = 1024 * 1024;
const big = Uint8Array.from({ length: 5 * MB + 123 }, (_, i) => (i * 31 + (i >> 9)) & 255);
const tensor = (name: string, size: number) => ({
  name,
  dtype: 'U8' as const,
  dims: [size],
  data: big.subarray(0, size),
});
const repo = {
  'config.json': '{"model_type":"bert"}',
  'model.safetensors': writeSafetensors([tensor('a', 100), tensor('b', 3 * MB)]),
  'big.bin': big,
  'empty.bin': new Uint8Array(0),
  '1_Pooling/config.json': '{"deep":true}',
  'a b#%?.json': '[1]',
};

let server: HubServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(options: HubServerOptions = { repos: { 'org/name': repo } }): Promise<HubServer> {
  server = await startHubServer(options);
  return server;
}

/** A repository source on a fresh server. */
async function openHub(options: HubServerOptions = {}, more: SourceOptions = {}) {
  const hub = await serve({ repos: { 'org/name': repo }, ...options });
  return { hub, source: await openSource('org/name', { endpoint: hub.url, ...more }) };
}

function expectBytes(bytes: Uint8Array, offset: number, length: number): void {
  expect(bytes.byteLength).toBe(length);
  expect(bytes.buffer.byteLength).toBe(length);
  expect(Buffer.compare(bytes, big.subarray(offset, offset + length))).toBe(0);
}

/** Waits for a condition that the network fulfils soon. */
async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

describe('reading', () => {
  const servers: [string, HubServerOptions][] = [
    ['with ranges', {}],
    ['with ranges behind a redirect', { redirect: true }],
    ['without ranges', { ranges: false }],
    ['without ranges or Content-Length', { ranges: false, contentLength: false }],
  ];
  it.each(servers)('from a server %s', async (_, options) => {
    const { source } = await openHub(options);
    expect(await source.has('config.json')).toBe(true);
    expect(await source.has('1_Pooling/config.json')).toBe(true);
    expect(await source.has('absent.json')).toBe(false);
    expect(await source.readJson('config.json')).toEqual({ model_type: 'bert' });
    expect(await source.readJson('a b#%?.json')).toEqual([1]);
    expect(await source.size('big.bin')).toBe(big.byteLength);
    expect(await source.size('empty.bin')).toBe(0);
    expect((await source.readAll('empty.bin')).byteLength).toBe(0);
    // Forwards, with a gap, backwards, to the very end, and at once.
    expectBytes(await source.read('big.bin', 0, 10), 0, 10);
    expectBytes(await source.read('big.bin', 10, 2 * MB), 10, 2 * MB);
    expectBytes(await source.read('big.bin', 3 * MB, 100), 3 * MB, 100);
    expectBytes(await source.read('big.bin', 5, 100), 5, 100);
    expectBytes(await source.read('big.bin', 5 * MB, 123), 5 * MB, 123);
    const offsets = [4 * MB, 7, MB, 2 * MB];
    const parts = await Promise.all(offsets.map((offset) => source.read('big.bin', offset, 1000)));
    parts.forEach((part, i) => expectBytes(part, offsets[i], 1000));
    await expect(source.read('big.bin', 5 * MB, 124)).rejects.toMatchObject({ code: 'INVALID_FILE' });
    expectBytes(await source.readAll('big.bin'), 0, big.byteLength);
    await source.close();
  });

  it('asks for the bytes it needs and no more', async () => {
    const { hub, source } = await openHub();
    await source.read('big.bin', MB, 1000);
    await source.read('big.bin', 100, 1);
    expect(hub.requests.map((request) => request.range)).toEqual([
      'bytes=0-0',
      'bytes=1048576-1049575',
      'bytes=100-100',
    ]);
    expect(hub.requests.every((request) => request.headers['accept-encoding'] === 'identity')).toBe(true);
    expect(hub.bytesSent()).toBe(1 + 1000 + 1);
  });

  it('reads that follow one another share one download', async () => {
    const { hub, source } = await openHub();
    const checkpoint = await openCheckpoint(source);
    for (const [name, { byteLength }] of checkpoint.tensors) {
      for (let at = 0; at < byteLength; at += MB) {
        expectBytes(
          await checkpoint.read([{ name, start: at, length: Math.min(MB, byteLength - at) }]),
          at,
          Math.min(MB, byteLength - at),
        );
      }
    }
    // A look, the header's length, the header, the data.
    expect(hub.requests.length).toBe(4);
    await eventually(() => hub.active() === 0);

    // Over a small gap it goes on, over a large one or backwards it is left for a new request.
    hub.requests.length = 0;
    for (const offset of [0, 10, 20, 30, 1000, 4 * MB, 4 * MB + 10, 5]) {
      expectBytes(await source.read('big.bin', offset, 10), offset, 10);
    }
    expect(hub.requests.map((request) => request.range)).toEqual([
      'bytes=0-0',
      'bytes=0-9',
      'bytes=10-19',
      'bytes=20-',
      'bytes=4194304-4194313',
      'bytes=4194314-4194323',
      'bytes=5-14',
    ]);
    await source.close();
    await eventually(() => hub.active() === 0);
  });

  it('a read during which the source is closed rejects', async () => {
    const { hub, source } = await openHub({ ranges: false });
    await source.size('big.bin');
    for (const fault of [{ stallAfter: MB }, { delayMs: 100 }]) {
      hub.requests.length = 0;
      hub.fail('big.bin', fault);
      const reading = source.read('big.bin', 0, 2 * MB).catch((error: unknown) => error);
      await eventually(() => hub.requests.length > 0);
      await source.close();
      expect(await reading).toMatchObject({ code: 'DISPOSED' });
      await source.size('big.bin');
    }
    expectBytes(await source.read('big.bin', 0, 10), 0, 10);
    await source.close();
    await eventually(() => hub.active() === 0);
  });

  it('a broken shared download goes on where it broke', async () => {
    const { hub, source } = await openHub();
    for (const offset of [0, 10]) await source.read('big.bin', offset, 10);
    hub.fail('big.bin', { cutAfter: MB });
    for (let at = 20; at < 3 * MB; at += 100_000) expectBytes(await source.read('big.bin', at, 100_000), at, 100_000);
    expect(hub.requests.length).toBe(5);
    await source.close();
  });

  it.each<[string, HubServerOptions, number]>([
    ['a server without ranges', {}, 2],
    ['one that tells no size either, as asset bindings do', { contentLength: 'never' }, 3],
  ])('of %s, reads a checkpoint from one running download', async (_, options, requests) => {
    const { hub, source } = await openHub({ ranges: false, ...options });
    const checkpoint = await openCheckpoint(source);
    const before = hub.requests.length;
    for (const [name, { byteLength }] of checkpoint.tensors) {
      for (let at = 0; at < byteLength; at += MB) {
        const length = Math.min(MB, byteLength - at);
        expectBytes(await checkpoint.read([{ name, start: at, length }]), at, length);
      }
    }
    // One request to look (and HEAD, where that tells no size), one download that header and tensors share.
    expect(hub.requests.length - before).toBe(0);
    expect(hub.requests.length).toBe(requests);
    await source.close();
    await eventually(() => hub.active() === 0);
  });

  it('without ranges, refuses to download a file over and over', async () => {
    const { source } = await openHub({ ranges: false });
    const backwards = async () => {
      for (let i = 0; i < 100; i++) await source.read('big.bin', 5 * MB - i, 10);
    };
    await expect(backwards()).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/ignores range/),
    });
    await source.close();
  });

  it('does not wait for the rest of a download that nobody reads', async () => {
    const { hub, source } = await openHub({ ranges: false });
    await source.read('big.bin', 0, 10);
    await source.close();
    await eventually(() => hub.active() === 0);
  });

  it('uses the given fetch, and tells it the signal', async () => {
    const seen: unknown[] = [];
    const { source } = await openHub(
      {},
      {
        fetch: (input, init) => {
          seen.push(init?.signal instanceof AbortSignal);
          return fetch(input, init);
        },
      },
    );
    await source.readJson('config.json');
    expect(seen).toEqual([true]);
  });
});

it("takes a fetch whose bodies are Node's streams", async () => {
  const served = await serve();
  const nodes: typeof fetch = async (input, init) => {
    const { status, headers, body } = await fetch(input, init);
    return { status, headers, body: body && Readable.fromWeb(body as never) } as unknown as Response;
  };
  const source = await openSource('org/name', { endpoint: served.url, fetch: nodes });
  expect(await source.readJson('config.json')).toEqual({ model_type: 'bert' });
  expectBytes(await source.read('big.bin', MB, 1000), MB, 1000);
  expectBytes(await source.read('big.bin', MB + 1000, 2 * MB), MB + 1000, 2 * MB);
  await source.close();
});

describe('addresses', () => {
  const folders = { 'models/mini': repo, plain: repo };
  const all = { repos: { 'org/name': repo }, folders };
  it.each<[string, (url: string) => SourceInput, SourceOptions, string, string | undefined]>([
    ['a Hub id', () => 'org/name', {}, '/org/name/resolve/main/', undefined],
    [
      'a Hub id with revision',
      () => 'org/name',
      { revision: 'refs/pr/1' },
      '/org/name/resolve/refs%2Fpr%2F1/',
      undefined,
    ],
    ['the page of a repository', (url) => `${url}/org/name`, {}, '/org/name/resolve/main/', undefined],
    ['the page of a revision', (url) => `${url}/org/name/tree/v1.0`, {}, '/org/name/resolve/v1.0/', undefined],
    [
      'a file page',
      (url) => `${url}/org/name/blob/main/model.safetensors`,
      {},
      '/org/name/resolve/main/',
      'model.safetensors',
    ],
    [
      'a download address',
      (url) => `${url}/org/name/resolve/v1/model.safetensors?download=true`,
      {},
      '/org/name/resolve/v1/',
      'model.safetensors',
    ],
    [
      'a repository on another server',
      (url) => `${url}/org/name`,
      { endpoint: 'http://hub.invalid' },
      '/org/name/resolve/main/',
      undefined,
    ],
    [
      'a repository there, with revision',
      (url) => new URL(`${url}/org/name/`),
      { endpoint: 'http://hub.invalid', revision: 'v2' },
      '/org/name/resolve/v2/',
      undefined,
    ],
    ['a folder', (url) => `${url}/plain`, {}, '/plain/', undefined],
    [
      'a folder on another server',
      (url) => `${url}/models/mini/#x`,
      { endpoint: 'http://hub.invalid' },
      '/models/mini/',
      undefined,
    ],
    [
      'a file in a folder',
      (url) => `${url}/models/mini/model.safetensors`,
      { endpoint: 'http://hub.invalid' },
      '/models/mini/',
      'model.safetensors',
    ],
  ])('%s', async (_, input, options, prefix, weights) => {
    const hub = await serve(all);
    const source = await openSource(input(hub.url), { endpoint: hub.url, ...options });
    hub.requests.length = 0;
    expect(await source.readJson('config.json')).toEqual({ model_type: 'bert' });
    expect(hub.requests[0].path.replace(/\?.*/, '')).toBe(`${prefix}config.json`);
    expect(source.weights).toBe(weights);
    expect((await openCheckpoint(source)).tensors.size).toBe(2);
  });

  it('keeps a query and shows it to nobody', async () => {
    const hub = await serve(all);
    const source = await openSource(`${hub.url}/plain?token=secret`);
    await source.readJson('config.json');
    expect(hub.requests.at(-1)?.path).toBe('/plain/config.json?token=secret');
    const error: unknown = await source.readJson('absent.json').catch((reason: unknown) => reason);
    expect((error as Error).message).toContain(`${hub.url}/plain/absent.json`);
    expect((error as Error).message).not.toContain('secret');
  });

  it('says what was tried where there is no checkpoint', async () => {
    const hub = await serve(all);
    await expect(openSource(`${hub.url}/nothing/here/now`)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/here\/now\/config\.json nor .*here\/now\/resolve\/main\/config\.json/),
    });
  });

  it('does not take the page of a single-page application for a file', async () => {
    const hub = await serve({ ...all, catchAll: true });
    const source = await openSource(`${hub.url}/org/name`, { endpoint: 'http://hub.invalid' });
    expect(await source.has('tokenizer.json')).toBe(false);
    await expect(source.readJson('tokenizer.json')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('web page'),
    });
    await expect(openSource(`${hub.url}/nothing/here`)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('finds a weight file of another name by the list of the repository', async () => {
    const files = { 'config.json': '{}', 'model.fp16.safetensors': repo['model.safetensors'] };
    const { source, hub } = await openHub({ repos: { 'org/name': files } });
    expect((await openCheckpoint(source)).tensors.size).toBe(2);
    hub.fail('/api/models', { status: 404 });
    const unlisted = await openSource('org/name', { endpoint: hub.url });
    await expect(openCheckpoint(unlisted)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('give the URL of that file'),
    });
  });

  it('prefers a local folder to a Hub id, and says so of a missing one', async () => {
    const { hub } = await openHub();
    const local = await openSource('test/io', { files: nodeFiles, endpoint: hub.url });
    expect(await local.has('source-http.test.ts')).toBe(true);
    const remote = await openSource('test/oi', { files: nodeFiles, endpoint: hub.url });
    await expect(remote.readJson('config.json')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/taken as a Hub id: there is no local folder .*oi/),
    });
  });
});

describe('failures', () => {
  it.each<[number, string]>([
    [404, 'FILE_NOT_FOUND'],
    [410, 'FILE_NOT_FOUND'],
    [400, 'NETWORK'],
    [401, 'NETWORK'],
    [403, 'NETWORK'],
  ])('status %i is %s at once', async (status, code) => {
    const { hub, source } = await openHub();
    hub.fail('big.bin', { status, headers: { 'X-Error-Message': 'because' } }, 9);
    const expected = {
      code,
      message: expect.stringMatching(new RegExp(`/org/name/resolve/main/big\\.bin.*${status} \\(because\\)`)),
    };
    await expect(source.size('big.bin')).rejects.toMatchObject(expected);
    await expect(source.readAll('big.bin')).rejects.toMatchObject(expected);
    expect(hub.requests.length).toBe(2);
  });

  it('a refusal counts as absent only where other files are served', async () => {
    const { hub, source } = await openHub();
    hub.fail('absent.json', { status: 403 }, 9);
    await expect(source.has('absent.json')).rejects.toMatchObject({ code: 'NETWORK' });
    await source.has('config.json');
    expect(await source.has('absent.json')).toBe(false);
  });

  it.each([500, 502, 503, 429])('status %i is tried again', async (status) => {
    const { hub, source } = await openHub();
    hub.fail('big.bin', { status, headers: { 'Retry-After': '0' } }, 2);
    expectBytes(await source.read('big.bin', 7, 9), 7, 9);
    hub.fail('config.json', { status }, 1);
    expect(await source.readJson('config.json')).toEqual({ model_type: 'bert' });
  });

  it('gives up after four attempts, with the status and the address', async () => {
    const { hub, source } = await openHub();
    hub.fail('big.bin', { status: 500 }, 9);
    await expect(source.size('big.bin')).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/big\.bin.*500.*4 times/),
    });
    expect(hub.requests.length).toBe(4);
  });

  it('continues a range where the connection broke', async () => {
    const { hub, source } = await openHub();
    await source.size('big.bin');
    hub.fail('big.bin', { cutAfter: MB });
    expectBytes(await source.read('big.bin', 100, 2 * MB), 100, 2 * MB);
    const [, second] = hub.requests.slice(1).map((request) => Number(request.range?.match(/\d+/)));
    expect(second).toBeGreaterThan(100);
    expect(hub.requests.length).toBe(3);
  });

  it('starts a broken download again', async () => {
    const { hub, source } = await openHub({ ranges: false });
    await source.size('big.bin');
    hub.fail('big.bin', { cutAfter: MB });
    expectBytes(await source.read('big.bin', 100, 2 * MB), 100, 2 * MB);
    hub.fail('big.bin', { cutAfter: MB });
    expectBytes(await source.readAll('big.bin'), 0, big.byteLength);
    await source.close();
  });

  it.each([true, false])('a body shorter than promised is an error (ranges: %s)', async (ranges) => {
    const { hub, source } = await openHub({ ranges });
    await source.size('big.bin');
    hub.fail('big.bin', { shortenTo: 1000 }, 9);
    // Each attempt brings 1000 bytes of a range further; a download starts again.
    await expect(source.read('big.bin', 0, 10_000)).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/big\.bin: the server sent \d+ of \d+ bytes/),
    });
  });

  it.each([true, false])('a file that changes between reads is an error (ranges: %s)', async (ranges) => {
    const { hub, source } = await openHub({ ranges });
    await source.read('big.bin', MB, 10);
    hub.fail('big.bin', { etag: '"new"' });
    await expect(source.read('big.bin', 0, 10)).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/big\.bin changed on the server/),
    });
  });

  it('a weakened tag is no change', async () => {
    const { hub, source } = await openHub();
    await source.size('big.bin');
    hub.fail('big.bin', { etag: `W/"big.bin-${big.byteLength}"` });
    expectBytes(await source.read('big.bin', 0, 10), 0, 10);
  });

  it('a server that is not there fails at once', async () => {
    const hub = await serve();
    await hub.close();
    const source = await openSource('org/name', { endpoint: hub.url });
    await expect(source.readJson('config.json')).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/config\.json: the request failed: .*ECONNREFUSED/),
    });
  });

  it.each<[string, Record<string, string>, number, number]>([
    ['another range', { 'Content-Range': 'bytes 5-14/100' }, 206, 10],
    ['another size', { 'Content-Range': 'bytes 0-9/101' }, 206, 10],
    ['nonsense for a range', { 'Content-Range': 'pages 1-2' }, 206, 10],
    ['more than the range', { 'Content-Range': 'bytes 0-9/100' }, 206, 11],
    ['416', { 'Content-Range': 'bytes */100' }, 416, 0],
  ])('an answer with %s is an error', async (_, headers, status, length) => {
    const lying: typeof fetch = async (_input, init) => {
      const range = new Headers(init?.headers).get('range');
      if (range === 'bytes=0-0') {
        return new Response('x', { status: 206, headers: { 'Content-Range': 'bytes 0-0/100' } });
      }
      return new Response(new Uint8Array(length), { status, headers });
    };
    const source = await openSource('http://127.0.0.1/org/name/resolve/main', { fetch: lying });
    await expect(source.read('x.bin', 0, 10)).rejects.toMatchObject({ code: 'NETWORK' });
  });

  it('a server that hides Content-Range is asked for the size by HEAD', async () => {
    const hiding: typeof fetch = async (_input, init) => {
      if (init?.method === 'HEAD') return new Response(null, { headers: { 'Content-Length': '100' } });
      const [from, to] = (new Headers(init?.headers).get('range') ?? '').match(/\d+/g) ?? [];
      return new Response(big.slice(Number(from), Number(to) + 1), { status: 206 });
    };
    const source = await openSource('http://127.0.0.1/org/name/resolve/main', { fetch: hiding });
    expect(await source.size('x.bin')).toBe(100);
    expectBytes(await source.read('x.bin', 90, 10), 90, 10);
    await expect(source.read('x.bin', 90, 11)).rejects.toMatchObject({ code: 'INVALID_FILE' });
  });

  it('a file whose size nobody tells is known to be cut short when it ends too early', async () => {
    const { hub, source } = await openHub({ ranges: false, contentLength: 'never' });
    expect(await source.size('model.safetensors')).toBe(Infinity);
    const checkpoint = await openCheckpoint(source);
    await source.close();
    hub.fail('model.safetensors', { shortenTo: 2 * MB }, 6);
    await expect(checkpoint.read([{ name: 'b', start: 0, length: 3 * MB }])).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/sent 2097152 of \d+ bytes/),
    });
    await source.close();
  });

  it('a file of PyTorch whose size nobody tells is an error that says what is needed', async () => {
    const { source } = await openHub({ ranges: false, contentLength: 'never' });
    await expect(openPytorch(source, 'big.bin')).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/big\.bin.*Content-Length/),
    });
    await source.close();
  });
});

describe('abort', () => {
  const reason = new Error('enough');
  const aborted = { code: 'ABORTED', name: 'AbortError', cause: reason };

  /** Aborts once the server has sent part of the body; the call must reject before `soon` and hang up. */
  async function abortMidway(call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    if (!server) throw new Error('no server');
    const hub = server;
    hub.fail('big.bin', { stallAfter: MB });
    const controller = new AbortController();
    const before = hub.bytesSent();
    const outcome = call(controller.signal).catch((error: unknown) => error);
    await eventually(() => hub.bytesSent() - before >= MB);
    const soon = new Promise((resolve) => setTimeout(() => resolve('too late'), 50));
    controller.abort(reason);
    expect(await Promise.race([outcome, soon])).toMatchObject(aborted);
    await eventually(() => hub.active() === 0);
  }

  it.each([true, false])('in the middle of a body rejects at once and hangs up (ranges: %s)', async (ranges) => {
    const { source } = await openHub({ ranges });
    await source.size('big.bin');
    await abortMidway((signal) => source.read('big.bin', 0, 4 * MB, signal));
    // The source is not broken by it.
    expectBytes(await source.read('big.bin', 3, 10), 3, 10);
    await source.close();
  });

  it('in the middle of a whole file', async () => {
    const { source } = await openHub();
    await abortMidway((signal) => source.readAll('big.bin', signal));
  });

  it('while waiting for the answer, for the next attempt, and for another read', async () => {
    const { hub, source } = await openHub({ ranges: false });
    hub.fail('config.json', { delayMs: 5000 }, 2);
    hub.fail('big.bin', { status: 503, headers: { 'Retry-After': '9' } });
    const controller = new AbortController();
    const waiting = [
      source.readJson('config.json', controller.signal),
      source.size('big.bin', controller.signal),
      openSource(`${hub.url}/models/mini`, { signal: controller.signal, endpoint: 'http://hub.invalid' }),
    ];
    await eventually(() => hub.requests.length >= 3);
    controller.abort(reason);
    for (const call of waiting) await expect(call).rejects.toMatchObject(aborted);

    await source.size('model.safetensors');
    hub.fail('model.safetensors', { stallAfter: 10 });
    const first = new AbortController();
    const second = new AbortController();
    const stalled = source.read('model.safetensors', 0, 1000, first.signal);
    const queued = source.read('model.safetensors', 0, 10, second.signal);
    second.abort(reason);
    await expect(queued).rejects.toMatchObject(aborted);
    first.abort(reason);
    await expect(stalled).rejects.toMatchObject(aborted);
    expect((await source.read('model.safetensors', 8, 1))[0]).toBe('{'.charCodeAt(0));
    await source.close();
  });

  it('works with a fetch that ignores its signal', async () => {
    const deaf: typeof fetch = () => new Promise(() => undefined);
    const source = await openSource('org/name', { fetch: deaf });
    const controller = new AbortController();
    const call = source.readJson('config.json', controller.signal);
    controller.abort(reason);
    await expect(call).rejects.toMatchObject(aborted);
  });
});
