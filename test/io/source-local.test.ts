// Sources that need no network: folders, files, Blobs and bytes in memory, and what openSource makes of its input.
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/io/safetensors';
import { writeSafetensors } from '../../src/io/safetensors-write';
import { openSource } from '../../src/io/source';
import type { Source, SourceInput } from '../../src/io/source';
import { nodeFiles } from '../../src/platform/files-node';

const files = nodeFiles;
const big = Uint8Array.from({ length: 20 * 1024 * 1024 }, (_, i) => (i * 31 + (i >> 9)) & 255);
const contents: Record<string, Uint8Array<ArrayBuffer> | string> = {
  'config.json': '\ufeff{"model_type":"bert","größe":1}',
  'broken.json': '{"a":',
  'latin1.json': Uint8Array.of(0x22, 0xe9, 0x22),
  'empty.bin': new Uint8Array(0),
  'big.bin': big,
  '1_Pooling/config.json': '{"deep":true}',
  'a b#%?.json': '[1]',
};
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'source-'));
  for (const [file, content] of Object.entries(contents)) {
    if (file.includes('/')) await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), content);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const kinds: [string, () => Promise<Source>][] = [
  ['folder', () => openSource(folder, { files })],
  ['memory', () => openSource(contents)],
  [
    'Files of a chosen folder',
    () =>
      openSource(
        Object.entries(contents).map(([name, content]) => {
          const file = new File([content], name.replace(/.*\//, ''));
          Object.defineProperty(file, 'webkitRelativePath', { value: `chosen/${name}` });
          return file;
        }),
      ),
  ],
];

describe.each(kinds)('a source over %s', (_, open) => {
  it('knows its files', async () => {
    const source = await open();
    expect(await source.has('config.json')).toBe(true);
    expect(await source.has('1_Pooling/config.json')).toBe(true);
    expect(await source.has('1_Pooling')).toBe(false);
    expect(await source.has('absent.json')).toBe(false);
    expect(await source.has('toString')).toBe(false);
    expect((await source.list?.())?.sort()).toEqual(
      ['a b#%?.json', 'big.bin', 'broken.json', 'config.json', 'empty.bin', 'latin1.json'].sort(),
    );
    expect(await source.size('big.bin')).toBe(big.byteLength);
    expect(await source.size('empty.bin')).toBe(0);
    await source.close();
  });

  it('reads ranges into fresh buffers of the exact size', async () => {
    const source = await open();
    const part = await source.read('big.bin', 12_345_678, 1001);
    expect(Buffer.compare(part, big.subarray(12_345_678, 12_345_678 + 1001))).toBe(0);
    expect(part.buffer).toBeInstanceOf(ArrayBuffer);
    expect(part.buffer.byteLength).toBe(1001);
    part.fill(0);
    structuredClone(part, { transfer: [part.buffer] });
    const again = await source.read('big.bin', 12_345_678, 1001);
    expect(Buffer.compare(again, big.subarray(12_345_678, 12_345_678 + 1001))).toBe(0);
    expect((await source.read('big.bin', big.byteLength, 0)).byteLength).toBe(0);
    expect((await source.readAll('empty.bin')).byteLength).toBe(0);
    await source.close();
  });

  it('reads whole files, larger than one piece too', async () => {
    const source = await open();
    expect(Buffer.compare(await source.readAll('big.bin'), big)).toBe(0);
    await source.close();
  });

  it('reads JSON and names the file that is none', async () => {
    const source = await open();
    expect(await source.readJson('config.json')).toEqual({ model_type: 'bert', größe: 1 });
    expect(await source.readJson('a b#%?.json')).toEqual([1]);
    const bad = (file: string) =>
      expect.objectContaining({ code: 'INVALID_FILE', message: expect.stringContaining(file) });
    await expect(source.readJson('broken.json')).rejects.toEqual(bad('broken.json'));
    await expect(source.readJson('latin1.json')).rejects.toEqual(bad('latin1.json'));
    await source.close();
  });

  it('rejects what it cannot give', async () => {
    const source = await open();
    const missing = { code: 'FILE_NOT_FOUND', message: expect.stringContaining('absent.json') };
    await expect(source.size('absent.json')).rejects.toMatchObject(missing);
    await expect(source.read('absent.json', 0, 1)).rejects.toMatchObject(missing);
    await expect(source.readAll('absent.json')).rejects.toMatchObject(missing);
    const truncated = { code: 'INVALID_FILE', message: expect.stringMatching(/big\.bin.*truncated/) };
    await expect(source.read('big.bin', big.byteLength - 1, 2)).rejects.toMatchObject(truncated);
    await expect(source.read('big.bin', 0, Number.MAX_SAFE_INTEGER)).rejects.toMatchObject(truncated);
    for (const [offset, length] of [
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [0, NaN],
      [0, Infinity],
    ]) {
      await expect(source.read('big.bin', offset, length)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    for (const file of ['../x', '/etc/passwd', 'a/../../x', './x', '', 'a//b', 'a\\b', 'C:x', 'x\0', '\ud800']) {
      await expect(source.has(file)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(source.readAll(file)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await source.close();
  });

  it('rejects when aborted', async () => {
    const source = await open();
    const reason = new Error('enough');
    const aborted = { code: 'ABORTED', name: 'AbortError', cause: reason };
    await expect(source.read('big.bin', 0, 1, AbortSignal.abort(reason))).rejects.toMatchObject(aborted);
    await expect(source.readAll('big.bin', AbortSignal.abort(reason))).rejects.toMatchObject(aborted);
    const controller = new AbortController();
    const reading = source.readAll('big.bin', controller.signal);
    controller.abort(reason);
    await expect(reading).rejects.toMatchObject(aborted);
    await source.close();
  });

  it('can be used after close', async () => {
    const source = await open();
    await source.read('big.bin', 0, 1);
    await source.close();
    await source.close();
    expect((await source.read('big.bin', 1, 1))[0]).toBe(big[1]);
    await source.close();
  });
});

describe('folders', () => {
  it('are found by relative path, file URL and symbolic link', async () => {
    const link = join(folder, 'link');
    await symlink(folder, link);
    for (const input of [relative(process.cwd(), folder), pathToFileURL(folder).href, pathToFileURL(folder), link]) {
      const source = await openSource(input, { files });
      expect(await source.has('config.json')).toBe(true);
    }
    await rm(link);
  });

  it('are read at many places at once', async () => {
    const source = await openSource(folder, { files });
    const offsets = Array.from({ length: 50 }, (_, i) => (i * 400_009) % big.byteLength);
    const parts = await Promise.all(offsets.map((offset) => source.read('big.bin', offset, 10)));
    parts.forEach((part, i) => expect(part).toEqual(big.slice(offsets[i], offsets[i] + 10)));
    await source.close();
  });

  it('tell a file that shrinks while it is read', async () => {
    const path = join(folder, 'shrinking.bin');
    await writeFile(path, new Uint8Array(100));
    const source = await openSource(folder, { files });
    await source.read('shrinking.bin', 0, 100);
    await truncate(path, 50);
    await expect(source.read('shrinking.bin', 40, 20)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining('truncated'),
    });
    await source.close();
    await rm(path);
  });

  it('can be named by a weight file in them', async () => {
    for (const file of ['one.safetensors', 'two.safetensors']) {
      await writeFile(
        join(folder, file),
        writeSafetensors([{ name: file, dtype: 'U8', dims: [0], data: new Uint8Array(0) }]),
      );
    }
    for (const input of [join(folder, 'two.safetensors'), pathToFileURL(join(folder, 'two.safetensors'))]) {
      const source = await openSource(input, { files });
      expect(source.weights).toBe('two.safetensors');
      expect(await source.has('config.json')).toBe(true);
      expect([...(await openCheckpoint(source)).tensors.keys()]).toEqual(['two.safetensors']);
      await source.close();
    }
    await expect(openSource(join(folder, 'config.json'), { files })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('give the folder'),
    });
  });
});

describe('openSource', () => {
  it.each<[string, unknown, string]>([
    ['a number', 5, 'INVALID_ARGUMENT'],
    ['null', null, 'INVALID_ARGUMENT'],
    ['an instance of a class', new Map(), 'INVALID_ARGUMENT'],
    ['a typed array', new Uint8Array(3), 'INVALID_ARGUMENT'],
    ['an empty string', ' ', 'INVALID_ARGUMENT'],
    ['contents of another type', { 'config.json': {} }, 'INVALID_ARGUMENT'],
    ['a list with something else', [{}], 'INVALID_ARGUMENT'],
    ['two files of one name', [new File([], 'a'), new File([], 'a')], 'INVALID_ARGUMENT'],
    ['a URL with a password', 'http://me:secret@127.0.0.1/x', 'INVALID_ARGUMENT'],
    ['a URL without host', 'http://', 'INVALID_ARGUMENT'],
    ['a URL with a broken escape', 'http://127.0.0.1/x/%E0%A4%A', 'INVALID_ARGUMENT'],
    ['a file URL of another machine', 'file://other/x', 'INVALID_ARGUMENT'],
    ['a missing folder', './no/such/folder', 'FILE_NOT_FOUND'],
    ['a missing absolute folder', '/no/such', 'FILE_NOT_FOUND'],
    ['one word', 'minilm', 'FILE_NOT_FOUND'],
    ['a zero byte', 'a\0b', 'FILE_NOT_FOUND'],
    ['a very long path', 'x'.repeat(10_000), 'FILE_NOT_FOUND'],
  ])('refuses %s', async (_, input, code) => {
    const error: unknown = await openSource(input as SourceInput, { files }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'WasmformerError', code });
    expect((error as Error).message).not.toContain('secret');
  });

  it.each([
    { revision: '' },
    { revision: '..' },
    { revision: '\ud800' },
    { endpoint: 'hub' },
    { endpoint: 'ftp://hub' },
  ])('refuses the option %j', async (options) => {
    await expect(openSource('org/name', options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('has no paths where there is no file system', async () => {
    await expect(openSource('./mini')).rejects.toMatchObject({ code: 'UNSUPPORTED_PLATFORM' });
  });

  it('takes a Blob for the weights', async () => {
    const bytes = writeSafetensors([{ name: 'a', dtype: 'U8', dims: [1], data: Uint8Array.of(9) }]);
    const source = await openSource(new Blob([bytes]));
    expect(source.weights).toBe('model.safetensors');
    expect(await (await openCheckpoint(source)).read([{ name: 'a', start: 0, length: 1 }])).toEqual(Uint8Array.of(9));
    expect((await openSource(new Blob(['GGUF....']))).weights).toBe('model.gguf');
  });

  it('copies out of shared memory and out of Node Buffers', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(3);
    const source = await openSource({ shared, pooled: Buffer.from('abcd'), buffer: Uint8Array.of(1, 2).buffer });
    for (const file of ['shared', 'pooled']) {
      const bytes = await source.read(file, 0, 4);
      expect(bytes.buffer).toBeInstanceOf(ArrayBuffer);
      expect(bytes.buffer.byteLength).toBe(4);
    }
    expect(await source.readAll('buffer')).toEqual(Uint8Array.of(1, 2));
  });

  it('tells a Blob that can no longer be read', async () => {
    const gone = new File(['abcd'], 'model.safetensors');
    Object.defineProperty(gone, 'slice', { value: () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }) });
    const source = await openSource([gone]);
    await expect(source.read('model.safetensors', 0, 2)).rejects.toMatchObject({ code: 'INVALID_FILE' });
  });
});
