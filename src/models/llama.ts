// Llama (Touvron et al. 2023) and those that differ from it in a few places: Mistral (sliding window), Qwen 2 (biases), Qwen 3
// (norms over queries and keys). Pre-norm blocks with RMS norms, rotary positions, grouped heads and a gated feed-forward;
// transformers' LlamaForCausalLM and its kin.
import type { Block } from '../nn/blocks';
import { gatedBy } from '../nn/gated';
import type { Parameters } from '../nn/parameters';
import { rotaryOf, turnHalves } from '../nn/rotary';
import { gather } from '../ops/gather';
import { causalModel, OLD_BUFFERS, wordTables } from './causal';
import {
  activationOf,
  complete,
  headCounts,
  integer,
  number,
  paddingOf,
  type Architecture,
  type Config,
  type DecoderModel,
} from './model';

/** What a config of any of them may leave out, with Llama's values. */
const DEFAULTS: Config = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  hidden_act: 'silu',
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: false,
};

/** Where the relatives differ. */
interface Traits {
  readonly defaults?: Config;
  /** Biases of queries, keys and values; and of the attention's output. */
  readonly bias: (config: Config) => { qkv: boolean; out: boolean };
  readonly headNorms?: boolean;
  /** The sliding window of a layer; undefined: none. */
  readonly window?: (config: Config, layer: number) => number | undefined;
}

function build(given: Config, p: Parameters, traits: Traits): DecoderModel {
  const config = complete(given, { ...DEFAULTS, ...traits.defaults });
  const d = integer(config, 'hidden_size');
  const layers = integer(config, 'num_hidden_layers');
  const inner = integer(config, 'intermediate_size');
  const vocabSize = integer(config, 'vocab_size');
  const { heads, kvHeads, size } = headCounts(config, d);
  const eps = number(config, 'rms_norm_eps');
  const activation = activationOf(config, 'hidden_act');
  const rotary = rotaryOf(config, size);
  const { qkv: qkvBias, out: outBias } = traits.bias(config);
  const mlpBias = config.mlp_bias === true;

  const { words, head } = wordTables(
    config,
    p,
    { words: 'embed_tokens', head: 'lm_head' },
    vocabSize,
    d,
    paddingOf(config),
  );
  const blocks = Array.from({ length: layers }, (_, i): Block => {
    const at = `layers.${i}`;
    const attention = `${at}.self_attn`;
    return {
      attentionNorm: p.rmsNorm(`${at}.input_layernorm`, d, eps),
      attention: {
        qkv: p.linear(
          [`${attention}.q_proj`, `${attention}.k_proj`, `${attention}.v_proj`],
          [heads * size, kvHeads * size, kvHeads * size],
          d,
          { bias: qkvBias },
        ),
        out: p.linear(`${attention}.o_proj`, d, heads * size, { bias: outBias }),
        queryNorm: traits.headNorms ? p.rmsNorm(`${attention}.q_norm`, size, eps) : undefined,
        keyNorm: traits.headNorms ? p.rmsNorm(`${attention}.k_norm`, size, eps) : undefined,
      },
      feedForwardNorm: p.rmsNorm(`${at}.post_attention_layernorm`, d, eps),
      feedForward: {
        inner: gatedBy(p.linear(`${at}.mlp.gate_proj`, inner, d, { bias: mlpBias })),
        up: p.linear(`${at}.mlp.up_proj`, inner, d, { bias: mlpBias }),
        down: p.linear(`${at}.mlp.down_proj`, d, inner, { bias: mlpBias }),
        activation,
      },
    };
  });
  return causalModel({
    vocabSize,
    hiddenSize: d,
    heads,
    maxPositions: rotary.maxPositions,
    positionOffset: 0,
    rotary,
    embed: ({ ids }) => gather(words, ids),
    blocks,
    arrangement: 'pre',
    shapeOf: (layer) => ({
      heads,
      kvHeads,
      size,
      causal: true,
      window: traits.window?.(config, layer),
      rotary: turnHalves(size),
    }),
    finalNorm: p.rmsNorm('norm', d, eps),
    head,
  });
}

/** Checkpoints of a bare model have no prefix. */
function aliases(name: string): string[] {
  return name.startsWith('lm_head') ? [name] : [`model.${name}`, name];
}

const architecture = (traits: Traits): Architecture<DecoderModel> => ({
  aliases,
  ignored: [...OLD_BUFFERS, /^lm_head\.weight$/],
  build: (config, parameters) => build(config, parameters, traits),
});

const attentionBias = (config: Config): { qkv: boolean; out: boolean } => {
  const has = config.attention_bias === true;
  return { qkv: has, out: has };
};

const windowOf = (config: Config): number | undefined =>
  config.sliding_window == null ? undefined : integer(config, 'sliding_window');

/** Qwen's layers below max_window_layers see everything; newer configs list a type for every layer. */
function qwenWindow(config: Config, layer: number): number | undefined {
  if (config.use_sliding_window !== true) return undefined;
  const { layer_types: types } = config;
  const slides = Array.isArray(types)
    ? types[layer] === 'sliding_attention'
    : layer >= integer(config, 'max_window_layers');
  return slides ? windowOf(config) : undefined;
}

const MISTRAL: Config = {
  intermediate_size: 14336,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
  sliding_window: 4096,
};

const QWEN2: Config = {
  vocab_size: 151936,
  intermediate_size: 22016,
  num_key_value_heads: 32,
  max_position_embeddings: 32768,
  sliding_window: 4096,
  max_window_layers: 28,
};

export const llama = architecture({ bias: attentionBias });
export const mistral = architecture({
  defaults: MISTRAL,
  bias: () => ({ qkv: false, out: false }),
  window: windowOf,
});
export const qwen2 = architecture({
  defaults: QWEN2,
  bias: () => ({ qkv: true, out: false }),
  window: qwenWindow,
});
export const qwen3 = architecture({
  defaults: { ...QWEN2, head_dim: 128 },
  bias: attentionBias,
  headNorms: true,
  window: qwenWindow,
});
