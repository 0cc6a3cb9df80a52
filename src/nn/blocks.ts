// Transformer blocks in their arrangements: where the norms stand, what runs side by side, gated or plain feed-forward.
import type { Value } from '../core/graph';
import type { Activation } from '../ops/activation';
import type { KeyValues } from '../ops/store-kv';
import {
  crossAttention,
  selfAttention,
  type AttentionInputs,
  type CrossAttentionLayer,
  type HeadShape,
  type SelfAttentionLayer,
} from './attention';
import { linear, norm } from './layers';
import type { Linear, Norm, RmsNorm } from './parameters';

type AnyNorm = Norm | RmsNorm;

/** Two linear layers with an activation in between. */
interface FeedForwardLayer {
  readonly up: Linear;
  readonly down: Linear;
  readonly activation: Activation;
  /** What stands between x and `down`, if not act(up(x)): gated.ts. */
  readonly inner?: (x: Value, layer: FeedForwardLayer) => Value;
}

/** down(act(up(x))) + residual; "Attention is all you need", 3.3. */
function feedForward(x: Value, layer: FeedForwardLayer, residual?: Value): Value {
  const { up, down, activation } = layer;
  const inner = layer.inner?.(x, layer) ?? linear(x, up, { activation });
  return linear(inner, down, { residual });
}

/** pre: x + f(norm(x)). post: norm(x + f(x)), as in the 2017 paper. normed: n + f(n) with n = norm(x). parallel: attention and
 *  feed-forward of the same x, each behind its norm, are added to it together. */
export type Arrangement = 'pre' | 'post' | 'normed' | 'parallel';

/** One layer of an encoder or decoder. */
export interface Block {
  readonly attention: SelfAttentionLayer;
  readonly attentionNorm: AnyNorm;
  /** Attention to an encoder's output, after self-attention. */
  readonly cross?: { readonly attention: CrossAttentionLayer; readonly norm: AnyNorm };
  readonly feedForward: FeedForwardLayer;
  readonly feedForwardNorm: AnyNorm;
}

/** What a stack of blocks is told about one layer. */
export interface BlockInputs extends AttentionInputs {
  readonly shape: HeadShape;
  readonly cross?: { readonly shape: HeadShape; readonly keyValues: KeyValues; readonly inputs: AttentionInputs };
}

export interface StackResult {
  lastHiddenState: Value;
  /** The embeddings and every block's output; the last one behind the final norm, if there is one. */
  hiddenStates: Value[];
  /** Every block's maps, [map] elements each; empty unless asked for. */
  attentions: Value[];
  crossAttentions: Value[];
}

/** Runs x [tokens, d] through the blocks. */
export function runBlocks(
  x: Value,
  blocks: readonly Block[],
  arrangement: Arrangement,
  inputsOf: (layer: number) => BlockInputs,
  finalNorm?: AnyNorm | null,
): StackResult {
  const hiddenStates = [x];
  const attentions: Value[] = [];
  const crossAttentions: Value[] = [];
  blocks.forEach((block, i) => {
    const inputs = inputsOf(i);
    const add = (y: Value, layer: AnyNorm, f: (input: Value, residual: Value) => Value): Value => {
      if (arrangement === 'post') return norm(f(y, y), layer);
      const normed = norm(y, layer);
      return f(normed, arrangement === 'normed' ? normed : y);
    };
    const start = x;
    x = add(x, block.attentionNorm, (input, residual) => {
      const { out, maps } = selfAttention(input, block.attention, inputs.shape, inputs, residual);
      if (maps) attentions.push(maps);
      return out;
    });
    if (block.cross && inputs.cross) {
      const { shape, keyValues, inputs: crossInputs } = inputs.cross;
      const { attention } = block.cross;
      x = add(x, block.cross.norm, (input, residual) => {
        const { out, maps } = crossAttention(input, attention, keyValues, shape, crossInputs, residual);
        if (maps) crossAttentions.push(maps);
        return out;
      });
    }
    x =
      arrangement === 'parallel'
        ? feedForward(norm(start, block.feedForwardNorm), block.feedForward, x)
        : add(x, block.feedForwardNorm, (input, residual) => feedForward(input, block.feedForward, residual));
    hiddenStates.push(x);
  });
  if (finalNorm) {
    x = norm(x, finalNorm);
    hiddenStates[hiddenStates.length - 1] = x;
  }
  return { lastHiddenState: x, hiddenStates, attentions, crossAttentions };
}
