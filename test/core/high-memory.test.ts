// Addresses above 2 GB, where a signed 32-bit number would be negative: every model and kernel gives the same numbers there. What is
// reserved below is never touched, so it takes no memory of the machine.
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import { Encoder } from '../../src/api/encoder';
import { createKernels } from '../../src/api/kernels';
import { Tensor } from '../../src/api/tensor';
import { Transformer } from '../../src/api/transformer';
import { Core } from '../../src/core/core';
import { createEngine } from '../../src/runtime/host';
import { failure } from '../support/generate';

const GB = 2 ** 30;
const folder = (name: string): string => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));

/** Cores begin with so many bytes in use. */
function reserve(bytes: number): void {
  const create = Core.create.bind(Core);
  vi.spyOn(Core, 'create').mockImplementation(async (options) => {
    const core = await create(options);
    core.memory.alloc(bytes, 'ballast');
    return core;
  });
}
afterEach(() => vi.restoreAllMocks());

/** Each of the calls, at low addresses and across and above 2 GB. */
async function everywhere<T>(run: () => Promise<T>): Promise<T[]> {
  const results = [await run()];
  for (const bytes of [2 * GB - 40_000, 3.5 * GB]) {
    reserve(bytes);
    results.push(await run());
    vi.restoreAllMocks();
  }
  return results;
}

describe.each([1, 3])('%i threads', (threads) => {
  it('an encoder', async () => {
    const [low, ...high] = await everywhere(async () => {
      await using engine = await createEngine({ worker: false, threads });
      const model = await Encoder.fromPretrained(folder('encoders/sentence-mean'), { engine });
      const { data } = await model.embed(['one text', 'and another, which is a little longer than the first']);
      const { attentions } = await model.forward({ inputIds: [[1, 5, 9, 4]] }, { outputAttentions: true });
      return [data, ...attentions!.map((map) => map.data)];
    });
    for (const result of high) expect(result).toEqual(low);
  });

  it('a decoder, with its cache and beams', async () => {
    const config = {
      model_type: 'llama',
      vocab_size: 97,
      hidden_size: 40,
      intermediate_size: 72,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      max_position_embeddings: 256,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      hidden_act: 'silu',
      tie_word_embeddings: false,
    };
    const [low, ...high] = await everywhere(async () => {
      await using engine = await createEngine({ worker: false, threads });
      const model = await Decoder.fromConfig(config, { engine, seed: 5, dtype: 'f16' });
      const greedy = await model.generate([3, 1, 4, 1, 5], { maxNewTokens: 90 }).result();
      const beams = await model.generate([3, 1, 4], { maxNewTokens: 12, numBeams: 3 }).result();
      const { logits } = await model.forward({ inputIds: [[3, 1, 4, 1, 5, 9, 2, 6]] });
      return [greedy.ids, beams.ids, logits!.data];
    });
    for (const result of high) expect(result).toEqual(low);
  });

  it('an encoder-decoder', async () => {
    const config = {
      model_type: 't5',
      vocab_size: 60,
      d_model: 24,
      d_kv: 12,
      d_ff: 48,
      num_layers: 2,
      num_decoder_layers: 2,
      num_heads: 2,
      relative_attention_num_buckets: 8,
      relative_attention_max_distance: 20,
      layer_norm_epsilon: 1e-6,
      feed_forward_proj: 'gated-gelu',
      pad_token_id: 0,
      eos_token_id: 1,
      decoder_start_token_id: 0,
      tie_word_embeddings: false,
    };
    const [low, ...high] = await everywhere(async () => {
      await using engine = await createEngine({ worker: false, threads });
      const model = await Transformer.fromConfig(config, { engine, seed: 5 });
      return (await model.generate([3, 14, 15, 9], { maxNewTokens: 20 }).result()).ids;
    });
    for (const result of high) expect(result).toEqual(low);
  });

  it('kernels', async () => {
    const wave = (...dims: number[]): Tensor =>
      new Tensor(
        Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7)),
        dims,
      );
    const [low, ...high] = await everywhere(async () => {
      const kernels = await createKernels({ threads });
      const [a, b] = [wave(37, 53), wave(53, 29)];
      const results = [
        kernels.matmul(a, b),
        kernels.softmax(a),
        kernels.layerNorm(a, wave(53), wave(53)),
        kernels.rmsNorm(a, wave(53)),
        kernels.add(a, wave(53)),
        kernels.transpose(a),
        kernels.attention(wave(1, 2, 13, 12), wave(1, 2, 13, 12), wave(1, 2, 13, 12), { causal: true }),
      ].map(({ data }) => data);
      kernels.dispose();
      return results;
    });
    for (const result of high) expect(result).toEqual(low);
  });
});

it('a model that cannot fit is refused before anything of it is read', async () => {
  reserve(4 * GB - 3 * 2 ** 20);
  await using engine = await createEngine({ worker: false, threads: 1 });
  const { used, total } = (await engine.info()).memory;
  const progress: string[] = [];
  const config = {
    model_type: 'bert',
    vocab_size: 30_000,
    hidden_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 64,
    max_position_embeddings: 32,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    hidden_act: 'gelu',
  };
  const loading = Encoder.fromConfig(config, { engine, onProgress: ({ phase }) => void progress.push(phase) });
  const error = await failure(loading);
  expect(error).toMatchObject({
    code: 'OUT_OF_MEMORY',
    message: expect.stringMatching(
      /^the model takes 7\.\d MB, but the engine has room for [0-3]\.\d MB .*4095\.9 MB.*dtype/,
    ),
  });
  expect(progress).toEqual([]);
  expect((await engine.info()).memory).toMatchObject({ used, total });
});

it('tells what memory is used for', async () => {
  await using engine = await createEngine({ worker: true, threads: 1 });
  const encoder = await Encoder.fromPretrained(folder('encoders/sentence-mean'), { engine });
  const before = encoder.info.memory;
  expect(before).toMatchObject({ kv: 0, activations: 0 });
  expect(before.weights).toBeGreaterThanOrEqual(encoder.info.weightBytes * 0.9);
  await encoder.embed('a text');
  const { activations, weights, kv, used, total } = encoder.info.memory;
  expect(activations).toBeGreaterThan(0);
  expect([weights, kv]).toEqual([before.weights, 0]);
  expect(used).toBeGreaterThanOrEqual(weights + activations);
  expect(total).toBeGreaterThan(used);
  const config = {
    model_type: 'gpt2',
    vocab_size: 50,
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    n_positions: 128,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
  };
  const decoder = await Decoder.fromConfig(config, { engine, seed: 1 });
  const session = decoder.createSession();
  await session.generate([1, 2, 3], { maxNewTokens: 70, eosTokenId: [] }).result();
  // 2 pages of 64 tokens x 2 layers x (16 + 16) x 4 bytes
  expect(decoder.info.memory.kv).toBe(2 * 64 * 2 * 32 * 4);
  await session.dispose();
});
