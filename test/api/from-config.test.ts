// fromConfig: how every kind of parameter starts, seeds, engines; outputs of random models equal those of transformers and torch.nn,
// which load_saved.py loaded from what savePretrained wrote; configs that cannot be.
import { readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import { Encoder } from '../../src/api/encoder';
import { Tensor } from '../../src/api/tensor';
import { Transformer } from '../../src/api/transformer';
import { createEngine } from '../../src/runtime/host';
import { normalQuantile } from '../../src/runtime/random-tensors';
import { expectWithin } from '../support/numbers';
import { floatsOf, readRaw } from '../support/safetensors';
import { failure } from '../support/generate';

const CLASSES = { Encoder, Decoder, Transformer };
type Config = Readonly<Record<string, unknown>>;

/** One file of saved/. */
interface Saved {
  class: keyof typeof CLASSES;
  config: Config;
  seed: number;
  inputIds: number[];
  decoderInputIds: number[];
  expected: { dims: number[]; data: number[] };
}

const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());

const SAVED = new URL('../golden/saved/', import.meta.url);
const names = readdirSync(SAVED).map((file) => file.replace('.json', ''));
const readSaved = (name: string): Saved => JSON.parse(readFileSync(new URL(`${name}.json`, SAVED), 'utf8')) as Saved;

describe('the same numbers as transformers and torch.nn', () => {
  const embeds = (length: number, d: number): Tensor =>
    new Tensor(
      Float32Array.from({ length: length * d }, (_, i) => Math.sin(i)),
      [1, length, d],
    );

  it.each(names)('%s', async (name) => {
    const { class: kind, config, seed, inputIds, decoderInputIds, expected } = readSaved(name);
    const model = await CLASSES[kind].fromConfig(config, { engine, seed });
    const d = Number(config.d_model);
    let result: { logits?: Tensor; lastHiddenState: Tensor };
    if (model instanceof Transformer) {
      result = await model.forward({ inputIds: [inputIds], decoderInputIds: [decoderInputIds] });
    } else if (config.model_type === 'transformer_decoder') {
      result = await (model as Decoder).forward({ inputsEmbeds: embeds(5, d), encoderHiddenStates: embeds(3, d) });
    } else if (config.model_type === 'transformer_encoder') {
      result = await (model as Encoder).forward({ inputsEmbeds: embeds(5, d) });
    } else {
      result = await model.forward({ inputIds: [inputIds] });
    }
    const { dims, data } = result.logits ?? result.lastHiddenState;
    expect(dims).toEqual(expected.dims);
    expectWithin(Array.from(data, Number), expected.data, 1e-4);
    await model.dispose();
  });
});

/** Tensors of a random model by name. */
async function tensorsOf(kind: keyof typeof CLASSES, config: Config, seed = 5): Promise<Map<string, Float32Array>> {
  const model = await CLASSES[kind].fromConfig(config, { engine, seed });
  const { tensors } = readRaw((await model.toFiles())['model.safetensors']);
  await model.dispose();
  return new Map([...tensors].map(([name, tensor]) => [name, floatsOf(tensor)]));
}

function momentsOf(values: Float32Array): { mean: number; std: number; excess: number } {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const moment = (power: number): number => values.reduce((sum, x) => sum + (x - mean) ** power, 0) / n;
  const variance = moment(2);
  return { mean, std: Math.sqrt(variance), excess: moment(4) / variance ** 2 - 3 };
}

function expectNormal(values: Float32Array, std: number, what: string): void {
  const { mean, std: measured, excess } = momentsOf(values);
  const n = values.length;
  // five standard errors
  expect(Math.abs(mean), what).toBeLessThan((5 * std) / Math.sqrt(n));
  expect(Math.abs(measured / std - 1), what).toBeLessThan(5 / Math.sqrt(2 * n));
  expect(Math.abs(excess), what).toBeLessThan(5 * Math.sqrt(24 / n));
}

function expectUniform(values: Float32Array, bound: number, what: string): void {
  const { mean, std, excess } = momentsOf(values);
  const n = values.length;
  expect(Math.abs(mean), what).toBeLessThan((5 * bound) / Math.sqrt(3 * n));
  expect(Math.abs(std / (bound / Math.sqrt(3)) - 1), what).toBeLessThan(5 / Math.sqrt(n));
  expect(Math.abs(excess + 1.2), what).toBeLessThan(10 / Math.sqrt(n));
  const most = values.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  expect(most, what).toBeLessThanOrEqual(Math.fround(bound));
  expect(most, what).toBeGreaterThan(bound * (1 - 20 / n));
}

