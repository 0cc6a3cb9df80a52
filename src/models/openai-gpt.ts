// GPT (Radford et al. 2018): the 2017 decoder's post-norm blocks without an encoder, learned positions, no norm at the end;
// transformers' OpenAIGPTLMHeadModel.
import type { Parameters } from '../nn/parameters';
import { gather } from '../ops/gather';
import { causalModel, OLD_BUFFERS, wordTables } from './causal';
import { aliases, gptBlock, SYNONYMS } from './gpt2';
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
  vocab_size: 40478,
  n_positions: 512,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  afn: 'gelu',
  layer_norm_epsilon: 1e-5,
  tie_word_embeddings: true,
};

function build(given: Config, p: Parameters): DecoderModel {
  const config = complete(given, DEFAULTS, SYNONYMS);
  const d = integer(config, 'n_embd');
  const heads = integer(config, 'n_head');
  const size = headSize(d, heads);
  const vocabSize = integer(config, 'vocab_size');
  const maxPositions = integer(config, 'n_positions');
  const eps = number(config, 'layer_norm_epsilon');
  // the model was published before its own approximation of gelu had a name
  const activation = config.afn === 'gelu' ? 'geluTanh' : activationOf(config, 'afn');

  const { words, head } = wordTables(config, p, { words: 'tokens_embed', head: 'lm_head' }, vocabSize, d);
  const positionTable = p.embedding('positions_embed', maxPositions, d);
  const layers = Array.from({ length: integer(config, 'n_layer') }, (_, i) =>
    gptBlock(p, i, { d, inner: 4 * d, eps, activation }),
  );
  return causalModel({
    vocabSize,
    hiddenSize: d,
    heads,
    maxPositions,
    positionOffset: 0,
    rotary: null,
    embed: ({ ids, positions }) => gather(positionTable, positions, gather(words, ids)),
    blocks: layers,
    arrangement: 'post',
    shapeOf: () => ({ heads, kvHeads: heads, size, causal: true }),
    finalNorm: null,
    head,
  });
}

export const openaiGpt: Architecture<DecoderModel> = {
  aliases,
  ignored: [...OLD_BUFFERS, /^lm_head\.weight$/],
  build,
};
