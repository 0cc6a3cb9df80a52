// GPT-NeoX (Black et al. 2022; Pythia): attention and feed-forward side by side, rotary positions on part of every head, queries,
// keys and values stored head by head; transformers' GPTNeoXForCausalLM.
import { WasmformerError } from '../errors';
import type { Block } from '../nn/blocks';
import type { Parameters } from '../nn/parameters';
import { rotaryOf, ropeSettings, turnHalves, type Rotary } from '../nn/rotary';
import { gather } from '../ops/gather';
import { causalModel, OLD_BUFFERS, wordTables } from './causal';
import {
  activationOf,
  complete,
  headSize,
  integer,
  number,
  type Architecture,
  type Config,
  type DecoderModel,
} from './model';

const DEFAULTS: Config = {
  vocab_size: 50432,
  hidden_size: 6144,
  num_hidden_layers: 44,
  num_attention_heads: 64,
  intermediate_size: 24576,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-5,
  max_position_embeddings: 2048,
  rotary_emb_base: 10000,
  use_parallel_residual: true,
  attention_bias: true,
  tie_word_embeddings: false,
};

/** The rotation of the first columns of every head: the share is called rotary_pct, and newer configs have it among the rotary
 *  parameters. */
function partialRotary(config: Config, size: number): Rotary | null {
  const share = ropeSettings(config).partial_rotary_factor ?? config.rotary_pct ?? config.partial_rotary_factor ?? 0.25;
  const dim = Math.floor(size * number({ rotary_pct: share }, 'rotary_pct'));
  if (dim + (dim % 2) > size) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: rotary_pct ${String(share)} of a head's ${size} columns is ${dim}, which are rotated in pairs: there are not as many`,
    );
  }
  return dim === 0 ? null : rotaryOf({ ...config, rope_theta: config.rotary_emb_base }, dim);
}

function build(given: Config, p: Parameters): DecoderModel {
  const config = complete(given, DEFAULTS);
  const d = integer(config, 'hidden_size');
  const heads = integer(config, 'num_attention_heads');
  const size = headSize(d, heads);
  const inner = integer(config, 'intermediate_size');
  const vocabSize = integer(config, 'vocab_size');
  const eps = number(config, 'layer_norm_eps');
  const activation = activationOf(config, 'hidden_act');
  const bias = config.attention_bias !== false;
  const rotary = partialRotary(config, size);

  const { words, head } = wordTables(config, p, { words: 'embed_in', head: 'embed_out' }, vocabSize, d);
  const blocks = Array.from({ length: integer(config, 'num_hidden_layers') }, (_, i): Block => {
    const at = `layers.${i}`;
    return {
      attentionNorm: p.norm(`${at}.input_layernorm`, d, eps),
      attention: {
        qkv: p.interleavedLinear(`${at}.attention.query_key_value`, { heads, parts: 3, size }, d, { bias }),
        out: p.linear(`${at}.attention.dense`, d, d, { bias }),
      },
      feedForwardNorm: p.norm(`${at}.post_attention_layernorm`, d, eps),
      feedForward: {
        up: p.linear(`${at}.mlp.dense_h_to_4h`, inner, d),
        down: p.linear(`${at}.mlp.dense_4h_to_h`, d, inner),
        activation,
      },
    };
  });
  return causalModel({
    vocabSize,
    hiddenSize: d,
    heads,
    maxPositions: rotary?.maxPositions ?? integer(config, 'max_position_embeddings'),
    positionOffset: 0,
    rotary,
    embed: ({ ids }) => gather(words, ids),
    blocks,
    arrangement: config.use_parallel_residual === false ? 'pre' : 'parallel',
    shapeOf: () => ({
      heads,
      kvHeads: heads,
      size,
      causal: true,
      rotary: rotary ? turnHalves(rotary.dim) : undefined,
    }),
    finalNorm: p.norm('final_layer_norm', d, eps),
    head,
  });
}

/** Checkpoints of a bare model have no prefix. */
function aliases(name: string): string[] {
  return name.startsWith('embed_out') ? [name] : [`gpt_neox.${name}`, name];
}

export const gptNeox: Architecture<DecoderModel> = {
  aliases,
  ignored: [...OLD_BUFFERS, /^embed_out\.weight$/],
  build,
};
