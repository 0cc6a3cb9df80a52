// The safetensors header: files of the format's own library, round trips, and a corpus of damaged and hostile files.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WasmformerError } from '../../src/errors';
import { openCheckpoint, openSafetensors } from '../../src/io/safetensors';
import { writeSafetensors } from '../../src/io/safetensors-write';
import type { WeightFile } from '../../src/io/safetensors';
import type { TensorToWrite } from '../../src/io/safetensors-write';
import { DTYPE_BITS } from '../../src/io/safetensors-header';
import type { SafetensorsDtype } from '../../src/io/safetensors-header';
import { openSource } from '../../src/io/source';
import { nodeFiles } from '../../src/platform/files-node';
import { hasModel, modelsDir } from '../support/models';

// safetensors.torch.save (Python, 0.8.0) of the tensors below with metadata { format: 'pt' }.
const GOLDEN = Buffer.from(
  'eAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJhIjp7ImR0eXBlIjoiSTY0Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRz' +
    'IjpbMCw4XX0sImIiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls4LDE2XX0sIjEwIjp7ImR0eXBlIjoiQkYxNiIs' +
    'InNoYXBlIjpbMCw1XSwiZGF0YV9vZmZzZXRzIjpbMTYsMTZdfSwiaCI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbMSwxXSwiZGF0YV9vZmZzZXRz' +
    'IjpbMTYsMThdfSwiw6lcblwiIjp7ImR0eXBlIjoiVTgiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzE4LDE5XX0sIjkiOnsiZHR5cGUiOiJC' +
    'T09MIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMTksMjFdfX0gICAgICAg/f////////8AAMA/AAAAwAA4BwEA',
  'base64',
);
const GOLDEN_TENSORS: TensorToWrite[] = [
  { name: 'é\n"', dtype: 'U8', dims: [], data: Uint8Array.of(7) },
  { name: 'b', dtype: 'F32', dims: [2], data: new Uint8Array(Float32Array.of(1.5, -2).buffer) },
  { name: '9', dtype: 'BOOL', dims: [2], data: Uint8Array.of(1, 0) },
  { name: 'a', dtype: 'I64', dims: [1], data: new Uint8Array(BigInt64Array.of(-3n).buffer) },
  { name: 'h', dtype: 'F16', dims: [1, 1], data: Uint8Array.of(0x00, 0x38) },
  { name: '10', dtype: 'BF16', dims: [0, 5], data: new Uint8Array(0) },
];

const FILE = 'x.safetensors';

async function openBytes(bytes: Uint8Array): Promise<WeightFile> {
  return openSafetensors(await openSource({ [FILE]: bytes }), FILE);
}

/** A file with the given header text and data. */
function file(header: string | Uint8Array, data = new Uint8Array(0), claimed?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.byteLength + data.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.byteLength), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.byteLength);
  return bytes;
}

async function failure(bytes: Uint8Array): Promise<WasmformerError> {
  const error: unknown = await openBytes(bytes).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WasmformerError);
  return error as WasmformerError;
}

