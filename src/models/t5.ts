// T5 (Raffel et al. 2019), T5 v1.1 and Flan, mT5 and UMT5: relative position biases instead of positions, RMS norms in front,
// scores that are not scaled, no biases in linear layers; transformers' T5ForConditionalGeneration and its kin.
import type { HeadShape } from '../nn/attention';
import { runBlocks, type Block } from '../nn/blocks';
import { gatedBy } from '../nn/gated';
import { tiedLinear } from '../nn/layers';
import { constant, normal, normalInits, type Init } from '../nn/init';
import type { Linear, Parameters } from '../nn/parameters';
import { relativeBias } from '../nn/relative';
import { binary } from '../ops/binary';
import { gather } from '../ops/gather';
import { WasmformerError } from '../errors';
import { checkHead, crossOf, storeMemory } from './encoder-decoder';
import {
  activationOf,
  complete,
  deviation,
  integer,
  number,
  type Architecture,
  type Config,
  type TransformerModel,
} from './model';

/** Where the relatives differ. */
interface Traits {
  /** What a config means that leaves keys out. */
  readonly defaults: Config;
  /** Every layer has biases of its own; else all share the first one's. */
  readonly biasPerLayer: boolean;
  /** transformers 5 never scales what goes into the head. */
  readonly unscaled?: boolean;
}

/** One of the two stacks. */
interface Stack {
  readonly blocks: readonly Block[];
  /** How the tokens of a layer see each other. */
  readonly shape: (layer: number) => HeadShape;
  readonly finalNorm: Block['attentionNorm'];
}

const DEFAULTS: Config = {
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 2048,
  num_layers: 6,
  num_heads: 8,
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  layer_norm_epsilon: 1e-6,
  feed_forward_proj: 'relu',
  tie_word_embeddings: true,
};

const MT5_DEFAULTS: Config = {
  ...DEFAULTS,
  vocab_size: 250112,
  d_ff: 1024,
  num_layers: 8,
  num_heads: 6,
  feed_forward_proj: 'gated-gelu',
  tie_word_embeddings: false,
};

const SYNONYMS: Readonly<Record<string, string>> = {
  hidden_size: 'd_model',
  num_attention_heads: 'num_heads',
  num_hidden_layers: 'num_layers',
  head_dim: 'd_kv',
};

/** Copies of the word table, biases by distance that cross-attention had in the first checkpoints and never used. */
const IGNORED: readonly RegExp[] = [
  /^((en|de)coder\.embed_tokens|lm_head)\.weight$/,
  /\.EncDecAttention\.relative_attention_bias\.weight$/,
];

/** Whether the feed-forward is gated, and its activation's name. What a config says of dense_act_fn and is_gated_act counts more
 *  than what its feed_forward_proj ("relu", "gated-gelu") means. */
function feedForwardOf(config: Config): { gated: boolean; name: unknown } {
  const kind = config.feed_forward_proj;
  const [first, second, ...more] = typeof kind === 'string' ? kind.split('-') : [];
  if (!first || more.length > 0 || (second !== undefined && first !== 'gated')) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: feed_forward_proj must be an activation such as "relu", or "gated-" and one, but is ${JSON.stringify(kind)}`,
    );
  }
  // the "gelu" of T5 v1.1 is the tanh form
  const name = kind === 'gated-gelu' ? 'gelu_new' : (second ?? first);
  return {
    gated: typeof config.is_gated_act === 'boolean' ? config.is_gated_act : first === 'gated',
    name: config.dense_act_fn ?? name,
  };
}

/** Buckets of distances; T5 counts them in halves and quarters. */
function bucketsOf(config: Config): { count: number; maxDistance: number } {
  const count = integer(config, 'relative_attention_num_buckets');
  const maxDistance = integer(config, 'relative_attention_max_distance');
  if (count < 4 || maxDistance <= Math.floor(count / 2)) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: relative_attention_num_buckets must be 4 or more and relative_attention_max_distance more than half of it, but they are ${count} and ${maxDistance}`,
    );
  }
  return { count, maxDistance };
}

/** Whether the head has a weight of its own, and whether its input is scaled: a tied table is as large as embeddings need it, logits
 *  take it smaller. Version 4 of transformers goes by tie_word_embeddings. Version 5 writes true there whatever the model has, uses a
 *  head of its own where the file has one, and says of the scale in scale_decoder_outputs. */
function languageHeadOf(config: Config, p: Parameters, unscaled: boolean): { own: boolean; scaled: boolean } {
  const tied = config.tie_word_embeddings === true;
  const isNew = /^([5-9]|\d\d)\./.test(String(config.transformers_version));
  return {
    own: !tied || (isNew && p.has('lm_head.weight')),
    scaled: (config.scale_decoder_outputs ?? (tied && !(isNew && unscaled))) === true,
  };
}

const factorOf = (config: Config): number => deviation(config, 'initializer_factor', 1);

