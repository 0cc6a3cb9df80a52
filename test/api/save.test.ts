// savePretrained and toFiles: every golden checkpoint comes back byte for byte, and with it the same bits of every output; what is
// held in another type; files beside the weights; folders that cannot be written.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import { Encoder } from '../../src/api/encoder';
import { Transformer } from '../../src/api/transformer';
import { Tensor } from '../../src/api/tensor';
import { writeError } from '../../src/io/file-output';
import { writeSafetensors, type TensorToWrite } from '../../src/io/safetensors-write';
import { createEngine } from '../../src/runtime/host';
import { goldenFolder, goldenNames } from '../golden/load';
import { halfValue } from '../reference/layout';
import { readRaw, type RawTensor } from '../support/safetensors';
import { failure } from '../support/generate';

type Model = Encoder | Decoder | Transformer;
type Options = Parameters<typeof Encoder.fromPretrained>[1];
type Input = Parameters<typeof Encoder.fromPretrained>[0];

const engine = await createEngine({ threads: 1, worker: false });
const temporary = mkdtempSync(join(tmpdir(), 'save-'));
afterAll(async () => {
  await engine.dispose();
  rmSync(temporary, { recursive: true, force: true });
});

const CASES = ['encoders', 'decoders', 'transformers', 'texts'].flatMap((set) =>
  goldenNames(set).map((name) => ({ set, name })),
);

/** The class of a golden. */
function classOf(set: string, name: string): typeof Encoder | typeof Decoder | typeof Transformer {
  if (set === 'encoders' || name.startsWith('transformer-encoder')) return Encoder;
  return set !== 'transformers' || name.startsWith('transformer-decoder') ? Decoder : Transformer;
}

const load = (set: string, name: string, input: Input, options: Options = {}): Promise<Model> =>
  classOf(set, name).fromPretrained(input, { engine, ...options });

/** All that a model gives for some input. */
async function outputsOf(model: Model): Promise<Tensor[]> {
  const inputIds = [
    [5, 6, 7, 8, 3],
    [9, 4],
  ];
  const ids = inputIds.map((row) => [...row, ...Array.from({ length: 5 - row.length }, () => 0)]);
  const attentionMask = inputIds.map((row) => ids[0].map((_, i) => Number(i < row.length)));
  const d = 'hiddenSize' in model.info ? model.info.hiddenSize : 0;
  const embeds = new Tensor(
    Float32Array.from({ length: 2 * 5 * d }, (_, i) => Math.sin(i)),
    [2, 5, d],
  );
  const isStack = /^transformer_/.test(String(model.config.model_type));
  const options = { outputHiddenStates: true, outputAttentions: true };
  let result: object;
  if (model instanceof Transformer) {
    result = await model.forward(
      {
        inputIds: ids,
        attentionMask,
        decoderInputIds: [
          [1, 5, 9],
          [2, 7, 8],
        ],
      },
      options,
    );
  } else if (!isStack) {
    result = await model.forward({ inputIds: ids, attentionMask }, options);
  } else if (model instanceof Encoder) {
    result = await model.forward({ inputsEmbeds: embeds, attentionMask }, options);
  } else {
    result = await model.forward({ inputsEmbeds: embeds, encoderHiddenStates: embeds, attentionMask }, options);
  }
  return Object.values(result).flat() as Tensor[];
}

function expectBits(actual: readonly Tensor[], expected: readonly Tensor[]): void {
  const bytes = ({ data }: Tensor): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  expect(actual.map(({ dims }) => dims)).toEqual(expected.map(({ dims }) => dims));
  actual.forEach((tensor, i) => expect(bytes(tensor).equals(bytes(expected[i])), `output ${i}`).toBe(true));
}

function expectBytes(actual: RawTensor, expected: RawTensor, name: string): void {
  expect([actual.dtype, actual.dims], name).toEqual([expected.dtype, expected.dims]);
  expect(Buffer.from(actual.bytes).equals(expected.bytes), name).toBe(true);
}

