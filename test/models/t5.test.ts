// What a T5 config means, and what none can mean. The numbers are in test/api/transformer-goldens.test.ts.
import { describe, expect, it } from 'vitest';
import type { WasmformerError } from '../../src/errors';
import type { Config } from '../../src/models/model';
import { mt5, t5, umt5 } from '../../src/models/t5';
import { transformer } from '../../src/models/transformer';
import { Parameters } from '../../src/nn/parameters';

const small: Config = { vocab_size: 11, d_model: 8, d_kv: 3, d_ff: 5, num_layers: 2, num_heads: 2 };

/** Names and dims of the tensors that a config asks for. */
function tensorsOf(architecture: typeof t5, config: Config): Map<string, readonly number[]> {
  const p = new Parameters(() => true, architecture.aliases);
  architecture.build(config, p);
  return new Map(p.declarations.flatMap(({ sources }) => sources.map(({ names, dims }) => [names[0], dims])));
}

function errorOf(architecture: typeof t5, config: Config): WasmformerError {
  try {
    architecture.build(config, new Parameters(() => true, architecture.aliases));
  } catch (error) {
    return error as WasmformerError;
  }
  throw new Error('no error');
}

const dense = 'encoder.block.0.layer.1.DenseReluDense';
const bias = (side: string, layer: number): string =>
  `${side}.block.${layer}.layer.0.SelfAttention.relative_attention_bias.weight`;

describe('tensors', () => {
  it('T5 v1.0: a plain feed-forward, a tied head, biases in the first layer', () => {
    const tensors = tensorsOf(t5, small);
    expect(tensors.get(`${dense}.wi.weight`)).toEqual([5, 8]);
    expect(tensors.get('encoder.block.0.layer.0.SelfAttention.q.weight')).toEqual([6, 8]);
    expect(tensors.get('decoder.block.1.layer.1.EncDecAttention.o.weight')).toEqual([8, 6]);
    expect(tensors.has('lm_head.weight')).toBe(false);
    expect(tensors.get(bias('decoder', 0))).toEqual([32, 2]);
    expect(tensors.has(bias('decoder', 1))).toBe(false);
  });

  it('mT5 and UMT5: gated, untied or tied, biases in every layer of UMT5', () => {
    const own = tensorsOf(mt5, small);
    expect(own.get(`${dense}.wi_0.weight`)).toEqual([5, 8]);
    expect(own.get('lm_head.weight')).toEqual([11, 8]);
    expect(own.has(bias('encoder', 1))).toBe(false);
    const other = tensorsOf(umt5, { ...small, num_decoder_layers: 3 });
    expect(other.has('lm_head.weight')).toBe(false);
    expect(other.has(bias('encoder', 1))).toBe(true);
    expect(other.has(bias('decoder', 2))).toBe(true);
  });

  it('is_gated_act and dense_act_fn count more than feed_forward_proj', () => {
    const tensors = tensorsOf(t5, { ...small, feed_forward_proj: 'gated-silu', is_gated_act: false });
    expect(tensors.has(`${dense}.wi.weight`)).toBe(true);
    expect(errorOf(t5, { ...small, dense_act_fn: 'mystery' }).message).toMatch(/dense_act_fn.*mystery/);
  });
});

it.each([
  [{ feed_forward_proj: 'gated-gelu-new' }, 'INVALID_CONFIG', /feed_forward_proj.*gated-gelu-new/],
  [{ feed_forward_proj: 'open-gelu' }, 'INVALID_CONFIG', /feed_forward_proj/],
  [{ feed_forward_proj: 7 }, 'INVALID_CONFIG', /feed_forward_proj.*7/],
  [{ feed_forward_proj: 'gated-mystery' }, 'UNSUPPORTED_MODEL', /mystery/],
  [{ relative_attention_num_buckets: 2 }, 'INVALID_CONFIG', /num_buckets.*2/],
  [{ relative_attention_max_distance: 16 }, 'INVALID_CONFIG', /max_distance.*16/],
  [{ architectures: ['T5ForTokenClassification'] }, 'UNSUPPORTED_MODEL', /T5ForTokenClassification/],
])('%o', (config, code, message) => {
  const error = errorOf(t5, { ...small, ...config });
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

it.each([
  [{ nhead: 5 }, 'INVALID_CONFIG', /24.*5/],
  [{ nhead: 0 }, 'INVALID_CONFIG', /0/],
  [{ activation: 'mystery' }, 'UNSUPPORTED_MODEL', /activation.*mystery/],
  [{ tgt_vocab_size: undefined }, 'INVALID_CONFIG', /tgt_vocab_size/],
])('the original Transformer, %o', (config, code, message) => {
  const error = errorOf(transformer, { d_model: 24, nhead: 2, src_vocab_size: 5, tgt_vocab_size: 6, ...config });
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});
