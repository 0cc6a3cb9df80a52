// The original Transformer (Vaswani et al. 2017) as PyTorch has it: nn.Transformer between the embeddings and the generator of
// its translation tutorial, and nn.TransformerEncoder and nn.TransformerDecoder alone.
import type { Value, Weight } from '../core/graph';
import { storeCross, type HeadShape } from '../nn/attention';
import { runBlocks, type Arrangement, type Block } from '../nn/blocks';
import { linear } from '../nn/layers';
import { TORCH_INITS, xavier, ZEROS, type Init } from '../nn/init';
import type { Linear, Norm, Parameters } from '../nn/parameters';
import { sinusoidalInterleaved } from '../nn/sinusoidal';
import { gather } from '../ops/gather';
import { crossOf, storeMemory } from './encoder-decoder';
import {
  activationOf,
  headSize,
  integer,
  number,
  type Architecture,
  type Config,
  type DecoderStack,
  type EncoderModel,
  type TransformerModel,
} from './model';

/** nn.Transformer's arguments, with its defaults. */
interface Shape {
  readonly d: number;
  readonly heads: number;
  readonly arrangement: Arrangement;
  readonly eps: number;
  readonly bias: boolean;
  /** How heads see each other; a decoder's own tokens causally. */
  readonly plain: HeadShape;
  readonly causal: HeadShape;
}

interface Stack {
  readonly blocks: readonly Block[];
  readonly finalNorm: Norm | null;
}

function shapeOf(config: Config): Shape {
  const d = integer(config, 'd_model', 512);
  const heads = integer(config, 'nhead', 8);
  const plain: HeadShape = { heads, kvHeads: heads, size: headSize(d, heads) };
  return {
    d,
    heads,
    arrangement: config.norm_first === true ? 'pre' : 'post',
    eps: number(config, 'layer_norm_eps', 1e-5),
    bias: config.bias !== false,
    plain,
    causal: { ...plain, causal: true },
  };
}

interface StackOptions {
  readonly at: string;
  readonly layers: number;
  readonly cross: boolean;
  readonly norm: boolean;
  readonly matrix?: (out: number, depth: number) => Init;
}

/** The layers of nn.TransformerEncoder or nn.TransformerDecoder.
 *  @param at what stands before the names of its state_dict, '' or ending in a dot
 *  @param matrix how the matrices start that nn.MultiheadAttention does not draw itself: nn.Transformer draws them all again */
function stackOf(
  config: Config,
  p: Parameters,
  { d, eps, bias }: Shape,
  { at, layers, cross, norm, matrix }: StackOptions,
): Stack {
  const inner = integer(config, 'dim_feedforward', 2048);
  const activation = activationOf(config, 'activation', 'relu');
  /** nn.MultiheadAttention holds queries, keys and values as one. */
  const projection = (name: string, from: number, count: number): Linear =>
    p.linearPart(
      { weight: `${name}.in_proj_weight`, bias: bias ? `${name}.in_proj_bias` : null },
      { total: 3 * d, from, count },
      d,
      xavier(3 * d, d),
    );
  const out = (name: string): Linear => p.linear(name, d, d, { bias, init: matrix?.(d, d), biasInit: ZEROS });
  const layerNorm = (name: string): Norm => p.norm(name, d, eps, { bias });
  const blocks = Array.from({ length: layers }, (_, i): Block => {
    const layer = `${at}layers.${i}`;
    return {
      attention: {
        qkv: projection(`${layer}.self_attn`, 0, 3 * d),
        out: out(`${layer}.self_attn.out_proj`),
      },
      attentionNorm: layerNorm(`${layer}.norm1`),
      cross: cross
        ? {
            attention: {
              query: projection(`${layer}.multihead_attn`, 0, d),
              keyValue: projection(`${layer}.multihead_attn`, d, 2 * d),
              out: out(`${layer}.multihead_attn.out_proj`),
            },
            norm: layerNorm(`${layer}.norm2`),
          }
        : undefined,
      feedForward: {
        up: p.linear(`${layer}.linear1`, inner, d, { bias, init: matrix?.(inner, d) }),
        down: p.linear(`${layer}.linear2`, d, inner, { bias, init: matrix?.(d, inner) }),
        activation,
      },
      feedForwardNorm: layerNorm(`${layer}.${cross ? 'norm3' : 'norm2'}`),
    };
  });
  return { blocks, finalNorm: norm ? layerNorm(`${at}norm`) : null };
}

