// How weights are held: the same outputs whether in 16 bits or widened to f32; rounding on request; what 16 bits cannot hold.
import { describe, expect, it } from 'vitest';
import { Encoder, type EncoderOutput } from '../../src/api/encoder';
import { WasmformerError } from '../../src/errors';
import { writeSafetensors, type TensorToWrite } from '../../src/io/safetensors-write';
import { bfloat16Value, halfValue } from '../reference/layout';
import { Random } from '../support/numbers';

const HIDDEN = 20;
const VOCAB = 37;
type Stored = 'F16' | 'BF16' | 'F32';

const config = {
  model_type: 'bert',
  architectures: ['BertForMaskedLM'],
  hidden_size: HIDDEN,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  intermediate_size: 50,
  vocab_size: VOCAB,
  max_position_embeddings: 40,
  type_vocab_size: 2,
  hidden_act: 'gelu',
};

/** Names and dims of a masked language model whose head is its embedding table. */
const SHAPES: [name: string, dims: number[]][] = [
  ['bert.embeddings.word_embeddings.weight', [VOCAB, HIDDEN]],
  ['bert.embeddings.position_embeddings.weight', [40, HIDDEN]],
  ['bert.embeddings.token_type_embeddings.weight', [2, HIDDEN]],
  ...norm('bert.embeddings.LayerNorm'),
  ...[0, 1].flatMap((i): [string, number[]][] => {
    const at = `bert.encoder.layer.${i}`;
    return [
      ...['query', 'key', 'value'].flatMap((part) => linear(`${at}.attention.self.${part}`, HIDDEN, HIDDEN)),
      ...linear(`${at}.attention.output.dense`, HIDDEN, HIDDEN),
      ...norm(`${at}.attention.output.LayerNorm`),
      ...linear(`${at}.intermediate.dense`, 50, HIDDEN),
      ...linear(`${at}.output.dense`, HIDDEN, 50),
      ...norm(`${at}.output.LayerNorm`),
    ];
  }),
  ...linear('cls.predictions.transform.dense', HIDDEN, HIDDEN),
  ...norm('cls.predictions.transform.LayerNorm'),
  ['cls.predictions.bias', [VOCAB]],
];

function linear(name: string, out: number, depth: number): [string, number[]][] {
  return [
    [`${name}.weight`, [out, depth]],
    [`${name}.bias`, [out]],
  ];
}

function norm(name: string): [string, number[]][] {
  return [
    [`${name}.weight`, [HIDDEN]],
    [`${name}.bias`, [HIDDEN]],
  ];
}

/** Halves whose values serve as weights. */
function bitsOf(random: Random, dtype: 'F16' | 'BF16'): number {
  const [exponent, shift] = dtype === 'F16' ? [8 + random.below(6), 10] : [120 + random.below(6), 7];
  return (random.below(2) << 15) | (exponent << shift) | random.below(1 << shift);
}

/** The model stored in one type: random halves of `values`, or their values as f32. */
function files(
  stored: Stored,
  values: 'F16' | 'BF16',
  change: (name: string, halves: Uint16Array) => void = () => {},
  shards = 1,
): Record<string, Uint8Array | string> {
  const random = new Random(5);
  const tensors = SHAPES.map(([name, dims]): TensorToWrite => {
    const halves = Uint16Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => bitsOf(random, values));
    change(name, halves);
    const floats = Float32Array.from(halves, values === 'F16' ? halfValue : bfloat16Value);
    return { name, dtype: stored, dims, data: new Uint8Array((stored === 'F32' ? floats : halves).buffer) };
  });
  if (shards === 1) return { 'config.json': JSON.stringify(config), 'model.safetensors': writeSafetensors(tensors) };
  const fileOf = (i: number): string => `model-0000${(i % shards) + 1}-of-0000${shards}.safetensors`;
  const parts = Array.from({ length: shards }, (_, part) => [
    fileOf(part),
    writeSafetensors(tensors.filter((_, i) => i % shards === part)),
  ]);
  const index = { weight_map: Object.fromEntries(tensors.map(({ name }, i) => [name, fileOf(i)])) };
  return {
    'config.json': JSON.stringify(config),
    'model.safetensors.index.json': JSON.stringify(index),
    ...Object.fromEntries(parts),
  };
}

