// The layers of the original Transformer (Vaswani et al. 2017) as PyTorch has them, and nn.TransformerEncoder alone.
import type { HeadShape } from '../nn/attention';
import { runBlocks, type Arrangement, type Block } from '../nn/blocks';
import { TORCH_INITS, xavier, ZEROS, type Init } from '../nn/init';
import type { Linear, Norm, Parameters } from '../nn/parameters';
import { activationOf, headSize, integer, number, type Architecture, type Config, type EncoderModel } from './model';

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

export function shapeOf(config: Config): Shape {
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
export function stackOf(
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

/** What the two stacks alone have in common. */
export function buildStack(
  config: Config,
  p: Parameters,
  cross: boolean,
): { shape: Shape; stack: Stack; layers: number } {
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

export const aliases = (name: string): string[] => [name];
export const inits = () => TORCH_INITS;

export const transformerEncoder: Architecture<EncoderModel> = { aliases, inits, build: buildEncoder };
