// Downloads that are kept: continued, compared, shared between processes, and refused when they are not what the server says.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cache } from '../../src/api/cache';
import { openSource, type SourceInput, type SourceOptions } from '../../src/io/source';
import { nodeFiles } from '../../src/platform/files-node';
import { startHubServer, type HubServer, type HubServerOptions } from '../support/hub-server';

const MB = 1024 * 1024;
const weights = Uint8Array.from({ length: 9 * MB + 77 }, (_, i) => (i * 31 + (i >> 9)) & 255);
const sha256 = createHash('sha256').update(weights).digest('hex');
const FILES = { 'config.json': '{"model_type":"bert"}', 'model.safetensors': weights };

let folder: string;
let server: HubServer | undefined;
let files: Record<string, string | Uint8Array>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cache-'));
  files = { ...FILES };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function serve(options: HubServerOptions = {}): Promise<HubServer> {
  server = await startHubServer({ repos: { 'org/name': files }, hashes: 'listing', ...options });
  return server;
}

const open = (options: SourceOptions = {}, input: SourceInput = 'org/name') =>
  openSource(input, {
    endpoint: server!.url,
    files: nodeFiles,
    storage: () => import('#platform-store'),
    cacheDir: folder,
    ...options,
  });

/** Loads what there is, as a model would. */
async function load(options: SourceOptions = {}, input?: SourceInput): Promise<Buffer> {
  const source = await open(options, input);
  try {
    await source.readJson('config.json', options.signal);
    await source.has('tokenizer.json', options.signal);
    return Buffer.from(await source.readAll('model.safetensors', options.signal));
  } finally {
    await source.close();
  }
}

/** Files in the cache's folder, by their names alone. */
const kept = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
const pathOf = (file: string): string =>
  join(folder, `http--127.0.0.1_${new URL(server!.url).port}/org/name/resolve/main/${file}`);
/** A load that has come as far as a file of its download, and waits for the server until it is aborted. */
async function stalled(kind: 'lock' | 'part'): Promise<{ loading: Promise<Buffer>; abort: AbortController }> {
  const hub = await serve();
  hub.fail('model.safetensors', { stallAfter: MB });
  const abort = new AbortController();
  const loading = load({ signal: abort.signal });
  await vi.waitFor(() => expect(existsSync(`${pathOf('model.safetensors')}%${kind}`)).toBe(true), { timeout: 10_000 });
  return { loading, abort };
}
const asked = (part: string): number => server!.requests.filter(({ path }) => path.includes(part)).length;

describe('a second load', () => {
  const kinds: [string, HubServerOptions][] = [
    ['by the listing', {}],
    ['by tags', { hashes: 'tags' }],
    ['by tags before a redirect', { hashes: 'tags', redirect: true }],
    ['by any server’s tags', { hashes: undefined }],
  ];
  it.each(kinds)('downloads nothing: told %s', async (_, options) => {
    const hub = await serve(options);
    expect((await load()).equals(weights)).toBe(true);
    const sent = hub.bytesSent();
    expect(sent).toBeLessThan(weights.byteLength + 1000);
    expect((await load()).equals(weights)).toBe(true);
    // at most the first bytes, which tell the tags
    expect(hub.bytesSent() - sent).toBeLessThan(10);
    expect(kept()).toEqual([
      'config.json',
      'config.json%entry',
      'model.safetensors',
      'model.safetensors%entry',
      'tokenizer.json%entry',
    ]);
  });

  it('asks once for the whole repository, and of a commit not at all', async () => {
    const hub = await serve();
    await load();
    hub.requests.length = 0;
    await load();
    expect(hub.requests.map(({ path }) => path)).toEqual(['/api/models/org/name/revision/main?blobs=true']);
    const revision = 'a'.repeat(40);
    await load({ revision });
    hub.requests.length = 0;
    await load({ revision });
    expect(hub.requests).toEqual([]);
  });

  it('goes on without the server, and says what is missing', async () => {
    const hub = await serve();
    const { url } = hub;
    await load();
    await hub.close();
    expect((await load({ endpoint: url })).equals(weights)).toBe(true);
    const source = await open({ endpoint: url });
    expect(await source.has('tokenizer.json')).toBe(false);
    await expect(source.has('vocab.txt')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(
        /vocab\.txt is not in the cache .*the server cannot be reached: load the model once/,
      ),
    });
  });

  it('asks nothing with localFilesOnly', async () => {
    const hub = await serve();
    await expect(load({ localFilesOnly: true })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/config\.json is not in the cache .*localFilesOnly/),
    });
    expect(hub.requests).toEqual([]);
    await load();
    hub.requests.length = 0;
    expect((await load({ localFilesOnly: true })).equals(weights)).toBe(true);
    expect(hub.requests).toEqual([]);
  });

  it('notices a new version', async () => {
    await serve();
    await load();
    files['model.safetensors'] = weights.slice().reverse();
    expect((await load()).equals(weights.slice().reverse())).toBe(true);
  });
});

