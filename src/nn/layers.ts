// The vocabulary that model files share: linear layers, norms, attention and feed-forward blocks over rows of tokens.
import type { Value, Weight } from '../core/graph';
import type { Activation } from '../ops/activation';
import { attention, type AttentionOptions } from '../ops/attention';
import { columns } from '../ops/copy';
import { matmul } from '../ops/matmul';
import { layerNorm } from '../ops/norm';
import { storeKv } from '../ops/store-kv';
import type { Linear, Norm } from './parameters';

/** act(x W^T + b) + residual; nn.Linear with what follows it. */
export function linear(x: Value, layer: Linear, options: { activation?: Activation; residual?: Value } = {}): Value {
  return matmul(x, layer.weight, { bias: layer.bias, ...options });
}

/** nn.LayerNorm. */
export function norm(x: Value, { weight, bias, eps }: Norm): Value {
  return layerNorm(x, weight, bias, eps);
}

/** x W^T + b with a weight that is also an embedding table. */
export function tiedLinear(x: Value, table: Weight, bias: Weight | null): Value {
  return matmul(x, table, { bias });
}

/** Projections of an attention layer: queries, keys and values side by side in one product, and the output. */
export interface AttentionLayer {
  readonly qkv: Linear;
  readonly out: Linear;
}

/** Multi-head self-attention with its output projection added to a residual; nn.MultiheadAttention.
 *  @param x [tokens, d]
 *  @returns out [tokens, d]; maps if asked for */
export function selfAttention(
  x: Value,
  layer: AttentionLayer,
  segments: Value,
  options: AttentionOptions & { residual?: Value },
): { out: Value; maps: Value | null } {
  const { residual, ...rest } = options;
  const d = layer.qkv.weight.dims[0] / 3;
  const qkv = linear(x, layer.qkv);
  const kv = storeKv(columns(qkv, d, 2 * d), columns(qkv, 2 * d, 3 * d), segments, { kvHeads: options.heads });
  const { out, maps } = attention(columns(qkv, 0, d), kv, segments, rest);
  return { out: linear(out, layer.out, { residual }), maps };
}

/** Two linear layers with an activation in between. */
export interface FeedForwardLayer {
  readonly up: Linear;
  readonly down: Linear;
}

/** down(act(up(x))) + residual; "Attention is all you need", 3.3. */
export function feedForward(x: Value, layer: FeedForwardLayer, activation: Activation, residual?: Value): Value {
  return linear(linear(x, layer.up, { activation }), layer.down, { residual });
}
