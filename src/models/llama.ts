// Llama (Touvron et al. 2023) and those that differ from it in a few places: Mistral (sliding window), Qwen 2 (biases), Qwen 3
// (norms over queries and keys). Pre-norm blocks with RMS norms, rotary positions, grouped heads and a gated feed-forward;
// transformers' LlamaForCausalLM and its kin.
import { runBlocks, type Block } from '../nn/blocks';
import { tiedLinear } from '../nn/layers';
import type { Parameters } from '../nn/parameters';
import { rotaryOf } from '../nn/rotary';
import { gather } from '../ops/gather';
import { activationOf, headCounts, integer, number, type Architecture, type Config, type DecoderModel } from './model';

/** Where the relatives differ. */
interface Traits {
  /** Biases of queries, keys and values; and of the attention's output. */
  readonly bias: (config: Config) => { qkv: boolean; out: boolean };
  readonly headNorms?: boolean;
  /** The sliding window of a layer; undefined: none. */
  readonly window?: (config: Config, layer: number) => number | undefined;
}

function build(config: Config, p: Parameters, traits: Traits): DecoderModel {
  const d = integer(config, 'hidden_size');
  const layers = integer(config, 'num_hidden_layers');
  const inner = integer(config, 'intermediate_size');
  const vocabSize = integer(config, 'vocab_size');
  const { heads, kvHeads, size } = headCounts(config, d);
  const eps = number(config, 'rms_norm_eps', 1e-6);
  const activation = activationOf(config, 'hidden_act', 'silu');
  const tied = config.tie_word_embeddings === true;
  const rotary = rotaryOf(config, size);
  const { qkv: qkvBias, out: outBias } = traits.bias(config);
  const mlpBias = config.mlp_bias === true;

  const words = p.embedding('embed_tokens', vocabSize, d, tied);
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
        gate: p.linear(`${at}.mlp.gate_proj`, inner, d, { bias: mlpBias }),
        up: p.linear(`${at}.mlp.up_proj`, inner, d, { bias: mlpBias }),
        down: p.linear(`${at}.mlp.down_proj`, d, inner, { bias: mlpBias }),
        activation,
      },
    };
  });
  const finalNorm = p.rmsNorm('norm', d, eps);
  const head = tied ? words : p.linear('lm_head', vocabSize, d, { bias: false }).weight;

  return {
    vocabSize,
    hiddenSize: d,
    layers,
    heads,
    maxPositions: rotary.maxPositions,
    positionOffset: 0,
    cache: blocks.map(() => ({ kvHeads, sizeK: size, sizeV: size })),
    rotary,
    record(inputs, request) {
      const rotaryTable = inputs.rotary();
      const stack = runBlocks(
        gather(words, inputs.ids),
        blocks,
        'pre',
        (layer) => ({
          segments: inputs.segments,
          rotaryTable,
          cacheOffset: inputs.cacheOffsets[layer],
          maps: request.attentions,
          shape: {
            heads,
            kvHeads,
            size,
            causal: true,
            window: traits.window?.(config, layer),
            rotary: { dim: size, style: 'half' },
          },
        }),
        finalNorm,
      );
      const rows = request.selected ? gather(stack.lastHiddenState, inputs.selected()) : stack.lastHiddenState;
      return { ...stack, logits: request.head ? tiedLinear(rows, head, null) : null };
    },
  };
}

/** Checkpoints of a bare model have no prefix. */
function aliases(name: string): string[] {
  return name.startsWith('lm_head') ? [name] : [`model.${name}`, name];
}

const architecture = (traits: Traits): Architecture<DecoderModel> => ({
  aliases,
  build: (config, parameters) => build(config, parameters, traits),
});

const attentionBias = (config: Config): { qkv: boolean; out: boolean } => {
  const has = config.attention_bias === true;
  return { qkv: has, out: has };
};

const windowOf = (config: Config): number | undefined =>
  typeof config.sliding_window === 'number' ? config.sliding_window : undefined;

/** Qwen's layers below max_window_layers see everything; newer configs list a type for every layer. */
function qwenWindow(config: Config, layer: number): number | undefined {
  if (config.use_sliding_window !== true) return undefined;
  const { layer_types: types } = config;
  const slides = Array.isArray(types)
    ? types[layer] === 'sliding_attention'
    : layer >= integer(config, 'max_window_layers', 28);
  return slides ? windowOf(config) : undefined;
}

export const llama = architecture({ bias: attentionBias });
export const mistral = architecture({ bias: () => ({ qkv: false, out: false }), window: windowOf });
export const qwen2 = architecture({ bias: () => ({ qkv: true, out: false }), window: qwenWindow });
export const qwen3 = architecture({ bias: attentionBias, headNorms: true, window: qwenWindow });
