// BART (Lewis et al. 2019) and those that differ from it in a few places: mBART, Marian, M2M-100 (NLLB too) and Pegasus;
// transformers' BartForConditionalGeneration and its kin.
import type { Value, Weight } from '../core/graph';
import { WasmformerError } from '../errors';
import { storeCross, type HeadShape } from '../nn/attention';
import { runBlocks, type Block } from '../nn/blocks';
import { norm, tiedLinear } from '../nn/layers';
import type { Norm, Parameters } from '../nn/parameters';
import { sinusoidalFairseq, sinusoidalHalves } from '../nn/sinusoidal';
import { gather } from '../ops/gather';
import { cachedKv } from '../ops/store-kv';
import {
  activationOf,
  integer,
  type Architecture,
  type Config,
  type DecoderModel,
  type SourceEncoder,
  type TransformerModel,
} from './model';

/** Where the relatives differ. */
interface Traits {
  /** With 'pre', a last norm follows each stack. */
  readonly arrangement: 'pre' | 'post';
  /** A table of each stack's own, counted from 2; sinusoids from 0; or fairseq's, counted from behind the padding id. */
  readonly positions: 'learned' | 'sinusoidal' | 'fairseq';
  /** A norm follows the embeddings. */
  readonly embeddingNorm: boolean;
  /** The encoder may have a vocabulary of its own. */
  readonly ownVocabulary?: boolean;
  /** activation_function and scale_embedding of a config without them. */
  readonly activation: string;
  readonly scaled: boolean;
}

const EPS = 1e-5;

/** The word tables of both stacks and of the head. */
interface Words {
  readonly encoder: Weight;
  readonly decoder: Weight;
  readonly head: Weight;
  readonly sourceVocabSize: number;
  readonly vocabSize: number;
}

function wordsOf(config: Config, p: Parameters, { ownVocabulary = false }: Traits, d: number): Words {
  const sourceVocabSize = integer(config, 'vocab_size');
  const tied = config.tie_word_embeddings !== false;
  const shared = !ownVocabulary || config.share_encoder_decoder_embeddings !== false;
  const vocabSize = shared ? sourceVocabSize : integer(config, 'decoder_vocab_size', sourceVocabSize);
  const sizes = { sourceVocabSize, vocabSize };
  if (shared && tied) {
    const table = p.embedding('shared', vocabSize, d, true);
    return { encoder: table, decoder: table, head: table, ...sizes };
  }
  let common: Weight | undefined;
  const table = (side: string, rows: number, isHead = false): Weight =>
    !shared || p.has(`${side}.embed_tokens.weight`)
      ? p.embedding(`${side}.embed_tokens`, rows, d, isHead)
      : (common ??= p.embedding('shared', rows, d));
  const encoder = table('encoder', sourceVocabSize);
  if (tied) {
    const decoder = table('decoder', vocabSize, true);
    return { encoder, decoder, head: decoder, ...sizes };
  }
  // transformers gives an untied decoder as many rows as the encoder, though its vocabulary may be smaller
  const decoder = table('decoder', sourceVocabSize);
  return { encoder, decoder, head: p.linear('lm_head', vocabSize, d, { bias: false }).weight, ...sizes };
}

/** Tables of positions, how far they reach and where they are counted from. */
interface Positions {
  readonly encoder: Weight;
  readonly decoder: Weight;
  readonly offset: number;
  readonly count: number;
}

function positionsOf(config: Config, p: Parameters, { positions }: Traits, d: number): Positions {
  const count = integer(config, 'max_position_embeddings', 1024);
  if (positions === 'learned') {
    const [encoder, decoder] = ['encoder', 'decoder'].map((side) =>
      p.embedding(`${side}.embed_positions`, count + 2, d),
    );
    return { encoder, decoder, offset: 2, count };
  }
  const fairseq = positions === 'fairseq';
  const offset = fairseq ? integer(config, 'pad_token_id', 1) + 1 : 0;
  const make = fairseq ? sinusoidalFairseq : sinusoidalHalves;
  const rows = count + offset;
  const table = p.computed('embed_positions', [rows, d], [], () => make(rows, d));
  return { encoder: table, decoder: table, offset, count };
}

/** One of the two stacks: its blocks, and the norms before and behind them. */
interface Stack {
  readonly shape: HeadShape;
  readonly blocks: readonly Block[];
  readonly embeddingNorm: Norm | null;
  readonly finalNorm: Norm | null;
}