describe('a download that breaks off', () => {
  it('goes on within the load', async () => {
    const hub = await serve();
    hub.fail('model.safetensors', { cutAfter: 3 * MB });
    expect((await load()).equals(weights)).toBe(true);
    expect(hub.bytesSent()).toBeLessThan(weights.byteLength + MB);
    expect(hub.requests.at(-1)!.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it('goes on after a server that stalls', async () => {
    const hub = await serve();
    hub.fail('model.safetensors', { stallAfter: 3 * MB });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let loaded = 0;
      let isDone = false;
      const loading = load({ onDownload: (_, bytes) => void (loaded = bytes) }).finally(() => (isDone = true));
      const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
      while (loaded < 3 * MB) await turn();
      await vi.advanceTimersByTimeAsync(14_000);
      expect(loaded).toBe(3 * MB);
      while (!isDone) {
        await vi.advanceTimersByTimeAsync(1000);
        await turn();
      }
      expect((await loading).equals(weights)).toBe(true);
      expect(hub.requests.at(-1)!.range).toBe(`bytes=${3 * MB}-`);
    } finally {
      vi.useRealTimers();
    }
  });

  it('goes on in the next load', async () => {
    const hub = await serve();
    hub.fail('model.safetensors', { stallAfter: 4 * MB });
    const controller = new AbortController();
    const loading = load({
      signal: controller.signal,
      onDownload: (file, loaded) => void (loaded > 2 * MB && file === 'model.safetensors' && controller.abort()),
    });
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await cache.list({ cacheDir: folder })).toContainEqual(
      expect.objectContaining({ file: 'model.safetensors', complete: false }),
    );
    const sent = hub.bytesSent();
    expect((await load()).equals(weights)).toBe(true);
    expect(hub.bytesSent() - sent).toBeLessThan(weights.byteLength - MB);
    expect(kept()).not.toContain('model.safetensors%part');
  });

  it('goes on after the process was killed', async () => {
    const hub = await serve();
    hub.fail('model.safetensors', { stallAfter: 5 * MB });
    const child = execFile(process.execPath, ['--input-type=module', '-e', program(hub.url)], () => undefined);
    const part = `${pathOf('model.safetensors')}%part`;
    await vi.waitFor(() => expect(readFileSync(part).byteLength).toBeGreaterThan(4 * MB), { timeout: 30_000 });
    child.kill('SIGKILL');
    await new Promise((done) => child.on('exit', done));
    const sent = hub.bytesSent();
    expect((await load()).equals(weights)).toBe(true);
    expect(hub.bytesSent() - sent).toBeLessThan(6 * MB);
    expect(kept().filter((name) => /part|lock|facts/.test(name))).toEqual([]);
  });

  it('begins again when what is left is of another version', async () => {
    await serve();
    const controller = new AbortController();
    const onDownload = (_: string, loaded: number): void => void (loaded > 2 * MB && controller.abort());
    await expect(load({ signal: controller.signal, onDownload })).rejects.toMatchObject({ code: 'ABORTED' });
    files['model.safetensors'] = weights.slice().reverse();
    expect((await load()).equals(weights.slice().reverse())).toBe(true);
  });

  it('begins again when what is left is damaged', async () => {
    await serve();
    const controller = new AbortController();
    const onDownload = (_: string, loaded: number): void => void (loaded > 2 * MB && controller.abort());
    await expect(load({ signal: controller.signal, onDownload })).rejects.toMatchObject({ code: 'ABORTED' });
    const part = `${pathOf('model.safetensors')}%part`;
    const bytes = readFileSync(part);
    bytes[1000] ^= 1;
    writeFileSync(part, bytes);
    expect((await load()).equals(weights)).toBe(true);
  });
});

describe('what is not what the server says', () => {
  it.each(['model.safetensors', 'config.json'])('%s with another hash is refused', async (file) => {
    const hub = await serve();
    const { url } = hub;
    const damaged = { ...files, [file]: Buffer.from(files[file]).fill(0x20, 10, 11) };
    // the listing is of the files as they should be
    const fetchFile: typeof fetch = (input, init) => {
      const address = String(input);
      return fetch(address.includes('/api/') ? address : address.replace(url, lying.url), init);
    };
    const lying = await startHubServer({ repos: { 'org/name': damaged } });
    try {
      await expect(load({ fetch: fetchFile })).rejects.toMatchObject({
        code: 'INVALID_FILE',
        message: expect.stringMatching(
          new RegExp(`${file} arrived damaged: its (SHA-256|Git hash) should be .*try again`),
        ),
      });
      expect(kept().filter((name) => name.startsWith(file))).toEqual([]);
    } finally {
      await lying.close();
    }
  });

  it('a length that is a lie is refused', async () => {
    const hub = await serve();
    hub.fail('model.safetensors', { shortenTo: 0 }, 100);
    await expect(load()).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('the server sent'),
    });
  });

  it('a changed file in the cache is downloaded again, or refused', async () => {
    await serve();
    await load();
    const path = pathOf('model.safetensors');
    const damage = (): void => {
      const bytes = readFileSync(path);
      bytes[5] ^= 1;
      writeFileSync(path, bytes);
    };
    damage();
    const broken = (await cache.verify(null, { cacheDir: folder })).filter(({ intact }) => !intact);
    expect(broken.map(({ file }) => file)).toEqual(['model.safetensors']);
    await expect(load({ localFilesOnly: true })).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringMatching(/is damaged in the cache .*load it once with a connection/),
    });
    expect((await load()).equals(weights)).toBe(true);
    appendFileSync(path, 'x');
    expect((await load()).equals(weights)).toBe(true);
    // somebody who only touches it costs a comparison
    writeFileSync(path, readFileSync(path));
    expect((await load({ localFilesOnly: true })).equals(weights)).toBe(true);
  });

  it('half an entry is not believed', async () => {
    await serve();
    await load();
    writeFileSync(`${pathOf('model.safetensors')}%entry`, '{"url":');
    expect((await load()).equals(weights)).toBe(true);
  });
});