/** Tensors of the goldens that their models do not use: buffers, copies of tied tables, heads of other tasks. */
const UNUSED =
  /position_ids$|\.(masked_)?bias$|inv_freq$|masked_bias|embed_tokens\.weight$|lm_head\.(weight|decoder)|EncDecAttention\.relative|positional_encoding|decoder\.(weight|bias)$|vocab_projector\.weight|embed_positions|pooler|cls\.|classifier|version/;

describe.each(CASES)('$set/$name', ({ set, name }) => {
  it('comes back from its folder as it was', async () => {
    const folder = goldenFolder(set, name);
    const model = await load(set, name, folder);
    const want = await outputsOf(model);
    const copy = join(temporary, set, name);
    await model.savePretrained(copy);
    await model.dispose();
    const original = readRaw(readFileSync(join(folder, 'model.safetensors'))).tensors;
    const { tensors, metadata } = readRaw(readFileSync(join(copy, 'model.safetensors')));
    expect(metadata).toEqual({ format: 'pt' });
    for (const [tensor, raw] of tensors) expectBytes(raw, original.get(tensor)!, tensor);
    expect([...original.keys()].filter((tensor) => !tensors.has(tensor) && !UNUSED.test(tensor))).toEqual([]);
    const files = readdirSync(copy, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const { name: file, parentPath } of files) {
      const path = join(parentPath, file);
      if (file === 'model.safetensors') continue;
      expect(readFileSync(path, 'utf8')).toBe(readFileSync(path.replace(copy, folder), 'utf8'));
    }
    const again = await load(set, name, copy);
    expectBits(await outputsOf(again), want);
    await again.dispose();
  });
});

/** A wide GPT-2: several blocks of the packed layout and a last panel that is not full, matrices stored [in, out], a table that
 *  crosses in pieces. */
const WIDE = {
  model_type: 'gpt2',
  vocab_size: 2101,
  n_positions: 9,
  n_embd: 516,
  n_layer: 1,
  n_head: 2,
  n_inner: 1031,
  tie_word_embeddings: false,
};

const fileOf = async (model: Model): Promise<ReturnType<typeof readRaw>> =>
  readRaw((await model.toFiles())['model.safetensors']);

