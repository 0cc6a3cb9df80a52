// The bidirectional encoder of the BERT family: post-norm blocks of self-attention and feed-forward.
import type { Value } from '../core/graph';
import type { Activation } from '../ops/activation';
import { feedForward, norm, selfAttention, type AttentionLayer, type FeedForwardLayer } from './layers';
import type { Norm } from './parameters';

/** One block: x = norm(x + attention(x)); x = norm(x + feedForward(x)). */
export interface PostNormBlock {
  readonly attention: AttentionLayer;
  readonly attentionNorm: Norm;
  readonly feedForward: FeedForwardLayer;
  readonly feedForwardNorm: Norm;
}

export interface StackResult {
  lastHiddenState: Value;
  /** The embeddings and every block's output. */
  hiddenStates: Value[];
  /** Every block's maps, [map] elements each; empty unless asked for. */
  attentions: Value[];
}

/** Runs x [tokens, d] through the blocks; "Attention is all you need", 3.1. */
export function postNormStack(
  x: Value,
  blocks: readonly PostNormBlock[],
  segments: Value,
  options: { heads: number; activation: Activation; maps: boolean },
): StackResult {
  const hiddenStates = [x];
  const attentions: Value[] = [];
  for (const block of blocks) {
    const { out, maps } = selfAttention(x, block.attention, segments, {
      heads: options.heads,
      maps: options.maps,
      residual: x,
    });
    const attended = norm(out, block.attentionNorm);
    x = norm(feedForward(attended, block.feedForward, options.activation, attended), block.feedForwardNorm);
    hiddenStates.push(x);
    if (maps) attentions.push(maps);
  }
  return { lastHiddenState: x, hiddenStates, attentions };
}