function build(given: Config, p: Parameters, traits: Traits): TransformerModel {
  const config = complete(given, traits.defaults, SYNONYMS);
  checkHead(config);
  const d = integer(config, 'd_model');
  const heads = integer(config, 'num_heads');
  const size = integer(config, 'd_kv');
  const inner = integer(config, 'd_ff');
  const vocabSize = integer(config, 'vocab_size');
  const layers = integer(config, 'num_layers');
  const decoderLayers = integer(config, 'num_decoder_layers', layers);
  const eps = number(config, 'layer_norm_epsilon');
  const { own, scaled } = languageHeadOf(config, p, traits.unscaled === true);
  const { gated, name } = feedForwardOf(config);
  const activation = activationOf({ dense_act_fn: name }, 'dense_act_fn');
  const buckets = bucketsOf(config);
  const width = heads * size;

  const factor = factorOf(config);
  const scale = constant(factor);
  /** Products of so many elements have the deviation of their inputs; that is why scores need no scaling. */
  const start = (elements: number): Init => normal(factor * elements ** -0.5);
  const queryStart = start(d * size);
  const linear = (
    names: string | readonly string[],
    out: number,
    depth: number,
    init: Init | readonly Init[] = start(depth),
  ): Linear => p.linear(names, out, depth, { bias: false, init });

  function stack(side: 'encoder' | 'decoder', n: number): Stack {
    const isDecoder = side === 'decoder';
    const part = (layer: number, i: number): string => `${side}.block.${layer}.layer.${i}`;
    const blocks = Array.from({ length: n }, (_, i): Block => {
      const own = `${part(i, 0)}.SelfAttention`;
      const cross = `${part(i, 1)}.EncDecAttention`;
      const last = part(i, isDecoder ? 2 : 1);
      const dense = `${last}.DenseReluDense`;
      return {
        attentionNorm: p.rmsNorm(`${part(i, 0)}.layer_norm`, d, eps, scale),
        attention: {
          qkv: linear([`${own}.q`, `${own}.k`, `${own}.v`], width, d, [queryStart, start(d), start(d)]),
          out: linear(`${own}.o`, d, width),
        },
        cross: isDecoder
          ? {
              norm: p.rmsNorm(`${part(i, 1)}.layer_norm`, d, eps, scale),
              attention: {
                query: linear(`${cross}.q`, width, d, queryStart),
                keyValue: linear([`${cross}.k`, `${cross}.v`], width, d),
                out: linear(`${cross}.o`, d, width),
              },
            }
          : undefined,
        feedForwardNorm: p.rmsNorm(`${last}.layer_norm`, d, eps, scale),
        feedForward: {
          inner: gated ? gatedBy(linear(`${dense}.wi_0`, inner, d)) : undefined,
          up: linear(gated ? `${dense}.wi_1` : `${dense}.wi`, inner, d),
          down: linear(`${dense}.wo`, d, inner),
          activation,
        },
      };
    });
    const tables = Array.from({ length: traits.biasPerLayer ? n : Math.min(1, n) }, (_, i) =>
      relativeBias(
        p,
        `${part(i, 0)}.SelfAttention.relative_attention_bias`,
        heads,
        { ...buckets, bidirectional: !isDecoder },
        start(d),
      ),
    );
    return {
      blocks,
      finalNorm: p.rmsNorm(`${side}.final_layer_norm`, d, eps, scale),
      shape: (layer) => ({
        heads,
        kvHeads: heads,
        size,
        scale: 1,
        causal: isDecoder,
        relative: tables[traits.biasPerLayer ? layer : 0],
      }),
    };
  }

  const words = p.embedding('shared', vocabSize, d, !own);
  const encoder = stack('encoder', layers);
  const decoder = stack('decoder', decoderLayers);
  const head = own ? linear('lm_head', vocabSize, d, normal(factor)).weight : words;
  const headScale = scaled ? p.computed('lm_head.scale', [1], [], () => Float32Array.of(d ** -0.5)) : null;
  const crossShape: HeadShape = { heads, kvHeads: heads, size, scale: 1 };
  const keyValue = { kvHeads: heads, sizeK: size, sizeV: size };
  const common = { vocabSize, heads, maxPositions: Infinity, positionOffset: 0 };

  return {
    hiddenSize: d,
    cross: decoder.blocks.map(() => keyValue),
    encoder: {
      ...common,
      layers,
      keyValue,
      record({ ids, segments, cross }, { attentions: maps }) {
        const result = runBlocks(
          gather(words, ids),
          encoder.blocks,
          'pre',
          (layer) => ({ segments, maps, shape: encoder.shape(layer) }),
          encoder.finalNorm,
        );
        return { ...result, stored: storeMemory(result.lastHiddenState, decoder.blocks, crossShape, cross) };
      },
    },
    decoder: {
      ...common,
      head: true,
      hiddenSize: d,
      layers: decoderLayers,
      cache: decoder.blocks.map(() => keyValue),
      rotary: null,
      record(inputs, request) {
        const { ids, segments, cacheOffsets, cross } = inputs;
        const maps = request.attentions;
        const result = runBlocks(
          gather(words, ids),
          decoder.blocks,
          'pre',
          (layer) => ({
            segments,
            maps,
            cacheOffset: cacheOffsets[layer],
            shape: decoder.shape(layer),
            cross: crossOf(cross!, crossShape, layer, maps),
          }),
          decoder.finalNorm,
        );
        const { lastHiddenState } = result;
        const rows = request.selected ? gather(lastHiddenState, inputs.selected()) : lastHiddenState;
        const small = headScale ? binary(rows, headScale, 'mul') : rows;
        return { ...result, logits: request.head ? tiedLinear(small, head, null) : null };
      },
    },
  };
}

/** Both stacks look words up in one table, which checkpoints have once, twice or three times. */
function aliases(name: string): string[] {
  return name === 'shared.weight' ? [name, 'encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'] : [name];
}

const architecture = (traits: Traits): Architecture<TransformerModel> => ({
  aliases,
  ignored: IGNORED,
  inits: (config) => normalInits(factorOf(config)),
  build: (config, parameters) => build(config, parameters, traits),
});

export const t5 = architecture({ defaults: DEFAULTS, biasPerLayer: false });
export const mt5 = architecture({ defaults: MT5_DEFAULTS, biasPerLayer: false, unscaled: true });
export const umt5 = architecture({
  defaults: { ...MT5_DEFAULTS, tie_word_embeddings: true },
  biasPerLayer: true,
});