describe('toFiles', () => {
  it('gives what fromPretrained takes, in a worker too', async () => {
    const original = await Decoder.fromConfig(WIDE, { seed: 3, threads: 2, worker: true });
    const files = await original.toFiles();
    expect(Object.keys(files).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(JSON.parse(new TextDecoder().decode(files['config.json']))).toEqual(WIDE);
    const again = await Decoder.fromPretrained(files, { engine });
    expectBits(await outputsOf(again), await outputsOf(original));
    // a layout that is not undone exactly would be seen the second time
    expect(Buffer.compare((await again.toFiles())['model.safetensors'], files['model.safetensors'])).toBe(0);
    await Promise.all([original.dispose(), again.dispose()]);
  });

  it.each(['f16', 'bf16'] as const)('writes matrices as %s where they are held so', async (dtype) => {
    const exact = await Decoder.fromConfig(WIDE, { engine, seed: 3 });
    const rounded = await Decoder.fromConfig(WIDE, { engine, seed: 3, dtype });
    const [values, halves] = [(await fileOf(exact)).tensors, (await fileOf(rounded)).tensors];
    expect([...halves.keys()].sort()).toEqual([...values.keys()].sort());
    for (const [name, { dtype: type, bytes, dims }] of halves) {
      const wanted = new Float32Array(values.get(name)!.bytes.buffer);
      expect(type, name).toBe(dims.length === 2 ? dtype.toUpperCase() : 'F32');
      if (type === 'F32') continue;
      const bits = new Uint16Array(bytes.buffer);
      const words = new Uint32Array(wanted.buffer);
      let wrong = 0;
      for (let i = 0; i < bits.length; i++) wrong += Number(bits[i] !== roundedTo(dtype, wanted[i], words[i]));
      expect(wrong, name).toBe(0);
    }
    const again = await Decoder.fromPretrained(await rounded.toFiles(), { engine });
    expect(again.info.dtype).toBe(dtype);
    expectBits(await outputsOf(again), await outputsOf(rounded));
    await Promise.all([exact, rounded, again].map((model) => model.dispose()));
  });

  it('writes a given config with the points that transformers 5 asks for', async () => {
    const config = {
      model_type: 'llama',
      vocab_size: 11,
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      max_position_embeddings: 8,
      rms_norm_eps: 1,
      initializer_range: 1,
      rope_theta: 10_000,
      rope_scaling: { rope_type: 'linear', factor: 2 },
      comment: 'a "factor": 2\n',
    };
    const model = await Decoder.fromConfig(config, { engine, seed: 1 });
    const text = new TextDecoder().decode((await model.toFiles())['config.json']);
    expect(JSON.parse(text)).toEqual(config);
    expect(text.match(/.*\d\.0.*/g)?.map((line) => line.trim())).toEqual([
      '"rms_norm_eps": 1.0,',
      '"initializer_range": 1.0,',
      '"factor": 2.0',
    ]);
    await model.dispose();
  });

  it('writes f32 where 16 bits were widened on request', async () => {
    const folder = goldenFolder('encoders', 'bert-model-f16');
    const stored = readRaw(readFileSync(join(folder, 'model.safetensors'))).tensors;
    const model = await load('encoders', 'bert-model-f16', folder, { dtype: 'f32' });
    for (const [name, { dtype, bytes }] of (await fileOf(model)).tensors) {
      expect(dtype, name).toBe('F32');
      const halves = new Uint16Array(stored.get(name)!.bytes.buffer);
      expect(new Float32Array(bytes.buffer)).toEqual(Float32Array.from(halves, halfValue));
    }
    await model.dispose();
  });

  it.each(['F16', 'BF16'] as const)('every value of %s comes back with its bits', async (dtype) => {
    const shape = { d_model: 256, nhead: 1, num_layers: 1, dim_feedforward: 256, bias: false };
    const config = { model_type: 'transformer_encoder', ...shape };
    const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
    // what NaNs carry besides is not kept
    const [exponents, infinity] = dtype === 'F16' ? [0x7c00, 0x7c00] : [0x7f80, 0x7f80];
    const values = every.map((bits) => ((bits & exponents) === exponents ? (bits & 0x8000) | infinity : bits));
    const tensor = (name: string, dims: number[]): TensorToWrite => {
      const count = dims.reduce((a, b) => a * b, 1);
      return {
        name,
        dtype,
        dims,
        data: new Uint8Array(Uint16Array.from({ length: count }, (_, i) => values[i % 65536]).buffer),
      };
    };
    const at = 'layers.0';
    const file = writeSafetensors([
      tensor(`${at}.self_attn.in_proj_weight`, [768, 256]),
      tensor(`${at}.self_attn.out_proj.weight`, [256, 256]),
      tensor(`${at}.linear1.weight`, [256, 256]),
      tensor(`${at}.linear2.weight`, [256, 256]),
      tensor(`${at}.norm1.weight`, [256]),
      tensor(`${at}.norm2.weight`, [256]),
    ]);
    const model = await Encoder.fromPretrained(
      { 'config.json': JSON.stringify(config), 'model.safetensors': file },
      { engine },
    );
    const { tensors } = await fileOf(model);
    for (const [name, raw] of readRaw(file).tensors) expectBytes(tensors.get(name)!, raw, name);
    await model.dispose();
    // the same halves below 128, which are held in 16 bits
    const small = values.map((bits) => (dtype === 'F16' && (bits & 0x7fff) >= 0x5800 ? 0 : bits));
    const held = writeSafetensors(
      [...readRaw(file).tensors].map(([name, { dims, bytes }]) => ({
        name,
        dtype,
        dims,
        data: new Uint8Array(Uint16Array.from({ length: bytes.length / 2 }, (_, i) => small[i % 65536]).buffer),
      })),
    );
    const other = await Encoder.fromPretrained(
      { 'config.json': JSON.stringify(config), 'model.safetensors': held },
      { engine },
    );
    expect(other.info.dtype).toBe(dtype.toLowerCase());
    const again = (await fileOf(other)).tensors;
    for (const [name, raw] of readRaw(held).tensors) expectBytes(again.get(name)!, raw, name);
    await other.dispose();
  });

  it('gives memory back with the copies of what weights are computed from', async () => {
    const before = (await engine.info()).memory.used;
    const model = await load('transformers', 't5', goldenFolder('transformers', 't5'));
    await model.toFiles();
    await model.dispose();
    const { used, activations } = (await engine.info()).memory;
    expect(used).toBeLessThanOrEqual(before + activations);
  });
});

/** IEEE rounding to nearest, ties to even, of a normal number in range. */
function roundedTo(dtype: 'f16' | 'bf16', value: number, word: number): number {
  if (dtype === 'bf16') return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value)))) - 10);
  const steps = value / step;
  let whole = Math.floor(steps);
  const rest = steps - whole;
  if (rest > 0.5 || (rest === 0.5 && whole % 2 !== 0)) whole++;
  const rounded = whole * step;
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  const size = Math.abs(rounded);
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | Math.round((size / 2 ** exponent - 1) * 1024);
}