const expectAll = (values: Float32Array, value: number, what: string): void =>
  expect(
    values.every((x) => x === value),
    what,
  ).toBe(true);

describe('how parameters start', () => {
  it('BERT: normal, no biases, norms as the identity, the padding row zero', async () => {
    const shape = {
      vocab_size: 300,
      hidden_size: 64,
      num_attention_heads: 2,
      num_hidden_layers: 1,
      intermediate_size: 96,
    };
    const config = {
      model_type: 'bert',
      ...shape,
      max_position_embeddings: 40,
      initializer_range: 0.05,
      pad_token_id: 7,
    };
    const tensors = await tensorsOf('Encoder', config);
    expect(tensors.has('bert.pooler.dense.weight')).toBe(true);
    for (const [name, values] of tensors) {
      if (name.endsWith('LayerNorm.weight')) expectAll(values, 1, name);
      else if (name.endsWith('bias')) expectAll(values, 0, name);
      else if (name.includes('word_embeddings')) {
        expectAll(values.subarray(7 * 64, 8 * 64), 0, name);
        expectNormal(Float32Array.from([...values.subarray(0, 7 * 64), ...values.subarray(8 * 64)]), 0.05, name);
      } else expectNormal(values, 0.05, name);
    }
  });

  it('GPT-2: what is added to the residual is smaller', async () => {
    const config = { model_type: 'gpt2', vocab_size: 50, n_positions: 20, n_embd: 64, n_layer: 3, n_head: 2 };
    for (const [name, values] of await tensorsOf('Decoder', config)) {
      if (/ln_.*weight$/.test(name)) expectAll(values, 1, name);
      else if (name.endsWith('bias')) expectAll(values, 0, name);
      else expectNormal(values, name.includes('c_proj') ? 0.02 / Math.sqrt(6) : 0.02, name);
    }
  });

  it('Llama: no padding row without a padding token; one counted from the end', async () => {
    const shape = {
      vocab_size: 40,
      hidden_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 48,
    };
    const config = { model_type: 'llama', ...shape };
    const table = 'model.embed_tokens.weight';
    const plain = (await tensorsOf('Decoder', config)).get(table)!;
    const padded = (await tensorsOf('Decoder', { ...config, pad_token_id: -1 })).get(table)!;
    expectNormal(plain, 0.02, table);
    expectAll(padded.subarray(39 * 32), 0, table);
    expect(padded.subarray(0, 39 * 32)).toEqual(plain.subarray(0, 39 * 32));
  });

  it('BART: init_std', async () => {
    const stacks = ['encoder', 'decoder'].map((side) => ({
      [`${side}_layers`]: 1,
      [`${side}_attention_heads`]: 2,
      [`${side}_ffn_dim`]: 48,
    }));
    const shape = {
      model_type: 'bart',
      vocab_size: 60,
      d_model: 32,
      max_position_embeddings: 20,
      pad_token_id: 1,
      init_std: 0.3,
    };
    const tensors = await tensorsOf('Transformer', Object.assign({}, shape, ...stacks) as Config);
    const shared = tensors.get('model.shared.weight')!;
    expectAll(shared.subarray(32, 64), 0, 'the padding row');
    expectNormal(shared.subarray(64), 0.3, 'the words');
    expectNormal(tensors.get('model.decoder.embed_positions.weight')!, 0.3, 'positions');
    expectNormal(tensors.get('model.decoder.layers.0.encoder_attn.v_proj.weight')!, 0.3, 'values');
    expectAll(tensors.get('model.decoder.layers.0.fc1.bias')!, 0, 'a bias');
  });

  it('T5: by the number of inputs, and the factor', async () => {
    const sizes = { d_model: 48, d_kv: 12, d_ff: 80, num_layers: 1, num_heads: 3, vocab_size: 70 };
    const config = { model_type: 't5', ...sizes, initializer_factor: 2, tie_word_embeddings: false };
    const deviations: [pattern: RegExp, std: number][] = [
      [/\.q\.weight$/, 2 * (48 * 12) ** -0.5],
      [/\.[kv]\.weight$/, 2 * 48 ** -0.5],
      [/\.o\.weight$/, 2 * 36 ** -0.5],
      [/\.wi\.weight$/, 2 * 48 ** -0.5],
      [/\.wo\.weight$/, 2 * 80 ** -0.5],
      [/relative_attention_bias\.weight$/, 2 * 48 ** -0.5],
      [/^(shared|lm_head)\.weight$/, 2],
    ];
    for (const [name, values] of await tensorsOf('Transformer', config)) {
      if (name.includes('layer_norm')) expectAll(values, 2, name);
      else expectNormal(values, deviations.find(([pattern]) => pattern.test(name))![1], name);
    }
  });

  it('nn.Transformer: all its matrices by Xavier and Bengio, the rest as torch.nn does', async () => {
    const sizes = { d_model: 48, nhead: 2, dim_feedforward: 80, num_encoder_layers: 1, num_decoder_layers: 1 };
    const config = { model_type: 'transformer', ...sizes, src_vocab_size: 60, tgt_vocab_size: 70, max_len: 10 };
    const bounds: [pattern: RegExp, bound: number][] = [
      [/in_proj_weight$/, Math.sqrt(6 / (3 * 48 + 48))],
      [/out_proj\.weight$/, Math.sqrt(6 / (48 + 48))],
      [/linear[12]\.weight$/, Math.sqrt(6 / (48 + 80))],
      [/linear1\.bias$/, 1 / Math.sqrt(48)],
      [/linear2\.bias$/, 1 / Math.sqrt(80)],
      [/^generator\./, 1 / Math.sqrt(48)],
    ];
    for (const [name, values] of await tensorsOf('Transformer', config)) {
      if (/norm\d?\.weight$/.test(name)) expectAll(values, 1, name);
      else if (/norm\d?\.bias$|proj.bias$/.test(name)) expectAll(values, 0, name);
      else if (name.includes('embedding')) expectNormal(values, 1, name);
      else expectUniform(values, bounds.find(([pattern]) => pattern.test(name))![1], name);
    }
  });

  it('nn.TransformerEncoder alone: its layers as they draw themselves', async () => {
    const config = { model_type: 'transformer_encoder', d_model: 48, nhead: 2, dim_feedforward: 80, num_layers: 1 };
    const tensors = await tensorsOf('Encoder', config);
    expectUniform(tensors.get('layers.0.self_attn.in_proj_weight')!, Math.sqrt(6 / 192), 'in_proj');
    expectUniform(tensors.get('layers.0.self_attn.out_proj.weight')!, 1 / Math.sqrt(48), 'out_proj');
    expectUniform(tensors.get('layers.0.linear2.weight')!, 1 / Math.sqrt(80), 'linear2');
    expectAll(tensors.get('layers.0.self_attn.out_proj.bias')!, 0, 'out_proj bias');
  });

  it('quantiles of the normal distribution', () => {
    // scipy.stats.norm.ppf
    const quantiles = [
      [1.1641532182693481e-10, -6.3379577545537895],
      [1e-9, -5.9978070150076865],
      [1e-6, -4.753424308822899],
      [0.001, -3.090232306167813],
      [0.01, -2.3263478740408408],
      [0.0749, -1.4402382675279635],
      [0.0751, -1.4388253927525403],
      [0.2, -0.8416212335729142],
      [0.5, 0],
      [0.6, 0.2533471031357997],
      [0.9, 1.2815515655446004],
      [0.9251, 1.4402382675279635],
      [0.9999, 3.719016485455709],
      [0.9999999998835847, 6.3379577545537895],
    ];
    for (const [p, x] of quantiles) expect(Math.abs(normalQuantile(p) - x)).toBeLessThanOrEqual(2e-7 * Math.abs(x));
  });
});