function stackOf(config: Config, p: Parameters, traits: Traits, side: 'encoder' | 'decoder', d: number): Stack {
  const layers = integer(config, `${side}_layers`);
  const heads = integer(config, `${side}_attention_heads`);
  const inner = integer(config, `${side}_ffn_dim`);
  const activation = activationOf(config, 'activation_function', traits.activation);
  if (heads === 0 || d % heads !== 0) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: d_model ${d} is not a multiple of ${side}_attention_heads ${heads}`,
    );
  }
  const named = (names: readonly string[], at: string): string[] => names.map((name) => `${at}.${name}_proj`);
  const blocks = Array.from({ length: layers }, (_, i): Block => {
    const at = `${side}.layers.${i}`;
    return {
      attention: {
        qkv: p.linear(named(['q', 'k', 'v'], `${at}.self_attn`), d, d),
        out: p.linear(`${at}.self_attn.out_proj`, d, d),
      },
      attentionNorm: p.norm(`${at}.self_attn_layer_norm`, d, EPS),
      cross:
        side === 'encoder'
          ? undefined
          : {
              attention: {
                query: p.linear(`${at}.encoder_attn.q_proj`, d, d),
                keyValue: p.linear(named(['k', 'v'], `${at}.encoder_attn`), d, d),
                out: p.linear(`${at}.encoder_attn.out_proj`, d, d),
              },
              norm: p.norm(`${at}.encoder_attn_layer_norm`, d, EPS),
            },
      feedForward: { up: p.linear(`${at}.fc1`, inner, d), down: p.linear(`${at}.fc2`, d, inner), activation },
      feedForwardNorm: p.norm(`${at}.final_layer_norm`, d, EPS),
    };
  });
  return {
    shape: { heads, kvHeads: heads, size: d / heads, causal: side === 'decoder' },
    blocks,
    embeddingNorm: traits.embeddingNorm ? p.norm(`${side}.layernorm_embedding`, d, EPS) : null,
    finalNorm: traits.arrangement === 'pre' ? p.norm(`${side}.layer_norm`, d, EPS) : null,
  };
}

function build(config: Config, p: Parameters, traits: Traits): TransformerModel {
  const { arrangement } = traits;
  checkHead(config);
  const d = integer(config, 'd_model');
  const scale = (config.scale_embedding ?? traits.scaled) === true ? Math.sqrt(d) : 1;
  const words = wordsOf(config, p, traits, d);
  const positions = positionsOf(config, p, traits, d);
  const source = stackOf(config, p, traits, 'encoder', d);
  const target = stackOf(config, p, traits, 'decoder', d);
  const headBias = p.has('final_logits_bias')
    ? p.computed('final_logits_bias', [words.vocabSize], [['final_logits_bias', [1, words.vocabSize]]], (row) => row)
    : null;
  const crossShape: HeadShape = { ...target.shape, causal: false };
  const cacheOf = ({ kvHeads, size }: HeadShape) => ({ kvHeads, sizeK: size, sizeV: size });

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
      const { segments, cacheOffsets } = inputs.cross;
      const stored = target.blocks.map(({ cross }, layer) =>
        storeCross(stack.lastHiddenState, cross!.attention, crossShape, {
          segments,
          cacheOffset: cacheOffsets[layer],
        }),
      );
      return { ...stack, stored };
    },
  };

  const decoder: DecoderModel = {
    vocabSize: words.vocabSize,
    hiddenSize: d,
    layers: target.blocks.length,
    heads: target.shape.heads,
    maxPositions: positions.count,
    positionOffset: positions.offset,
    cache: target.blocks.map(() => cacheOf(target.shape)),
    rotary: null,
    record(inputs, request) {
      const { segments, cacheOffsets, mapSize } = inputs.cross!;
      const stack = runBlocks(
        embed('decoder', inputs, target.embeddingNorm),
        target.blocks,
        arrangement,
        (layer) => ({
          segments: inputs.segments,
          cacheOffset: inputs.cacheOffsets[layer],
          shape: target.shape,
          maps: request.attentions,
          cross: {
            shape: crossShape,
            keyValues: cachedKv({ ...cacheOf(crossShape), cacheOffset: cacheOffsets[layer] }),
            inputs: { segments, maps: request.attentions, mapSize },
          },
        }),
        target.finalNorm,
      );
      const rows = request.selected ? gather(stack.lastHiddenState, inputs.selected()) : stack.lastHiddenState;
      return { ...stack, logits: request.head ? tiedLinear(rows, words.head, headBias) : null };
    },
  };

  return { hiddenSize: d, encoder, decoder, cross: target.blocks.map(() => cacheOf(crossShape)) };
}

/** A checkpoint with another head than the language model's is none of these. */
function checkHead(config: Config): void {
  const [name] = Array.isArray(config.architectures) ? config.architectures : [];
  if (name === undefined || /(ForConditionalGeneration|MTModel|[a-z0-9]Model)$/.test(String(name))) return;
  throw new WasmformerError(
    'UNSUPPORTED_MODEL',
    `config.json: the architecture ${JSON.stringify(name)} is not supported; a Transformer may be ...ForConditionalGeneration, ...MTModel, ...Model`,
  );
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

const architecture = (traits: Traits): Architecture<TransformerModel> => ({
  aliases,
  build: (config, parameters) => build(config, parameters, traits),
});

export const bart = architecture({
  arrangement: 'post',
  positions: 'learned',
  embeddingNorm: true,
  activation: 'gelu',
  scaled: false,
});
export const mbart = architecture({
  arrangement: 'pre',
  positions: 'learned',
  embeddingNorm: true,
  activation: 'gelu',
  scaled: false,
});
export const marian = architecture({
  arrangement: 'post',
  positions: 'sinusoidal',
  embeddingNorm: false,
  ownVocabulary: true,
  activation: 'gelu',
  scaled: false,
});
export const m2m100 = architecture({
  arrangement: 'pre',
  positions: 'fairseq',
  embeddingNorm: false,
  activation: 'relu',
  scaled: true,
});
export const pegasus = architecture({
  arrangement: 'pre',
  positions: 'sinusoidal',
  embeddingNorm: false,
  activation: 'gelu',
  scaled: false,
});