describe('savePretrained', () => {
  const config = { model_type: 'gpt2', vocab_size: 11, n_positions: 8, n_embd: 8, n_layer: 1, n_head: 2 };
  const small = (): Promise<Decoder> => Decoder.fromConfig(config, { engine, seed: 1 });

  it('takes file URLs and folders that are not there, and replaces files', async () => {
    const model = await small();
    const folder = join(temporary, 'deep', 'er');
    await model.savePretrained(pathToFileURL(folder));
    const first = readFileSync(join(folder, 'model.safetensors'));
    await (await Decoder.fromConfig(config, { engine, seed: 2 })).savePretrained(folder);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(first)).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
  });

  it('into the folder that the model came from', async () => {
    const folder = join(temporary, 'own');
    await (await small()).savePretrained(folder);
    const model = await Decoder.fromPretrained(folder, { engine });
    const before = readFileSync(join(folder, 'model.safetensors'));
    await model.savePretrained(folder);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(before)).toBe(true);
  });

  it('errors', async () => {
    const model = await small();
    const file = join(temporary, 'file');
    writeFileSync(file, 'x');
    const cases: [dir: unknown, code: string, message: string][] = [
      [file, 'INVALID_ARGUMENT', 'is a file'],
      ['', 'INVALID_ARGUMENT', '""'],
      [undefined, 'INVALID_ARGUMENT', 'undefined'],
      [7, 'INVALID_ARGUMENT', '7'],
      ['https://example.com/model', 'INVALID_ARGUMENT', 'local folder'],
      ['file://host/%00', 'INVALID_ARGUMENT', 'file URL'],
      [join(file, 'below'), 'WRITE_FAILED', 'a part of the path is a file'],
      ['/proc/none/below', 'WRITE_FAILED', '/proc/none'],
    ];
    for (const [dir, code, message] of cases) {
      const error = await failure(model.savePretrained(dir as string));
      expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)]);
    }
    const blocked = join(temporary, 'blocked');
    mkdirSync(join(blocked, 'model.safetensors'), { recursive: true });
    expect((await failure(model.savePretrained(blocked))).code).toBe('WRITE_FAILED');
    // nothing half-written stays
    expect(readdirSync(blocked)).toEqual(['model.safetensors']);
    const controller = new AbortController();
    controller.abort();
    expect((await failure(model.savePretrained(blocked, { signal: controller.signal }))).code).toBe('ABORTED');
    await model.dispose();
    expect((await failure(model.savePretrained(temporary))).code).toBe('DISPOSED');
    expect((await failure(model.toFiles())).code).toBe('DISPOSED');
  });

  it.skipIf(process.getuid?.() === 0)('without permission', async () => {
    const folder = join(temporary, 'locked');
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    const error = await failure((await small()).savePretrained(folder));
    expect([error.code, error.message]).toEqual(['WRITE_FAILED', expect.stringContaining('permission is denied')]);
  });

  it('names the cause of a failed write', () => {
    const of = (code: string): string => writeError('/x', Object.assign(new Error('raw'), { code })).message;
    expect(of('EACCES')).toMatch(/\/x: permission is denied/);
    expect(of('ENOSPC')).toMatch(/disk is full/);
    expect(of('EWHATEVER')).toMatch(/raw/);
  });
});
