// What causal language models have in common: word tables, a stack of blocks, a head. The files of the architectures say what
// their weights are called and how their heads see each other.
import type { Value, Weight } from '../core/graph';
import { WasmformerError } from '../errors';
import type { HeadShape } from '../nn/attention';
import { runBlocks, type Arrangement, type Block } from '../nn/blocks';
import { tiedLinear } from '../nn/layers';
import type { Norm, Parameters, RmsNorm } from '../nn/parameters';
import { gather } from '../ops/gather';
import type { Config, DecoderInputs, DecoderModel } from './model';

/** Buffers that older versions of transformers stored in checkpoints: causal masks, what masked scores were set to, rotary
 *  frequencies. */
export const OLD_BUFFERS: readonly RegExp[] = [
  /\.(attn|attention)\.(masked_)?bias$/,
  /(^|\.)rotary_emb\.(inv_freq|(cos|sin)_cached)$/,
  /(^|\.)position_ids$/,
];

/** Whether config.json's `architectures` names a language model; false for a bare model. A config that names nothing is taken
 *  for a language model. Throws UNSUPPORTED_MODEL. */
function hasHead(config: Config): boolean {
  const [name] = Array.isArray(config.architectures) ? (config.architectures as unknown[]) : [];
  if (name == null) return true;
  if (typeof name === 'string') {
    if (/(ForCausalLM|LMHeadModel)$/.test(name)) return true;
    if (/(?<!Heads)Model$/.test(name)) return false;
  }
  throw new WasmformerError(
    'UNSUPPORTED_MODEL',
    `config.json: the architecture ${JSON.stringify(name)} is not supported; a Decoder may be ...ForCausalLM, ...LMHeadModel or a bare ...Model`,
  );
}

/** The table of embeddings, and the language-model head's [vocabulary, d]: the same one where the config ties them, null for a
 *  bare model.
 *  @param padding the row of the padding token, if it starts as zeros */
export function wordTables(
  config: Config,
  p: Parameters,
  names: { words: string; head: string },
  vocabSize: number,
  d: number,
  padding?: number,
): { words: Weight; head: Weight | null } {
  const wanted = hasHead(config);
  const tied = wanted && config.tie_word_embeddings === true;
  const words = p.embedding(names.words, vocabSize, d, tied, padding);
  if (tied || !wanted) return { words, head: tied ? words : null };
  return { words, head: p.linear(names.head, vocabSize, d, { bias: false }).weight };
}

/** What makes up a causal language model. */
interface Parts extends Pick<
  DecoderModel,
  'vocabSize' | 'hiddenSize' | 'heads' | 'maxPositions' | 'positionOffset' | 'rotary'
> {
  /** [tokens, d], of ids and positions. */
  readonly embed: (inputs: DecoderInputs) => Value;
  readonly blocks: readonly Block[];
  readonly arrangement: Arrangement;
  readonly shapeOf: (layer: number) => HeadShape;
  readonly finalNorm: Norm | RmsNorm | null;
  readonly head: Weight | null;
}

/** A causal language model of its parts. */
export function causalModel(parts: Parts): DecoderModel {
  const { embed, blocks, arrangement, shapeOf, finalNorm, head, ...facts } = parts;
  return {
    ...facts,
    head: head !== null,
    layers: blocks.length,
    cache: blocks.map((_, layer) => {
      const { kvHeads, size } = shapeOf(layer);
      return { kvHeads, sizeK: size, sizeV: size };
    }),
    record(inputs, request) {
      const rotaryTable = facts.rotary ? inputs.rotary() : undefined;
      const inputsOf = (layer: number) => ({
        segments: inputs.segments,
        rotaryTable,
        cacheOffset: inputs.cacheOffsets[layer],
        maps: request.attentions,
        shape: shapeOf(layer),
      });
      const stack = runBlocks(embed(inputs), blocks, arrangement, inputsOf, finalNorm);
      if (!head || !request.head) return { ...stack, logits: null };
      const rows = request.selected ? gather(stack.lastHiddenState, inputs.selected()) : stack.lastHiddenState;
      return { ...stack, logits: tiedLinear(rows, head, null) };
    },
  };
}
