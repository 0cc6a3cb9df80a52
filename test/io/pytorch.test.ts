// Checkpoints of torch.save's: equal to the same tensors in safetensors, and closed to whatever is no tensor.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WasmformerError } from '../../src/errors';
import { openCheckpoint, type Checkpoint } from '../../src/io/safetensors';
import { openSource } from '../../src/io/source';

const dir = new URL('../golden/pytorch', import.meta.url).pathname;
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(join(dir, name)));

async function open(files: Record<string, Uint8Array | string>): Promise<Checkpoint> {
  return openCheckpoint(await openSource(files));
}

async function contents(checkpoint: Checkpoint): Promise<Record<string, unknown>> {
  const entries = [...checkpoint.tensors].map(async ([name, { dtype, dims, byteLength }]) => [
    name,
    { dtype, dims, bytes: Array.from(await checkpoint.read([{ name, start: 0, length: byteLength }])) },
  ]);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, unknown>;
}

const expected = await contents(await open({ 'model.safetensors': file('expected.safetensors') }));

describe('files of torch.save', () => {
  it.each(['zip.bin', 'legacy.bin', 'protocol-4.bin', 'training.bin', 'training-5.bin'])(
    '%s has the tensors of the safetensors file',
    async (name) => {
      const checkpoint = await open({ 'pytorch_model.bin': file(name) });
      expect(await contents(checkpoint)).toEqual(expected);
    },
  );

  it('a part of a tensor that is not laid out row by row', async () => {
    const checkpoint = await open({ 'pytorch_model.bin': file('zip.bin') });
    const { bytes } = expected.transposed as { bytes: number[] };
    expect(Array.from(await checkpoint.read([{ name: 'transposed', start: 20, length: 36 }]))).toEqual(
      bytes.slice(20, 56),
    );
  });

  it('types that have no storage of their own', async () => {
    const checkpoint = await open({ 'pytorch_model.bin': file('float8.bin') });
    expect(checkpoint.tensors.get('f8')).toMatchObject({ dtype: 'F8_E4M3', dims: [3, 5], byteLength: 15 });
  });

  it('safetensors come first; shards by their index; a file by its name', async () => {
    const both = { 'model.safetensors': file('expected.safetensors'), 'pytorch_model.bin': file('list.bin') };
    expect((await open(both)).tensors.size).toBe(Object.keys(expected).length);
    const weightMap = { f32: 'a.bin', f16: 'b.bin' };
    const shards = {
      'pytorch_model.bin.index.json': JSON.stringify({ weight_map: weightMap }),
      'a.bin': file('zip.bin'),
      'b.bin': file('legacy.bin'),
    };
    const sharded = await contents(await open(shards));
    expect(sharded).toEqual({ f32: expected.f32, f16: expected.f16 });
    const named = await openSource(join(dir, 'legacy.bin'), {
      files: (await import('../../src/platform/files-node')).nodeFiles,
    });
    expect((await openCheckpoint(named)).tensors.size).toBe(Object.keys(expected).length);
    await named.close();
  });
});

describe('what is no checkpoint', () => {
  it.each([
    ['hostile-system', 'posix.system'],
    ['hostile-popen', 'commands.Popen'],
    ['hostile-eval', '__builtin__.eval'],
    ['hostile-getattr', '__builtin__.getattr'],
  ])('%s asks for %s and gets nothing', async (name, what) => {
    for (const kind of ['.bin', '-legacy.bin']) {
      await expect(open({ 'pytorch_model.bin': file(name + kind) })).rejects.toMatchObject({
        code: 'INVALID_FILE',
        message: expect.stringContaining(`asks for ${what}`) as string,
      });
    }
  });

  it.each([
    ['module.bin', /asks for torch\.nn\.modules\.linear\.Linear/],
    ['list.bin', /holds no tensors by name/],
    ['compressed.bin', /is compressed/],
  ])('%s', async (name, message) => {
    await expect(open({ 'pytorch_model.bin': file(name) })).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each(['zip.bin', 'legacy.bin'])(
    '%s cut anywhere or with any byte changed: an error or tensors',
    async (name) => {
      const whole = file(name);
      const attempt = async (bytes: Uint8Array): Promise<void> => {
        try {
          await contents(await open({ 'pytorch_model.bin': bytes }));
        } catch (error) {
          expect(error).toBeInstanceOf(WasmformerError);
        }
      };
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
          const cut = open({ 'pytorch_model.bin': whole.slice(0, length) });
          await expect(cut.then(contents)).rejects.toBeInstanceOf(WasmformerError);
        }),
        { numRuns: 60 },
      );
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, value) => {
          const changed = whole.slice();
          changed[at] = value;
          await attempt(changed);
        }),
        { numRuns: 400 },
      );
    },
    60_000,
  );
});
