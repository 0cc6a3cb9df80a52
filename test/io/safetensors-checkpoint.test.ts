// Finding a checkpoint's weights: one file, shards with an index, a file of another name, and what is said otherwise.
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/io/safetensors';
import { writeSafetensors } from '../../src/io/safetensors-write';
import { openSource } from '../../src/io/source';
import type { FileContent } from '../../src/io/source';

const weights = (...names: string[]) =>
  writeSafetensors(
    names.map((name, i) => ({
      name,
      dtype: 'U8',
      dims: [i + 1],
      data: new Uint8Array(i + 1).fill(name.charCodeAt(0)),
    })),
    { from: names.join('+') },
  );
const index = (map: unknown) => JSON.stringify({ metadata: { total_size: 1 }, weight_map: map });

async function open(files: Record<string, FileContent>) {
  return openCheckpoint(await openSource(files));
}

describe('openCheckpoint', () => {
  it('prefers model.safetensors', async () => {
    const checkpoint = await open({ 'model.safetensors': weights('a'), 'other.safetensors': weights('b') });
    expect([...checkpoint.tensors.keys()]).toEqual(['a']);
  });

  it('takes the only .safetensors file', async () => {
    const checkpoint = await open({ 'model.fp16.safetensors': weights('a', 'b'), 'sub/x.safetensors': weights('c') });
    expect([...checkpoint.tensors.keys()]).toEqual(['a', 'b']);
    expect(checkpoint.totalBytes).toBe(3);
  });

  it('reads shards, each tensor from the shard that the index names', async () => {
    const checkpoint = await open({
      'model.safetensors.index.json': index({ b: 's2.safetensors', a: 's1.safetensors', c: 's2.safetensors' }),
      's1.safetensors': weights('a', 'b'),
      's2.safetensors': weights('b', 'c'),
    });
    expect([...checkpoint.tensors.keys()].sort()).toEqual(['a', 'b', 'c']);
    expect(checkpoint.tensors.get('b')).toMatchObject({ file: 's2.safetensors', byteLength: 1 });
    expect(await checkpoint.read([{ name: 'c', start: 1, length: 1 }])).toEqual(Uint8Array.of('c'.charCodeAt(0)));
    expect(checkpoint.totalBytes).toBe(1 + 1 + 2);
    expect(checkpoint.metadata).toEqual({ from: 'b+c' });
  });

  it('lists several files to choose from, and loads the one that is named', async () => {
    const files = { 'b.safetensors': weights('b'), 'a.safetensors': weights('a') };
    await expect(open(files)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/a\.safetensors, b\.safetensors; name the one to load/),
    });
    const one = await openSource(new File([weights('b')], 'b.safetensors'));
    expect([...(await openCheckpoint(one)).tensors.keys()]).toEqual(['b']);
  });

  it.each<[string, Record<string, FileContent>, RegExp]>([
    ['nothing', { 'config.json': '{}' }, /looked for model\.safetensors, .*none/],
    ['a repository for transformers.js', { 'onnx/model.onnx': 'x' }, /only onnx\/model\.onnx: load the repository/],
    ['another format', { 'tf_model.h5': 'x' }, /tf_model\.h5; save the model as safetensors/],
    [
      'shards without index',
      { 'model-00001-of-00002.safetensors': weights('a'), 'model-00002-of-00002.safetensors': weights('b') },
      /index file model\.safetensors\.index\.json is missing/,
    ],
    [
      'a missing shard',
      { 'model.safetensors.index.json': index({ a: 's.safetensors' }) },
      /s\.safetensors, which is missing/,
    ],
  ])('says what is missing: %s', async (_, files, message) => {
    await expect(open(files)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(message),
    });
  });

  it.each<[string, string, RegExp]>([
    ['not JSON', '{', /model\.safetensors\.index\.json.*not valid JSON/],
    ['no weight_map', '{}', /weight_map/],
    ['weight_map a list', index(['s.safetensors']), /weight_map/],
    ['a tensor twice', '{"weight_map":{"a":"s.safetensors","a":"t.safetensors"}}', /"a" occurs twice/],
    [
      'a tensor that is not in its shard',
      index({ a: 's.safetensors', z: 's.safetensors' }),
      /"z" should be in s\.safetensors/,
    ],
    ['a parent folder', index({ a: '../s.safetensors' }), /inside the folder/],
    ['an absolute path', index({ a: '/etc/s.safetensors' }), /inside the folder/],
    ['backslashes', index({ a: '..\\s.safetensors' }), /inside the folder/],
    ['a drive', index({ a: 'C:s.safetensors' }), /inside the folder/],
    ['a URL', index({ a: 'http://x/s.safetensors' }), /inside the folder/],
    ['a number', index({ a: 1 }), /inside the folder/],
    ['another type of file', index({ a: 'config.json' }), /inside the folder/],
  ])('refuses an index with %s', async (_, text, message) => {
    const files = { 'model.safetensors.index.json': text, 's.safetensors': weights('a') };
    await expect(open(files)).rejects.toMatchObject({ code: 'INVALID_FILE', message: expect.stringMatching(message) });
  });

  it('names the shard that is damaged', async () => {
    const files = {
      'model.safetensors.index.json': index({ a: 's.safetensors' }),
      's.safetensors': weights('a').subarray(0, 40),
    };
    await expect(open(files)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining('s.safetensors'),
    });
  });
});
