// Attention layers: projections, positions and the cache around the attention op. What differs between architectures is data.
import type { Operand, Sym, Value } from '../core/graph';
import { attention } from '../ops/attention';
import { columns, reshape } from '../ops/copy';
import { storeKv, type KeyValues } from '../ops/store-kv';
import { linear, norm } from './layers';
import type { Linear, Norm, RmsNorm } from './parameters';

/** How the heads of an attention layer see each other's tokens. */
export interface HeadShape {
  /** Query heads. */
  readonly heads: number;
  /** Heads of keys and values; query heads share them in groups. */
  readonly kvHeads: number;
  /** Columns of a head. */
  readonly size: number;
  /** Scores are multiplied by it. Default: 1 / sqrt(size). */
  readonly scale?: number;
  /** A token sees only itself and those before it. */
  readonly causal?: boolean;
  /** A token sees the last so many tokens, itself included. */
  readonly window?: number;
  /** ALiBi's slope of every head (Press et al. 2022). */
  readonly slopes?: Operand;
  /** T5's table of biases by distance (ops/attention.ts). */
  readonly relative?: { table: Operand; distance: number };
  /** Rotary embeddings: turns queries or keys [tokens, heads * size] by the run's table (nn/rotary.ts). */
  readonly rotary?: (x: Value, table: Value, shape: { heads: number; size: number }) => Value;
}

/** Self-attention: queries, keys and values side by side in one product, and the output. */
export interface SelfAttentionLayer {
  readonly qkv: Linear;
  readonly out: Linear;
  /** Norms over every head's queries and keys (Qwen 3). */
  readonly queryNorm?: Norm | RmsNorm;
  readonly keyNorm?: Norm | RmsNorm;
}

/** Cross-attention: keys and values come from elsewhere. */
export interface CrossAttentionLayer {
  readonly query: Linear;
  /** Keys and values side by side, of the encoder's output. */
  readonly keyValue: Linear;
  readonly out: Linear;
}

/** Scores of its own for every pair of tokens, instead of the causal rule; where a sequence's begin stands in the segment table. */
export interface AttentionMask {
  /** f32, added to the scores: -Infinity hides a key. */
  readonly value: Value;
  /** Elements from one head to the next, and from one query to the next. */
  readonly headStride: number;
  readonly queryStride: number;
}

/** What a run provides to every layer. */
export interface AttentionInputs {
  /** i32 [sequences, 8] */
  readonly segments: Value;
  /** f32 [tokens, rotary dim] */
  readonly rotaryTable?: Value;
  /** Where the layer lies in a page of the cache; undefined: keys and values live for this run only. */
  readonly cacheOffset?: number;
  readonly mask?: AttentionMask | null;
  /** Keep the attention maps; their elements, where they are not those of self-attention. */
  readonly maps: boolean;
  readonly mapSize?: Sym;
}

export interface AttentionResult {
  /** [tokens, d] */
  readonly out: Value;
  readonly maps: Value | null;
}

/** Norms every head's columns on their own. */
function headNorm(x: Value, layer: Norm | RmsNorm | undefined, heads: number, size: number): Value {
  if (!layer) return x;
  return reshape(norm(reshape(x, [x.dims[0], heads, size]), layer), [x.dims[0], heads * size]);
}

/** Multi-head self-attention with its output projection, added to a residual.
 *  @param x [tokens, d] */
export function selfAttention(
  x: Value,
  layer: SelfAttentionLayer,
  shape: HeadShape,
  inputs: AttentionInputs,
  residual?: Value,
): AttentionResult {
  const { heads, kvHeads, size } = shape;
  const [afterQ, afterK, afterV] = [heads * size, (heads + kvHeads) * size, (heads + 2 * kvHeads) * size];
  const qkv = linear(x, layer.qkv);
  const turn = (part: Value, n: number): Value => shape.rotary?.(part, inputs.rotaryTable!, { heads: n, size }) ?? part;
  const query = turn(headNorm(columns(qkv, 0, afterQ), layer.queryNorm, heads, size), heads);
  const key = turn(headNorm(columns(qkv, afterQ, afterK), layer.keyNorm, kvHeads, size), kvHeads);
  const kv = storeKv(key, columns(qkv, afterK, afterV), inputs.segments, {
    kvHeads,
    cacheOffset: inputs.cacheOffset,
  });
  return attend(query, kv, layer.out, shape, inputs, residual);
}

/** Attention over keys and values that are already stored. */
export function crossAttention(
  x: Value,
  layer: CrossAttentionLayer,
  kv: KeyValues,
  shape: HeadShape,
  inputs: AttentionInputs,
  residual?: Value,
): AttentionResult {
  return attend(linear(x, layer.query), kv, layer.out, shape, inputs, residual);
}

function attend(
  query: Value,
  kv: KeyValues,
  out: Linear,
  shape: HeadShape,
  inputs: AttentionInputs,
  residual?: Value,
): AttentionResult {
  const { heads, scale, causal, window, slopes, relative } = shape;
  const mixed = attention(query, kv, inputs.segments, {
    heads,
    scale,
    causal: causal && !inputs.mask,
    window,
    slopes,
    relative,
    mask: inputs.mask,
    maps: inputs.maps,
    mapSize: inputs.mapSize,
  });
  return { out: linear(mixed.out, out, { residual }), maps: mixed.maps };
}
