// Causal language models before any weight is read: what configs may leave out or say otherwise, what is refused, which tensors of
// a checkpoint are known. Numbers: test/api/decoder-goldens.test.ts.
import { describe, expect, it } from 'vitest';
import { WasmformerError, type WasmformerErrorCode } from '../../src/errors';
import { decoderOf } from '../../src/models/decoders';
import type { Config, DecoderModel } from '../../src/models/model';
import { alibiSlopes } from '../../src/nn/alibi';
import { Parameters } from '../../src/nn/parameters';

/** Builds the model; `names`: every tensor that it asks for, as its first alias. */
function build(config: Config): { model: DecoderModel; names: string[] } {
  const architecture = decoderOf(config);
  const parameters = new Parameters(
    () => true,
    (name) => architecture.aliases(name),
  );
  const model = architecture.build(config, parameters);
  const names = parameters.declarations.flatMap(({ sources }) => sources.map((source) => source.names[0]));
  return { model, names: [...new Set(names)] };
}

function expectError(config: Config, code: WasmformerErrorCode, message: RegExp): void {
  let error: unknown;
  try {
    build(config);
  } catch (e) {
    error = e;
  }
  expect(error).toBeInstanceOf(WasmformerError);
  expect((error as WasmformerError).code).toBe(code);
  expect((error as WasmformerError).message).toMatch(message);
}

// the defaults of transformers' configuration classes: [layers, heads, kv heads, columns of a head, d, vocabulary, positions]
const DEFAULTS: Record<string, number[]> = {
  'openai-gpt': [12, 12, 12, 64, 768, 40478, 512],
  gpt2: [12, 12, 12, 64, 768, 50257, 1024],
  llama: [32, 32, 32, 128, 4096, 32000, 2048],
  mistral: [32, 32, 8, 128, 4096, 32000, 131072],
  qwen2: [32, 32, 32, 128, 4096, 151936, 32768],
  qwen3: [32, 32, 32, 128, 4096, 151936, 32768],
  gpt_neox: [44, 64, 64, 96, 6144, 50432, 2048],
  bloom: [2, 8, 8, 8, 64, 250880, Infinity],
};

describe('configs', () => {
  it.each(Object.entries(DEFAULTS))('%s has the defaults of transformers', (model_type, expected) => {
    const { layers, heads, cache, hiddenSize, vocabSize, maxPositions, head } = build({ model_type }).model;
    const { kvHeads, sizeK } = cache[0];
    expect([layers, heads, kvHeads, sizeK, hiddenSize, vocabSize, maxPositions]).toEqual(expected);
    expect(head).toBe(true);
  });

  it('keeps what is null from its default', () => {
    const { model } = build({ model_type: 'mistral', num_key_value_heads: null, head_dim: null, num_hidden_layers: 1 });
    expect(model.cache).toEqual([{ kvHeads: 32, sizeK: 128, sizeV: 128 }]);
  });

  it('gives heads a width of their own', () => {
    const { model } = build({ model_type: 'qwen3', hidden_size: 1024, num_hidden_layers: 1 });
    expect(model.cache[0].sizeK).toBe(128);
  });

  it('turns a quarter of GPT-NeoX heads, or what the config says', () => {
    const dim = (config: Config): number | undefined => build({ model_type: 'gpt_neox', ...config }).model.rotary?.dim;
    expect(dim({})).toBe(24);
    expect(dim({ rotary_pct: 0.5 })).toBe(48);
    expect(dim({ rope_parameters: { partial_rotary_factor: 1 } })).toBe(96);
    expect(dim({ rotary_pct: 0 })).toBeUndefined();
    // 25 of 100 columns
    expect(dim({ rotary_pct: 0.25, hidden_size: 6400 })).toBe(26);
    expectError({ model_type: 'gpt_neox', rotary_pct: 1.5 }, 'INVALID_CONFIG', /rotated in pairs/);
    expectError({ model_type: 'gpt_neox', rotary_pct: 'half' }, 'INVALID_CONFIG', /rotary_pct must be a number/);
  });

  it('asks for a head of its own where the config does not tie it', () => {
    const head = /^(lm_head|embed_out)\.weight$/;
    for (const model_type of Object.keys(DEFAULTS)) {
      for (const tie_word_embeddings of [true, false]) {
        const { names } = build({ model_type, tie_word_embeddings });
        expect(names.some((name) => head.test(name))).toBe(!tie_word_embeddings);
      }
      const { names, model } = build({ model_type, tie_word_embeddings: false, architectures: ['SomeModel'] });
      expect(names.some((name) => head.test(name))).toBe(false);
      expect(model.head).toBe(false);
    }
  });
});

