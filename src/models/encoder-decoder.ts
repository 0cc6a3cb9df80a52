// What the encoder-decoders of transformers share: their heads, and how the decoder's blocks reach the encoder's output.
import type { Value } from '../core/graph';
import { WasmformerError } from '../errors';
import type { HeadShape } from '../nn/attention';
import { storeCross } from '../nn/cross';
import type { Block, BlockInputs } from '../nn/blocks';
import { cachedKv, type KeyValues } from '../ops/store-kv';
import type { Config, CrossInputs } from './model';

/** Stores the keys and values of the encoder's output for every block of the decoder.
 *  @param memory [tokens, d] */
export function storeMemory(
  memory: Value,
  blocks: readonly Block[],
  shape: HeadShape,
  { segments, cacheOffsets }: Omit<CrossInputs, 'mapSize'>,
): KeyValues[] {
  return blocks.map(({ cross }, layer) =>
    storeCross(memory, cross!.attention, shape, { segments, cacheOffset: cacheOffsets[layer] }),
  );
}

/** What a block of the decoder is told of the encoder's output, which an earlier run has stored. */
export function crossOf(
  { segments, cacheOffsets, mapSize }: CrossInputs,
  shape: HeadShape,
  layer: number,
  maps: boolean,
): BlockInputs['cross'] {
  const { kvHeads, size } = shape;
  const keyValues = cachedKv({ kvHeads, sizeK: size, sizeV: size, cacheOffset: cacheOffsets[layer] });
  return { shape, keyValues, inputs: { segments, mapSize, maps } };
}

/** A checkpoint with another head than the language model's is none of these. */
export function checkHead(config: Config): void {
  const [name] = Array.isArray(config.architectures) ? config.architectures : [];
  if (name === undefined || /(ForConditionalGeneration|MTModel|[a-z0-9]Model)$/.test(String(name))) return;
  throw new WasmformerError(
    'UNSUPPORTED_MODEL',
    `config.json: the architecture ${JSON.stringify(name)} is not supported; a Transformer may be ...ForConditionalGeneration, ...MTModel, ...Model`,
  );
}