describe('seeds', () => {
  const config = { model_type: 'gpt2', vocab_size: 31, n_positions: 16, n_embd: 16, n_layer: 2, n_head: 2 };
  const bytes = async (options: object): Promise<Buffer> => {
    await using model = await Decoder.fromConfig(config, options);
    return Buffer.from((await model.toFiles())['model.safetensors']);
  };

  it('the same one gives the same weights, in any engine; another one others', async () => {
    const first = await bytes({ engine, seed: 0 });
    expect((await bytes({ threads: 2, worker: true, seed: 0 })).equals(first)).toBe(true);
    for (const seed of [1, 2 ** 32, Number.MAX_SAFE_INTEGER])
      expect((await bytes({ engine, seed })).equals(first)).toBe(false);
    expect((await bytes({ engine })).equals(await bytes({ engine }))).toBe(false);
  });

  it('weights of one seed are not alike', async () => {
    const tensors = await tensorsOf('Decoder', config);
    const [one, two] = [0, 1].map((i) => tensors.get(`transformer.h.${i}.attn.c_attn.weight`)!);
    const product = one.reduce((sum, x, i) => sum + x * two[i], 0) / one.length / 0.02 ** 2;
    expect(Math.abs(product)).toBeLessThan(5 / Math.sqrt(one.length));
  });

  it('an engine that is replaced gets the same weights', async () => {
    await using own = await createEngine({ worker: true, threads: 1 });
    const model = await Decoder.fromConfig({ ...config, n_embd: 512, n_layer: 8, n_positions: 512 }, { engine: own });
    const short = { inputIds: [[1, 2, 3]] };
    const want = (await model.forward(short)).logits!.data;
    const started: Worker[] = [];
    const ref = Worker.prototype.ref;
    // the engine holds its worker while a call is pending: that is where a test can get at it
    Worker.prototype.ref = function (this: Worker) {
      started.push(this);
      return ref.call(this);
    };
    const running = failure(model.forward({ inputIds: [Array.from({ length: 512 }, (_, i) => i % 31)] }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    Worker.prototype.ref = ref;
    await started[0].terminate();
    expect((await running).code).toBe('WORKER_FAILED');
    expect((await model.forward(short)).logits!.data).toEqual(want);
  });

  it('an abort ends the drawing, and nothing stays', async () => {
    const controller = new AbortController();
    const before = (await engine.info()).memory.used;
    const onProgress = (): void => controller.abort();
    const options = { engine, onProgress, signal: controller.signal };
    expect((await failure(Decoder.fromConfig(config, options))).code).toBe('ABORTED');
    await expect.poll(async () => (await engine.info()).memory.used).toBe(before);
  });
});

describe('errors', () => {
  const llama = {
    model_type: 'llama',
    vocab_size: 31,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 20,
  };
  const bert = { ...llama, model_type: 'bert', max_position_embeddings: 8 };

  it.each([
    [{}, 'UNSUPPORTED_MODEL', 'model_type'],
    [{ ...llama, model_type: 'gpt5' }, 'UNSUPPORTED_MODEL', 'gpt5'],
    [bert, 'UNSUPPORTED_MODEL', 'bert'],
    [{ ...llama, vocab_size: 0 }, 'INVALID_CONFIG', 'model.embed_tokens.weight [0, 16]'],
    [{ ...llama, vocab_size: -1 }, 'INVALID_CONFIG', 'vocab_size'],
    [{ ...llama, vocab_size: '31' }, 'INVALID_CONFIG', 'vocab_size'],
    [{ ...llama, num_attention_heads: 3 }, 'INVALID_CONFIG', 'attention heads, 3'],
    [{ ...llama, pad_token_id: 31 }, 'INVALID_CONFIG', 'pad_token_id'],
    [{ ...llama, initializer_range: -1 }, 'INVALID_CONFIG', 'initializer_range'],
    [{ ...llama, initializer_range: 'small' }, 'INVALID_CONFIG', 'initializer_range'],
    [{ ...llama, vocab_size: 1e9 }, 'OUT_OF_MEMORY', 'smaller model'],
    [{ ...llama, num_hidden_layers: 1e9 }, 'INVALID_CONFIG', 'more than 100000 weights'],
    [null, 'INVALID_CONFIG', 'null'],
    [[llama], 'INVALID_CONFIG', 'Array'],
    ['llama', 'INVALID_CONFIG', '"llama"'],
    [{ ...llama, vocab_size: 31n }, 'INVALID_CONFIG', 'JSON'],
  ])('%o: %s', async (config, code, message) => {
    const error = await failure(Decoder.fromConfig(config as Config, { engine, seed: 1 }));
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)]);
  });

  it('what a config must say', async () => {
    for (const key of ['vocab_size', 'hidden_size', 'num_hidden_layers', 'max_position_embeddings']) {
      const error = await failure(Encoder.fromConfig({ ...bert, [key]: undefined }, { engine }));
      expect([error.code, error.message]).toEqual(['INVALID_CONFIG', expect.stringContaining(key)]);
    }
  });

  it.each([1.5, -1, NaN, Infinity, 2 ** 53, '1', null, 1n])('seed %s', async (seed) => {
    const error = await failure(Decoder.fromConfig(llama, { engine, seed: seed as number }));
    expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('seed')]);
  });

  it('other options, and texts', async () => {
    expect((await failure(Decoder.fromConfig(llama, { engine, dtype: 'q3' as 'f32' }))).code).toBe('INVALID_ARGUMENT');
    await using model = await Decoder.fromConfig(llama, { engine, dtype: 'bf16' });
    expect(model.info.dtype).toBe('bf16');
    expect((await failure(model.forward('text'))).code).toBe('NO_TOKENIZER');
  });
});