describe('many at once', () => {
  it('download a file once', async () => {
    const hub = await serve();
    const run = (): Promise<{ stdout: string }> =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', program(hub.url)], { timeout: 60_000 });
    const results = await Promise.all([run(), run(), load(), load()]);
    expect(results[0]).toMatchObject({ stdout: sha256 });
    expect(results[1]).toMatchObject({ stdout: sha256 });
    expect(hub.bytesSent()).toBeLessThan(1.5 * weights.byteLength);
    expect(asked('model.safetensors')).toBe(1);
  });

  it('a waiting one may be aborted', async () => {
    const { loading: holding, abort: first } = await stalled('lock');
    const second = new AbortController();
    const waiting = load({ signal: second.signal });
    setTimeout(() => second.abort(), 300);
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    first.abort();
    await expect(holding).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('removed by somebody else', () => {
  it.each(['org/name', null])('what is being downloaded stays, and its lock: remove(%j)', async (model) => {
    const { loading, abort } = await stalled('part');
    expect(await cache.remove(model, { cacheDir: folder })).toBe(21);
    expect(kept()).toEqual(expect.arrayContaining(['model.safetensors%lock', 'model.safetensors%part']));
    abort.abort();
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await cache.remove(model, { cacheDir: folder })).toBeGreaterThan(0);
    expect(kept()).toEqual([]);
  });

  it('a file that was found and is gone when it is read names the cure', async () => {
    await serve();
    await load();
    const source = await open();
    await source.readJson('config.json');
    rmSync(pathOf('model.safetensors'));
    rmSync(pathOf('config.json'));
    await expect(source.readJson('config.json')).resolves.toBeDefined();
    await source.close();
    await expect(source.readJson('config.json')).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringMatching(/was removed from the cache .*load the model again/) as string,
    });
  });

  it('many loads and removals', { timeout: 60_000 }, async () => {
    await serve();
    const once = async (i: number): Promise<void> => {
      if (i % 3 === 2) await cache.remove('org/name', { cacheDir: folder });
      else if (!(await load()).equals(weights)) throw new Error('other bytes');
    };
    for (let round = 0; round < 8; round++) {
      for (const result of await Promise.allSettled(Array.from({ length: 6 }, (_, i) => once(i)))) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'INVALID_FILE' });
      }
    }
  });
});

