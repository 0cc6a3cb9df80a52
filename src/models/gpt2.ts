// GPT-2 (Radford et al. 2019): pre-norm blocks, learned positions, weights stored [in, out]; transformers' GPT2LMHeadModel.
// GPT (openai-gpt.ts) has the same tensors in another arrangement.
import type { HeadShape } from '../nn/attention';
import type { Block } from '../nn/blocks';
import { normal, type Init } from '../nn/init';
import type { Parameters } from '../nn/parameters';
import { gather } from '../ops/gather';
import type { Activation } from '../ops/activation';
import { WasmformerError } from '../errors';
import { causalModel, OLD_BUFFERS, wordTables } from './causal';
import {
  activationOf,
  complete,
  deviation,
  headSize,
  integer,
  number,
  type Architecture,
  type Config,
  type DecoderModel,
} from './model';

const DEFAULTS: Config = {
  vocab_size: 50257,
  n_positions: 1024,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  activation_function: 'gelu_new',
  layer_norm_epsilon: 1e-5,
  tie_word_embeddings: true,
};

/** Other names of GPT's and GPT-2's config keys. */
export const SYNONYMS = {
  hidden_size: 'n_embd',
  max_position_embeddings: 'n_positions',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
};

/** What a layer of GPT or GPT-2 is like. */
interface GptShape {
  readonly d: number;
  readonly inner: number;
  readonly eps: number;
  readonly activation: Activation;
  /** How the weights start whose products are added to the residual, if not as the others. */
  readonly residual?: Init;
}

/** GPT's and GPT-2's tensors of layer `i`. */
export function gptBlock(p: Parameters, i: number, { d, inner, eps, activation, residual }: GptShape): Block {
  const at = `h.${i}`;
  const transposed = true;
  return {
    attentionNorm: p.norm(`${at}.ln_1`, d, eps),
    attention: {
      qkv: p.linear(`${at}.attn.c_attn`, 3 * d, d, { transposed }),
      out: p.linear(`${at}.attn.c_proj`, d, d, { transposed, init: residual }),
    },
    feedForwardNorm: p.norm(`${at}.ln_2`, d, eps),
    feedForward: {
      up: p.linear(`${at}.mlp.c_fc`, inner, d, { transposed }),
      down: p.linear(`${at}.mlp.c_proj`, d, inner, { transposed, init: residual }),
      activation,
    },
  };
}

function build(given: Config, p: Parameters): DecoderModel {
  const config = complete(given, DEFAULTS, SYNONYMS);
  const d = integer(config, 'n_embd');
  const heads = integer(config, 'n_head');
  const size = headSize(d, heads);
  const vocabSize = integer(config, 'vocab_size');
  const maxPositions = integer(config, 'n_positions');
  const inner = integer(config, 'n_inner', 4 * d);
  const eps = number(config, 'layer_norm_epsilon');
  const activation = activationOf(config, 'activation_function');
  if (config.add_cross_attention === true) {
    throw new WasmformerError(
      'UNSUPPORTED_MODEL',
      'config.json: add_cross_attention is true; a GPT-2 that attends to an encoder is not supported',
    );
  }
  const scale = config.scale_attn_weights === false ? 1 : 1 / Math.sqrt(size);
  const byLayer = config.scale_attn_by_inverse_layer_idx === true;

  const { words, head } = wordTables(config, p, { words: 'wte', head: 'lm_head' }, vocabSize, d);
  const positionTable = p.embedding('wpe', maxPositions, d);
  const depth = integer(config, 'n_layer');
  // section 2.3 of the paper: each layer adds to the residual twice
  const residual = normal(deviation(config, 'initializer_range', 0.02) / Math.sqrt(2 * depth));
  const layers = Array.from({ length: depth }, (_, i) => gptBlock(p, i, { d, inner, eps, activation, residual }));
  return causalModel({
    vocabSize,
    hiddenSize: d,
    heads,
    maxPositions,
    positionOffset: 0,
    rotary: null,
    embed: ({ ids, positions }) => gather(positionTable, positions, gather(words, ids)),
    blocks: layers,
    arrangement: 'pre',
    shapeOf: (layer): HeadShape => ({
      heads,
      kvHeads: heads,
      size,
      causal: true,
      scale: byLayer ? scale / (layer + 1) : scale,
    }),
    finalNorm: p.norm('ln_f', d, eps),
    head,
  });
}

/** GPT's and GPT-2's first checkpoints have no prefix. */
export function aliases(name: string): string[] {
  return name.startsWith('lm_head') ? [name] : [`transformer.${name}`, name];
}

export const gpt2: Architecture<DecoderModel> = { aliases, ignored: [...OLD_BUFFERS, /^lm_head\.weight$/], build };
