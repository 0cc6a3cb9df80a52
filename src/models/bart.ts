// BART (Lewis et al. 2019) and those that differ from it in a few places: mBART, Marian, M2M-100 (NLLB too) and Pegasus;
// transformers' BartForConditionalGeneration and its kin.
import type { Value } from '../core/graph';
import type { HeadShape } from '../nn/attention';
import { runBlocks } from '../nn/blocks';
import { norm, tiedLinear } from '../nn/layers';
import type { Norm, Parameters } from '../nn/parameters';
import { gather } from '../ops/gather';
import { checkHead, crossOf, storeMemory } from './encoder-decoder';
import { positionsOf, stackOf, wordsOf, type Traits } from './bart-parts';
import {
  complete,
  initsOf,
  integer,
  type Architecture,
  type CacheShape,
  type Config,
  type DecoderModel,
  type SourceEncoder,
  type TransformerModel,
} from './model';

function build(given: Config, p: Parameters, traits: Traits): TransformerModel {
  const { arrangement } = traits;
  checkHead(given);
  const config = complete(given, traits.defaults, SYNONYMS);
  const d = integer(config, 'd_model');
  const scale = config.scale_embedding === true ? Math.sqrt(d) : 1;
  const words = wordsOf(config, p, traits, d);
  const positions = positionsOf(config, p, traits, d);
  const source = stackOf(config, p, traits, 'encoder', d);
  const target = stackOf(config, p, traits, 'decoder', d);
  const headBias = p.has('final_logits_bias') ? p.row('final_logits_bias', words.vocabSize) : null;
  const crossShape: HeadShape = { ...target.shape, causal: false };
  const cacheOf = ({ kvHeads, size }: HeadShape): CacheShape => ({ kvHeads, sizeK: size, sizeV: size });

  const embed = (
    side: 'encoder' | 'decoder',
    inputs: { ids: Value; positions: Value },
    scaling: Norm | null,
  ): Value => {
    const x = gather(words[side], inputs.ids, gather(positions[side], inputs.positions), scale);
    return scaling ? norm(x, scaling) : x;
  };

  const encoder: SourceEncoder = {
    vocabSize: words.sourceVocabSize,
    layers: source.blocks.length,
    heads: source.shape.heads,
    maxPositions: positions.count,
    positionOffset: positions.offset,
    keyValue: cacheOf(source.shape),
    record(inputs, request) {
      const stack = runBlocks(
        embed('encoder', inputs, source.embeddingNorm),
        source.blocks,
        arrangement,
        () => ({ segments: inputs.segments, shape: source.shape, maps: request.attentions }),
        source.finalNorm,
      );
      const stored = storeMemory(stack.lastHiddenState, target.blocks, crossShape, inputs.cross);
      return { ...stack, stored };
    },
  };

  const decoder: DecoderModel = {
    vocabSize: words.vocabSize,
    head: true,
    hiddenSize: d,
    layers: target.blocks.length,
    heads: target.shape.heads,
    maxPositions: positions.count,
    positionOffset: positions.offset,
    cache: target.blocks.map(() => cacheOf(target.shape)),
    rotary: null,
    record(inputs, request) {
      const stack = runBlocks(
        embed('decoder', inputs, target.embeddingNorm),
        target.blocks,
        arrangement,
        (layer) => ({
          segments: inputs.segments,
          cacheOffset: inputs.cacheOffsets[layer],
          shape: target.shape,
          maps: request.attentions,
          cross: crossOf(inputs.cross!, crossShape, layer, request.attentions),
        }),
        target.finalNorm,
      );
      const rows = request.selected ? gather(stack.lastHiddenState, inputs.selected()) : stack.lastHiddenState;
      return { ...stack, logits: request.head ? tiedLinear(rows, words.head, headBias) : null };
    },
  };

  return { hiddenSize: d, encoder, decoder, cross: target.blocks.map(() => cacheOf(crossShape)) };
}

/** Checkpoints of a bare model have no prefix, and the shared table may stand under any of its names. */
function aliases(name: string): string[] {
  if (name === 'lm_head.weight' || name === 'final_logits_bias') return [name];
  const names = [`model.${name}`, name];
  if (name !== 'shared.weight') return names;
  return [
    ...names,
    ...aliases('decoder.embed_tokens.weight'),
    ...aliases('encoder.embed_tokens.weight'),
    'lm_head.weight',
  ];
}

/** transformers' BartConfig; the others' differ in what they state below. */
const DEFAULTS: Config = {
  vocab_size: 50265,
  max_position_embeddings: 1024,
  d_model: 1024,
  encoder_layers: 12,
  encoder_attention_heads: 16,
  encoder_ffn_dim: 4096,
  decoder_layers: 12,
  decoder_attention_heads: 16,
  decoder_ffn_dim: 4096,
  activation_function: 'gelu',
  scale_embedding: false,
  pad_token_id: 1,
};

const SYNONYMS = { hidden_size: 'd_model', num_attention_heads: 'encoder_attention_heads' };

/** Old checkpoints store a version, copies of the tied tables, and fairseq's sinusoids; those of transformers 5 a shared table beside
 *  those of the stacks, where none is tied. */
const IGNORED: readonly RegExp[] = [
  /(^|\.)(en|de)coder\.(version|embed_tokens\.weight|embed_positions\.(weights?|_float_tensor))$/,
  /^(model\.)?shared\.weight$/,
  /^lm_head\.weight$/,
];

const architecture = (traits: Traits): Architecture<TransformerModel> => ({
  aliases,
  ignored: IGNORED,
  inits: (config) => initsOf(config, 'init_std'),
  build: (config, parameters) => build(config, parameters, traits),
});

export const bart = architecture({
  arrangement: 'post',
  positions: 'learned',
  embeddingNorm: true,
  defaults: DEFAULTS,
});
export const mbart = architecture({
  arrangement: 'pre',
  positions: 'learned',
  embeddingNorm: true,
  defaults: DEFAULTS,
});
export const marian = architecture({
  arrangement: 'post',
  positions: 'sinusoidal',
  embeddingNorm: false,
  ownVocabulary: true,
  defaults: { ...DEFAULTS, vocab_size: 58101 },
});
export const m2m100 = architecture({
  arrangement: 'pre',
  positions: 'fairseq',
  embeddingNorm: false,
  defaults: { ...DEFAULTS, vocab_size: 128112, activation_function: 'relu', scale_embedding: true },
});
export const pegasus = architecture({
  arrangement: 'pre',
  positions: 'sinusoidal',
  embeddingNorm: false,
  defaults: DEFAULTS,
});
