// The original Transformer (Vaswani et al. 2017) as PyTorch has it: nn.Transformer between the embeddings and the generator of
// its translation tutorial, and nn.TransformerDecoder alone.
import type { Value, Weight } from '../core/graph';
import { storeCross } from '../nn/cross';
import { runBlocks } from '../nn/blocks';
import { linear } from '../nn/layers';
import { xavier } from '../nn/init';
import type { Parameters } from '../nn/parameters';
import { sinusoidalInterleaved } from '../nn/sinusoidal';
import { gather } from '../ops/gather';
import { crossOf, storeMemory } from './encoder-decoder';
import { integer, type Architecture, type Config, type DecoderStack, type TransformerModel } from './model';
import { aliases, buildStack, inits, shapeOf, stackOf } from './transformer-stack';

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

/** The tutorial's positions are a buffer; here they are computed. */
export const transformer: Architecture<TransformerModel> = {
  aliases,
  ignored: [/^positional_encoding\./],
  inits,
  build: buildTransformer,
};
export const transformerDecoder: Architecture<DecoderStack> = { aliases, ignored: [], inits, build: buildDecoder };