function buildTransformer(config: Config, p: Parameters): TransformerModel {
  const shape = shapeOf(config);
  const { d, heads, arrangement, plain, causal } = shape;
  const layers = integer(config, 'num_encoder_layers', 6);
  const decoderLayers = integer(config, 'num_decoder_layers', 6);
  const sourceVocabSize = integer(config, 'src_vocab_size');
  const vocabSize = integer(config, 'tgt_vocab_size');
  const maxPositions = integer(config, 'max_len', 5000);

  const positions = p.computed('positions', [maxPositions, d], [], () => sinusoidalInterleaved(maxPositions, d));
  const sourceWords = p.embedding('src_tok_emb.embedding', sourceVocabSize, d);
  const words = p.embedding('tgt_tok_emb.embedding', vocabSize, d);
  const at = 'transformer.';
  const common = { heads, maxPositions, positionOffset: 0 };
  const options = { norm: true, matrix: xavier };
  const encoder = stackOf(config, p, shape, { ...options, at: `${at}encoder.`, layers, cross: false });
  const decoder = stackOf(config, p, shape, { ...options, at: `${at}decoder.`, layers: decoderLayers, cross: true });
  const generator = p.linear('generator', vocabSize, d);

  const embed = (table: Weight, ids: Value, places: Value): Value =>
    gather(table, ids, gather(positions, places), Math.sqrt(d));
  const keyValue = { kvHeads: heads, sizeK: plain.size, sizeV: plain.size };

  return {
    hiddenSize: d,
    cross: decoder.blocks.map(() => keyValue),
    encoder: {
      ...common,
      vocabSize: sourceVocabSize,
      layers,
      keyValue,
      record({ ids, positions: places, segments, cross }, { attentions: maps }) {
        const result = runBlocks(
          embed(sourceWords, ids, places),
          encoder.blocks,
          arrangement,
          () => ({ segments, maps, shape: plain }),
          encoder.finalNorm,
        );
        return { ...result, stored: storeMemory(result.lastHiddenState, decoder.blocks, plain, cross) };
      },
    },
    decoder: {
      ...common,
      head: true,
      vocabSize,
      hiddenSize: d,
      layers: decoderLayers,
      cache: decoder.blocks.map(() => keyValue),
      rotary: null,
      record(inputs, request) {
        const { segments, cacheOffsets, cross } = inputs;
        const maps = request.attentions;
        const result = runBlocks(
          embed(words, inputs.ids, inputs.positions),
          decoder.blocks,
          arrangement,
          (layer) => ({
            segments,
            maps,
            cacheOffset: cacheOffsets[layer],
            shape: causal,
            cross: crossOf(cross!, plain, layer, maps),
          }),
          decoder.finalNorm,
        );
        const { lastHiddenState } = result;
        const rows = request.selected ? gather(lastHiddenState, inputs.selected()) : lastHiddenState;
        return { ...result, logits: request.head ? linear(rows, generator) : null };
      },
    },
  };
}

/** What the two stacks alone have in common. */
function buildStack(config: Config, p: Parameters, cross: boolean): { shape: Shape; stack: Stack; layers: number } {
  const shape = shapeOf(config);
  const layers = integer(config, 'num_layers', 6);
  const stack = stackOf(config, p, shape, { at: '', layers, cross, norm: config.final_norm === true });
  return { shape, stack, layers };
}

function buildEncoder(config: Config, p: Parameters): EncoderModel {
  const { shape, stack, layers } = buildStack(config, p, false);
  return {
    head: null,
    stack: true,
    vocabSize: 0,
    hiddenSize: shape.d,
    layers,
    heads: shape.heads,
    maxPositions: Infinity,
    positionOffset: 0,
    typeVocabSize: 0,
    record({ embeds, segments, mask }, { attentions: maps }) {
      const inputs = { segments, mask, maps, shape: shape.plain };
      return { ...runBlocks(embeds!, stack.blocks, shape.arrangement, () => inputs, stack.finalNorm), head: {} };
    },
  };
}

function buildDecoder(config: Config, p: Parameters): DecoderStack {
  const { shape, stack, layers } = buildStack(config, p, true);
  return {
    hiddenSize: shape.d,
    layers,
    heads: shape.heads,
    record(inputs, { attentions: maps }) {
      const { embeds, memory, segments, memorySegments, crossSegments, memorySlots, crossMap, mask } = inputs;
      return runBlocks(
        embeds,
        stack.blocks,
        shape.arrangement,
        (layer) => ({
          segments,
          mask,
          maps,
          shape: shape.causal,
          cross: {
            shape: shape.plain,
            keyValues: storeCross(memory, stack.blocks[layer].cross!.attention, shape.plain, {
              segments: memorySegments,
              slots: memorySlots,
            }),
            inputs: { segments: crossSegments, maps, mapSize: crossMap },
          },
        }),
        stack.finalNorm,
      );
    },
  };
}

const aliases = (name: string): string[] => [name];
const inits = () => TORCH_INITS;

/** The tutorial's positions are a buffer; here they are computed. */
export const transformer: Architecture<TransformerModel> = {
  aliases,
  ignored: [/^positional_encoding\./],
  inits,
  build: buildTransformer,
};
export const transformerEncoder: Architecture<EncoderModel> = { aliases, inits, build: buildEncoder };
export const transformerDecoder: Architecture<DecoderStack> = { aliases, ignored: [], inits, build: buildDecoder };