interface Ran {
  output: EncoderOutput;
  dtype: string;
  bytes: number;
}

async function run(
  input: Record<string, Uint8Array | string>,
  dtype?: 'auto' | 'f32' | 'f16' | 'bf16',
  threads = 1,
  length = 9,
): Promise<Ran> {
  await using model = await Encoder.fromPretrained(input, { dtype, threads, worker: false });
  const inputIds = [3, length].map((n) => Array.from({ length: n }, (_, t) => (5 * t + n) % VOCAB));
  const { info } = model;
  return { output: await model.forward({ inputIds }), dtype: info.dtype, bytes: info.weightBytes };
}

function expectSame(a: Ran, b: Ran): void {
  expect(a.output.lastHiddenState.data).toEqual(b.output.lastHiddenState.data);
  expect(a.output.logits!.data).toEqual(b.output.logits!.data);
  expect(a.output.logits!.data.every(Number.isFinite)).toBe(true);
}

describe.each([
  ['f16', 'F16'],
  ['bf16', 'BF16'],
] as const)('%s', (dtype, stored) => {
  it('is held as stored, with the results of f32, at any length and thread count', async () => {
    for (const length of [1, 2, 9, 30]) {
      const wide = await run(files(stored, stored), 'f32', 1, length);
      expect(wide.dtype).toBe('f32');
      for (const threads of [1, 3]) {
        const held = await run(files(stored, stored), 'auto', threads, length);
        expect(held.dtype).toBe(dtype);
        expect(held.bytes).toBeLessThan(0.65 * wide.bytes);
        expectSame(held, wide);
      }
    }
  });

  it('loads from shards', async () => {
    expectSame(await run(files(stored, stored, undefined, 3)), await run(files(stored, stored), 'f32'));
  });

  it('is made of an f32 checkpoint on request', async () => {
    const plain = await run(files('F32', stored));
    expect(plain.dtype).toBe('f32');
    const asked = await run(files('F32', stored), dtype);
    expect(asked.dtype).toBe(dtype);
    expectSame(asked, plain);
  });
});

describe('values that f16 does not hold', () => {
  const query = 'bert.encoder.layer.1.attention.self.query.weight';
  const words = 'bert.embeddings.word_embeddings.weight';

  it.each([
    ['in a product', query],
    ['in a tied table', words],
    ['in a table of rows', 'bert.embeddings.position_embeddings.weight'],
  ])('%s: the matrix is held as f32', async (_, tensor) => {
    const large = files('F16', 'F16', (name, halves) => {
      if (name === tensor) halves[HIDDEN + 1] = 0x5a01;
    });
    const held = await run(large);
    const ordinary = await run(files('F16', 'F16'));
    expect(held.dtype).toBe('f16');
    expect(held.bytes).toBeGreaterThan(ordinary.bytes);
    expectSame(held, await run(large, 'f32'));
  });

  it('infinite and NaN', async () => {
    for (const bits of [0x7c00, 0x7e01]) {
      const broken = files('F16', 'F16', (name, halves) => {
        if (name === 'bert.encoder.layer.1.output.dense.weight') halves[7] = bits;
      });
      const [held, wide] = [await run(broken), await run(broken, 'f32')];
      expect(held.output.lastHiddenState.data).toEqual(wide.output.lastHiddenState.data);
      expect(held.output.lastHiddenState.data.some(Number.isNaN)).toBe(true);
    }
  });
});

it('refuses another dtype', async () => {
  const error: unknown = await Encoder.fromPretrained(files('F16', 'F16'), { dtype: 'q9' as 'f32' }).catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WasmformerError);
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('bf16') as string });
});
