// BLOOM (BigScience 2022): ALiBi instead of positions (Press et al. 2022), a norm behind the embeddings, queries, keys and values
// stored head by head; transformers' BloomForCausalLM.
import { WasmformerError } from '../errors';
import type { Block } from '../nn/blocks';
import { norm } from '../nn/layers';
import type { Parameters } from '../nn/parameters';
import { alibiSlopes } from '../nn/alibi';
import { gather } from '../ops/gather';
import { causalModel, OLD_BUFFERS, wordTables } from './causal';
import { complete, headSize, integer, number, type Architecture, type Config, type DecoderModel } from './model';

const DEFAULTS: Config = {
  vocab_size: 250880,
  hidden_size: 64,
  n_layer: 2,
  n_head: 8,
  layer_norm_epsilon: 1e-5,
  tie_word_embeddings: true,
};

const SYNONYMS = { num_hidden_layers: 'n_layer', num_attention_heads: 'n_head', n_embed: 'hidden_size' };

function build(given: Config, p: Parameters): DecoderModel {
  const config = complete(given, DEFAULTS, SYNONYMS);
  const d = integer(config, 'hidden_size');
  const heads = integer(config, 'n_head');
  const size = headSize(d, heads);
  const vocabSize = integer(config, 'vocab_size');
  const eps = number(config, 'layer_norm_epsilon');
  if (config.slow_but_exact === true && number(config, 'pretraining_tp', 1) > 1) {
    throw new WasmformerError(
      'UNSUPPORTED_MODEL',
      'config.json: slow_but_exact is not supported; set it to false, as published BLOOM models have it',
    );
  }

  const { words, head } = wordTables(config, p, { words: 'word_embeddings', head: 'lm_head' }, vocabSize, d);
  const embeddingNorm = p.norm('word_embeddings_layernorm', d, eps);
  const slopes = p.computed('alibi', [heads], [], () => alibiSlopes(heads));
  const blocks = Array.from({ length: integer(config, 'n_layer') }, (_, i): Block => {
    const at = `h.${i}`;
    return {
      attentionNorm: p.norm(`${at}.input_layernorm`, d, eps),
      attention: {
        qkv: p.interleavedLinear(`${at}.self_attention.query_key_value`, { heads, parts: 3, size }, d),
        out: p.linear(`${at}.self_attention.dense`, d, d),
      },
      feedForwardNorm: p.norm(`${at}.post_attention_layernorm`, d, eps),
      feedForward: {
        up: p.linear(`${at}.mlp.dense_h_to_4h`, 4 * d, d),
        down: p.linear(`${at}.mlp.dense_4h_to_h`, d, 4 * d),
        activation: 'geluTanh',
      },
    };
  });
  return causalModel({
    vocabSize,
    hiddenSize: d,
    heads,
    maxPositions: Infinity,
    positionOffset: 0,
    rotary: null,
    embed: ({ ids }) => norm(gather(words, ids), embeddingNorm),
    blocks,
    arrangement: config.apply_residual_connection_post_layernorm === true ? 'normed' : 'pre',
    shapeOf: () => ({ heads, kvHeads: heads, size, causal: true, slopes }),
    finalNorm: p.norm('ln_f', d, eps),
    head,
  });
}

/** BLOOM's published checkpoints have no prefix. */
function aliases(name: string): string[] {
  return name.startsWith('lm_head') ? [name] : [`transformer.${name}`, name];
}

export const bloom: Architecture<DecoderModel> = { aliases, ignored: [...OLD_BUFFERS, /^lm_head\.weight$/], build };