describe('safetensors written by the reference library', () => {
  it('is read', async () => {
    const opened = await openBytes(GOLDEN);
    expect(opened.metadata).toEqual({ format: 'pt' });
    expect(opened.totalBytes).toBe(21);
    expect([...opened.tensors.keys()]).toEqual(['a', 'b', '10', 'h', 'é\n"', '9']);
    for (const { name, dtype, dims, data } of GOLDEN_TENSORS) {
      const entry = opened.tensors.get(name);
      expect(entry).toMatchObject({ name, dtype, dims, byteLength: data.byteLength, file: FILE });
      expect(await opened.read([{ name, start: 0, length: data.byteLength }])).toEqual(data);
    }
  });

  it('is written byte for byte the same', () => {
    const written = writeSafetensors(GOLDEN_TENSORS, { format: 'pt' });
    expect(Buffer.compare(written, GOLDEN)).toBe(0);
  });

  it('reads parts of a tensor into fresh buffers and refuses to leave it', async () => {
    const opened = await openBytes(GOLDEN);
    const part = await opened.read([{ name: 'b', start: 4, length: 4 }]);
    expect(new Float32Array(part.buffer)).toEqual(Float32Array.of(-2));
    expect(part.buffer.byteLength).toBe(4);
    await expect(opened.read([{ name: 'b', start: 4, length: 5 }])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(opened.read([{ name: 'b', start: -1, length: 1 }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(opened.read([{ name: 'c', start: 0, length: 1 }])).rejects.toMatchObject({ code: 'MISSING_TENSOR' });
  });
});

// What the reference library accepts although it is unusual.
describe('unusual but valid headers', () => {
  const u8 = (start: number, end: number, more = '') =>
    `{"dtype":"U8","shape":[${end - start}],"data_offsets":[${start},${end}]${more}}`;
  const cases: [string, string, number, number][] = [
    ['no tensors', '{}', 0, 0],
    ['trailing white space', '{} \n ', 0, 0],
    ['tensors out of order', `{"b":${u8(1, 2)},"a":${u8(0, 1)}}`, 2, 2],
    [
      'an empty tensor at the start of another',
      `{"b":${u8(0, 1)},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`,
      1,
      2,
    ],
    ['unknown fields', `{"a":${u8(0, 1, ',"later":{"x":[0.5,-1e3]}')}}`, 1, 1],
    ['metadata null', '{"__metadata__":null}', 0, 0],
    ['an empty name', `{"":${u8(0, 1)}}`, 1, 1],
    ['a name that JavaScript objects treat specially', `{"__proto__":${u8(0, 1)},"constructor":${u8(1, 2)}}`, 2, 2],
    ['4-bit elements that fill whole bytes', '{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}', 1, 1],
    [
      'a zero before large dimensions',
      '{"a":{"dtype":"U8","shape":[0,9007199254740991,9],"data_offsets":[0,0]}}',
      0,
      1,
    ],
  ];
  it.each(cases)('%s', async (_, header, dataBytes, tensors) => {
    expect((await openBytes(file(header, new Uint8Array(dataBytes)))).tensors.size).toBe(tensors);
  });
});

describe('attacks', () => {
  const entry = (more: string) => `{"w.x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]${more}}}`;
  const tensor = (dtype: unknown, shape: unknown, offsets: unknown) =>
    JSON.stringify({ 'w.x': { dtype, shape, data_offsets: offsets } });
  const two = (first: [number, number], second: [number, number]) =>
    JSON.stringify({
      first: { dtype: 'U8', shape: [first[1] - first[0]], data_offsets: first },
      'w.x': { dtype: 'U8', shape: [second[1] - second[0]], data_offsets: second },
    });
  const data = new Uint8Array(2);
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty file', new Uint8Array(0), /too few/],
    ['7 bytes', new Uint8Array(7), /too few/],
    ['header length 0', file(''), /start with/],
    ['header length 2^64 - 1', file('{}', data, 2n ** 64n - 1n), /claims/],
    ['header length just over the limit', file('{}', data, 100_000_001n), /100000000/],
    ['header length over the file', file('{}', new Uint8Array(0), 3n), /claims 3 bytes/],
    ['header cut', file(tensor('U8', [2], [0, 2]), data, 20n), /not valid JSON/],
    ['leading space', file(' {}'), /start with/],
    ['byte order mark', file('\ufeff{}'), /start with/],
    ['array', file('[]'), /start with/],
    ['not UTF-8', file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /UTF-8/],
    ['not JSON', file('{"w.x":}'), /JSON/],
    ['something after the object', file('{}{}'), /JSON/],
    ['unterminated string', file('{"w.x'), /JSON/],
    ['duplicate tensor', file(`{"w.x":1,"w.x":2}`), /w\.x.*twice/],
    ['duplicate tensor, escaped', file(`{"w.x":{},"\\u0077.x":{}}`), /w\.x.*twice/],
    ['duplicate tensor, special name', file(`{"__proto__":{},"__proto__":{}}`), /__proto__.*twice/],
    ['duplicate field', file(entry(',"dtype":"U8"'), data), /dtype.*twice/],
    ['duplicate metadata', file('{"__metadata__":{"a":"1","a":"2"}}'), /"a" occurs twice/],
    ['two metadata', file('{"__metadata__":{},"__metadata__":{}}'), /__metadata__.*twice/],
    ['metadata not strings', file('{"__metadata__":{"a":1}}'), /__metadata__ "a"/],
    ['metadata not an object', file('{"__metadata__":["a"]}'), /__metadata__/],
    ['deep nesting', file('{"a":'.repeat(100_000)), /nested/],
    ['deep arrays', file(`{"a":${'['.repeat(100_000)}`), /nested/],
    ['entry null', file('{"w.x":null}'), /w\.x/],
    ['entry as array', file('{"w.x":["U8",[2],[0,2]]}', data), /w\.x/],
    ['half a surrogate pair', file('{"\\ud800":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', data), /Unicode/],
    ['dtype missing', file('{"w.x":{"shape":[2],"data_offsets":[0,2]}}', data), /w\.x.*dtype/],
    ['dtype unknown', file(tensor('F33', [2], [0, 2]), data), /w\.x.*"F33"/],
    ['dtype of Object.prototype', file(tensor('toString', [2], [0, 2]), data), /w\.x.*toString/],
    ['dtype a number', file(tensor(32, [2], [0, 2]), data), /w\.x.*dtype/],
    ['shape missing', file('{"w.x":{"dtype":"U8","data_offsets":[0,2]}}', data), /w\.x.*shape/],
    ['shape not a list', file(tensor('U8', 2, [0, 2]), data), /w\.x.*shape/],
    ['shape negative', file(tensor('U8', [-2], [0, 2]), data), /shape.*-2/],
    ['shape fractional', file(tensor('U8', [1.5], [0, 2]), data), /shape.*1\.5/],
    ['shape 2.0', file('{"w.x":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}}', data), /shape.*2\.0/],
    ['shape 2e0', file('{"w.x":{"dtype":"U8","shape":[2e0],"data_offsets":[0,2]}}', data), /shape.*2e0/],
    ['shape -0', file('{"w.x":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'), /shape.*-0/],
    ['shape a string', file(tensor('U8', ['2'], [0, 2]), data), /w\.x.*shape/],
    ['shape nested', file(tensor('U8', [[2]], [0, 2]), data), /w\.x.*shape/],
    ['shape 2^53', file(tensor('U8', [2 ** 53], [0, 2]), data), /w\.x.*shape/],
    ['shape 10^400', file(`{"w.x":{"dtype":"U8","shape":[1${'0'.repeat(400)}],"data_offsets":[0,2]}}`, data), /shape/],
    ['product overflows', file(tensor('U8', [2 ** 32, 2 ** 32], [0, 2]), data), /w\.x.*2\^53/],
    ['product wraps to the size in 64 bits', file(tensor('U8', [2 ** 33, 2 ** 31, 1], [0, 0])), /w\.x.*2\^53/],
    ['product overflows before a zero', file(tensor('U8', [2 ** 52, 2 ** 52, 0], [0, 0])), /w\.x.*2\^53/],
    ['bytes overflow', file(tensor('F64', [2 ** 52], [0, 2]), data), /w\.x.*2\^53/],
    ['4-bit elements that end inside a byte', file(tensor('F4', [3], [0, 2]), data), /w\.x.*whole number of bytes/],
    ['shape too small', file(tensor('U8', [1], [0, 2]), data), /w\.x.*1 bytes, not 2/],
    ['shape too large', file(tensor('F32', [2], [0, 2]), data), /w\.x.*8 bytes, not 2/],
    ['offsets missing', file('{"w.x":{"dtype":"U8","shape":[2]}}', data), /w\.x.*data_offsets/],
    ['three offsets', file(tensor('U8', [2], [0, 2, 2]), data), /w\.x.*data_offsets/],
    ['offsets negative', file(tensor('U8', [2], [-2, 0]), data), /data_offsets.*-2/],
    ['offsets reversed', file(tensor('U8', [2], [2, 0]), data), /w\.x.*ends before it starts/],
    ['offsets null', file(tensor('U8', [2], null), data), /w\.x.*data_offsets/],
    ['offsets beyond the file', file(tensor('U8', [3], [0, 3]), data), /truncated/],
    ['petabytes', file(tensor('U8', [2 ** 50], [0, 2 ** 50]), data), /truncated/],
    ['hole at the start', file(tensor('U8', [1], [1, 2]), data), /w\.x.*hole/],
    ['hole between', file(two([0, 1], [2, 3]), new Uint8Array(3)), /w\.x.*hole/],
    ['overlap', file(two([0, 2], [1, 3]), new Uint8Array(3)), /w\.x.*overlaps/],
    ['two tensors on the same bytes', file(two([0, 2], [0, 2]), data), /overlaps/],
    ['bytes after the last tensor', file(tensor('U8', [2], [0, 2]), new Uint8Array(3)), /belong to no tensor/],
    ['a tensor whose bytes are missing', file(tensor('U8', [2], [0, 2]), new Uint8Array(1)), /truncated/],
    [
      'Git LFS pointer',
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:0'),
      /Git LFS/,
    ],
    ['web page', new TextEncoder().encode('<!doctype html><html></html>'), /web page/],
    ['zip archive', new TextEncoder().encode('PK\u0003\u0004 archive/data.pkl'), /zip archive/],
    ['GGUF', new TextEncoder().encode('GGUF\u0003\0\0\0........'), /GGUF/],
  ];
  it.each(cases)(
    '%s',
    async (_, bytes, message) => {
      const error = await failure(bytes);
      expect(error.code).toBe('INVALID_FILE');
      expect(error.message).toContain(FILE);
      expect(error.message).toMatch(message);
      expect(error.message.length).toBeLessThan(500);
    },
    2_000,
  );

  it('a shape of a million dimensions gives a short message', async () => {
    const shape = `[${'1,'.repeat(1_000_000)}2]`;
    const error = await failure(
      file(`{"w.x":{"dtype":"U8","shape":${shape},"data_offsets":[0,1]}}`, new Uint8Array(1)),
    );
    expect(error.code).toBe('INVALID_FILE');
    expect(error.message.length).toBeLessThan(500);
  });
});

const dtypes = (Object.keys(DTYPE_BITS) as SafetensorsDtype[]).filter((dtype) => DTYPE_BITS[dtype] % 8 === 0);
const tensorArbitrary = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    dims: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    name: fc.string({ unit: 'binary', maxLength: 12 }).filter((name) => name !== '__metadata__'),
    seed: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ dtype, dims, name, seed }): TensorToWrite => {
    const bytes = dims.reduce((product, dim) => product * dim, 1) * (DTYPE_BITS[dtype] / 8);
    return { name, dtype, dims, data: Uint8Array.from({ length: bytes }, (_, i) => (seed + i * 7) & 255) };
  });