describe('where nothing can be kept', () => {
  it('an explicit folder is an error that names it', async () => {
    await serve();
    const blocked = join(folder, 'file');
    writeFileSync(blocked, '');
    await expect(load({ cacheDir: blocked })).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      message: `cannot write to the cache ${blocked}: a part of the path is a file: choose another folder`,
    });
  });

  it('the usual folder is done without, with one warning', async () => {
    await serve();
    const blocked = join(folder, 'file');
    writeFileSync(blocked, '');
    vi.stubEnv('WASMFORMER_CACHE', blocked);
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    for (let i = 0; i < 2; i++) expect((await load({ cacheDir: undefined })).equals(weights)).toBe(true);
    expect(warn.mock.calls).toEqual([[expect.stringContaining(`cannot write to the cache ${blocked}`)]]);
  });

  it('null keeps nothing', async () => {
    await serve();
    vi.stubEnv('WASMFORMER_CACHE', folder);
    expect((await load({ cacheDir: null })).equals(weights)).toBe(true);
    expect(kept()).toEqual([]);
    await expect(load({ cacheDir: null, localFilesOnly: true })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('a URL with a query is not kept', async () => {
    const hub = await serve({ folders: { plain: files } });
    expect((await load({}, `${hub.url}/plain?signature=1`)).equals(weights)).toBe(true);
    expect(kept()).toEqual([]);
  });
});

describe('who may ask', () => {
  it('the token goes to the server that is asked, and not to where it sends', async () => {
    const hub = await serve({ redirect: true });
    await load({ token: 'secret' });
    expect(hub.requests.length).toBeGreaterThan(2);
    for (const { headers } of hub.requests) expect(headers.authorization).toBe('Bearer secret');
    vi.stubEnv('HF_TOKEN', 'environment');
    hub.requests.length = 0;
    await load();
    for (const { headers } of hub.requests) expect(headers.authorization).toBeUndefined();
  });

  it('a refusal says what to do', async () => {
    const hub = await serve();
    hub.fail('/', { status: 401 }, 100);
    await expect(load()).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/401.*pass a `token`/),
    });
  });
});

describe('the list', () => {
  it('shows, compares and removes', async () => {
    const hub = await serve({ folders: { plain: { ...files } } });
    await load();
    await load({}, `${hub.url}/plain`);
    const options = { cacheDir: folder };
    const [config, model, ...rest] = await cache.list(options);
    expect(config).toMatchObject({
      model: 'org/name',
      revision: 'main',
      file: 'config.json',
      size: 21,
      complete: true,
    });
    expect(model).toMatchObject({ file: 'model.safetensors', size: weights.byteLength, sha256 });
    expect(Date.now() - model.savedAt!.getTime()).toBeLessThan(60_000);
    expect(rest.map(({ model: of, revision, file }) => [of, revision, file])).toEqual([
      [`${hub.url}/plain`, null, 'config.json'],
      [`${hub.url}/plain`, null, 'model.safetensors'],
    ]);
    expect((await cache.verify(null, options)).every(({ intact }) => intact)).toBe(true);
    expect(await cache.remove('org/name', options)).toBe(weights.byteLength + 21);
    expect((await cache.list(options)).map(({ model: of }) => of)).toEqual(rest.map(({ model: of }) => of));
    expect(await cache.remove('org/name', options)).toBe(0);
    mkdirSync(join(folder, 'mine'));
    expect(await cache.remove(null, options)).toBe(weights.byteLength + 21);
    expect(readdirSync(folder)).toEqual(['mine']);
    await expect(cache.remove('', options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

/** A program that loads the weights into the cache and prints their hash. */
function program(url: string): string {
  return `
    import { build } from 'esbuild';
    import { createHash } from 'node:crypto';
    const bundled = await build({
      stdin: { contents: "export { openSource } from './src/io/source'; export * as storage from './src/platform/node-store';", resolveDir: process.cwd() },
      bundle: true, format: 'esm', platform: 'node', write: false,
    });
    const { openSource, storage } = await import('data:text/javascript;base64,' + Buffer.from(bundled.outputFiles[0].contents).toString('base64'));
    const source = await openSource('org/name', {
      endpoint: ${JSON.stringify(url)}, cacheDir: ${JSON.stringify(folder)}, storage: async () => storage,
    });
    const bytes = await source.readAll('model.safetensors');
    process.stdout.write(createHash('sha256').update(bytes).digest('hex'));
  `;
}