describe('tensors', () => {
  it('ignores what old checkpoints hold besides, and nothing that is asked for', () => {
    const old: Record<string, string[]> = {
      'openai-gpt': ['h.0.attn.bias', 'position_ids', 'lm_head.weight'],
      gpt2: ['h.0.attn.bias', 'transformer.h.11.attn.masked_bias', 'lm_head.weight'],
      llama: ['model.layers.0.self_attn.rotary_emb.inv_freq', 'lm_head.weight'],
      gpt_neox: [
        'gpt_neox.layers.0.attention.bias',
        'gpt_neox.layers.0.attention.masked_bias',
        'layers.0.attention.rotary_emb.inv_freq',
      ],
      bloom: ['lm_head.weight'],
    };
    for (const [model_type, tensors] of Object.entries(old)) {
      const { ignored = [] } = decoderOf({ model_type });
      const isIgnored = (name: string): boolean => ignored.some((pattern) => pattern.test(name));
      for (const name of tensors) expect(isIgnored(name), name).toBe(true);
      const { names } = build({ model_type, tie_word_embeddings: true, attention_bias: true });
      expect(names.filter(isIgnored)).toEqual([]);
      expect(isIgnored('h.0.attn.c_attn.scales')).toBe(false);
    }
  });
});

describe('what is refused', () => {
  it.each<[string, Config, WasmformerErrorCode, RegExp]>([
    ['another model', { model_type: 'rwkv' }, 'UNSUPPORTED_MODEL', /openai-gpt, gpt2, llama.*gpt_neox, bloom/],
    [
      'another head',
      { model_type: 'llama', architectures: ['LlamaForSequenceClassification'] },
      'UNSUPPORTED_MODEL',
      /ForSequence/,
    ],
    ['two heads', { model_type: 'gpt2', architectures: ['GPT2DoubleHeadsModel'] }, 'UNSUPPORTED_MODEL', /DoubleHeads/],
    ['cross-attention', { model_type: 'gpt2', add_cross_attention: true }, 'UNSUPPORTED_MODEL', /add_cross_attention/],
    ['an activation', { model_type: 'gpt2', activation_function: 'mish' }, 'UNSUPPORTED_MODEL', /activation_function/],
    [
      'sums in parts',
      { model_type: 'bloom', slow_but_exact: true, pretraining_tp: 4 },
      'UNSUPPORTED_MODEL',
      /slow_but_exact/,
    ],
    [
      'a rotary type',
      { model_type: 'llama', rope_scaling: { rope_type: 'xyz' } },
      'UNSUPPORTED_MODEL',
      /rope_type "xyz"/,
    ],
    ['a width that heads do not share', { model_type: 'gpt2', n_head: 7 }, 'INVALID_CONFIG', /768.*7/],
    ['no heads', { model_type: 'bloom', n_head: 0 }, 'INVALID_CONFIG', /heads, 0/],
    [
      'groups that do not fit',
      { model_type: 'llama', num_key_value_heads: 5 },
      'INVALID_CONFIG',
      /num_key_value_heads 5/,
    ],
    [
      'a size that is no number',
      { model_type: 'gpt2', n_embd: '768' },
      'INVALID_CONFIG',
      /n_embd must be a whole number/,
    ],
    [
      'more layers than any model has',
      { model_type: 'llama', num_hidden_layers: 1e18 },
      'INVALID_CONFIG',
      /num_hidden_layers must be a whole number up to 1000000000, but is 1000000000000000000/,
    ],
    [
      'positions that are no number',
      { model_type: 'llama', max_position_embeddings: ['X'] },
      'INVALID_CONFIG',
      /max_position_embeddings must be a number above 0, but is \["X"\]/,
    ],
  ])('%s', (_, config, code, message) => expectError(config, code, message));
});

it('slopes of ALiBi: powers of two, and every other one of the next power', () => {
  expect([...alibiSlopes(8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i));
  const near = [...alibiSlopes(3)].map((slope, i) => slope / [1 / 16, 1 / 256, 1 / 4][i]);
  for (const ratio of near) expect(Math.abs(ratio - 1)).toBeLessThan(1e-6);
});