const fileArbitrary = fc.record({
  tensors: fc.uniqueArray(tensorArbitrary, { selector: (tensor) => tensor.name, maxLength: 6 }),
  metadata: fc.option(fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }), { nil: undefined }),
});

describe('properties', () => {
  it('what is written is read back', async () => {
    await fc.assert(
      fc.asyncProperty(fileArbitrary, async ({ tensors, metadata }) => {
        const opened = await openBytes(writeSafetensors(tensors, metadata));
        expect(opened.tensors.size).toBe(tensors.length);
        expect({ ...opened.metadata }).toEqual({ ...metadata });
        for (const { name, dtype, dims, data } of tensors) {
          const entry = opened.tensors.get(name);
          expect(entry).toMatchObject({ dtype, dims });
          expect(await opened.read([{ name, start: 0, length: data.byteLength }])).toEqual(data);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('every truncation is INVALID_FILE', async () => {
    const whole = writeSafetensors(GOLDEN_TENSORS, { format: 'pt' });
    for (let length = 0; length < whole.byteLength; length++) {
      expect((await failure(whole.subarray(0, length))).code).toBe('INVALID_FILE');
    }
  });

  it('every flipped bit gives INVALID_FILE or a file of the same bounds', async () => {
    for (let bit = 0; bit < GOLDEN.byteLength * 8; bit++) {
      const damaged = Uint8Array.from(GOLDEN);
      damaged[bit >> 3] ^= 1 << (bit & 7);
      const result: unknown = await openBytes(damaged).catch((error: unknown) => error);
      if (result instanceof Error) {
        expect(result).toBeInstanceOf(WasmformerError);
        expect(result).toMatchObject({ code: 'INVALID_FILE' });
      } else {
        // Flips in data, names, metadata and white space go unseen; the tensors still tile the data exactly.
        expect((result as WeightFile).totalBytes).toBe(21);
      }
    }
  });

  it('random bytes and random headers never give another error', async () => {
    const header = fc.oneof(
      fc.json({ maxDepth: 4 }).map((json) => new TextEncoder().encode(json)),
      fc.uint8Array({ maxLength: 64 }),
      fc
        .dictionary(
          fc.string(),
          fc.record({
            dtype: fc.constantFrom('U8', 'F32'),
            shape: fc.array(fc.nat(5)),
            data_offsets: fc.array(fc.nat(9)),
          }),
        )
        .map((value) => new TextEncoder().encode(JSON.stringify(value))),
    );
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 16 }), async (text, data) => {
        await openBytes(file(text, data)).catch((error: unknown) => {
          expect(error).toBeInstanceOf(WasmformerError);
          expect(error).toMatchObject({ code: 'INVALID_FILE' });
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe('writing', () => {
  const good: TensorToWrite = { name: 'a', dtype: 'F32', dims: [1], data: new Uint8Array(4) };
  it.each<[string, TensorToWrite[]]>([
    ['a name twice', [good, good]],
    ['the reserved name', [{ ...good, name: '__metadata__' }]],
    ['half a surrogate pair', [{ ...good, name: '\ud800' }]],
    ['data that does not fit', [{ ...good, dims: [2] }]],
    ['a negative dimension', [{ ...good, dims: [-1, -1] }]],
    ['an unknown dtype', [{ ...good, dtype: 'F31' as SafetensorsDtype }]],
  ])('refuses %s', (_, tensors) => {
    expect(() => writeSafetensors(tensors)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

// Sums from Python's safetensors and hashlib.
describe.skipIf(!hasModel('all-MiniLM-L6-v2'))('a real checkpoint', () => {
  it('has the tensors that Python sees', async () => {
    const source = await openSource(join(modelsDir, 'all-MiniLM-L6-v2'), { files: nodeFiles });
    const checkpoint = await openCheckpoint(source);
    expect(checkpoint.tensors.size).toBe(104);
    expect(checkpoint.totalBytes).toBe(45430528);
    expect(checkpoint.metadata).toEqual({ format: 'pt' });
    const sums: [string, string, number[], string][] = [
      [
        'embeddings.word_embeddings.weight',
        'F16',
        [30522, 384],
        'e6051e00df12ebafdd80165c0d74b51d45ee38569da9a7e34568ee9e24af4429',
      ],
      ['pooler.dense.bias', 'F16', [384], 'ef115a0e0c15cdc41958ca46b5b14b456115f4baec5e3ca68599d2a8f435e3b8'],
      ['embeddings.position_ids', 'I64', [1, 512], '5738153ec97595b1c1e4dc027f7b7fb4534f19ed2ce9f9ee712e6d34a384cde7'],
    ];
    for (const [name, dtype, dims, sum] of sums) {
      const entry = checkpoint.tensors.get(name);
      expect(entry).toMatchObject({ dtype, dims, file: 'model.fp16.safetensors' });
      const hash = createHash('sha256');
      const bytes = entry?.byteLength ?? 0;
      for (let at = 0; at < bytes; at += 1 << 20) {
        hash.update(await checkpoint.read([{ name, start: at, length: Math.min(1 << 20, bytes - at) }]));
      }
      expect(hash.digest('hex')).toBe(sum);
    }
    await source.close();
  });
});
