// What cross-attention looks at.
import type { Sym, Value } from '../core/graph';
import { columns } from '../ops/copy';
import { storeKv, type KeyValues } from '../ops/store-kv';
import type { AttentionInputs, CrossAttentionLayer, HeadShape } from './attention';
import { linear } from './layers';

/** Keys and values of the encoder's output, kept for the decoder's runs.
 *  @param memory [tokens, d] */
export function storeCross(
  memory: Value,
  layer: CrossAttentionLayer,
  { kvHeads, size }: HeadShape,
  { segments, cacheOffset, slots }: Pick<AttentionInputs, 'segments' | 'cacheOffset'> & { slots?: Sym },
): KeyValues {
  const kv = linear(memory, layer.keyValue);
  const half = kvHeads * size;
  return storeKv(columns(kv, 0, half), columns(kv, half, 2 * half), segments, { kvHeads, cacheOffset, slots });
}
