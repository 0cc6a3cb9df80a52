// BERT: Devlin et al. 2018; transformers' BertModel. Its heads are in bert-heads.ts; RoBERTa and MPNet share the body.
import type { HeadShape } from '../nn/attention';
import { runBlocks, type Block, type StackResult } from '../nn/blocks';
import { linear, norm } from '../nn/layers';
import type { Linear, Parameters } from '../nn/parameters';
import { gather } from '../ops/gather';
import { pool } from '../ops/pool';
import type { Value, Weight } from '../core/graph';
import { WasmformerError } from '../errors';
import {
  activationOf,
  integer,
  number,
  paddingOf,
  type Architecture,
  type Config,
  type EncoderInputs,
  type EncoderModel,
  type Request,
} from './model';

export interface BertBody extends Omit<EncoderModel, 'head' | 'record'> {
  readonly words: Weight;
  readonly eps: number;
  record(inputs: EncoderInputs, request: Request): StackResult;
}

/** What a relative of BERT names otherwise, and what it has besides. */
export interface BodyTraits {
  /** The word table is the language-model head too. */
  tied: boolean;
  /** The position of the first token. */
  positionOffset?: number;
  /** Token types, 0 for none. Default: what the config says. */
  typeVocabSize?: number;
  /** In a layer: query, key, value, output, norm. */
  attentionNames?: readonly string[];
  relative?: (heads: number) => HeadShape['relative'];
}

/** Bias of a language-model head. A table of the head's own may have a bias of its own beside the head's, and then that counts. */
export function headBias(p: Parameters, head: string, size: number, tied: boolean): Weight {
  const [usual, own] = [`${head}.bias`, `${head}.decoder.bias`];
  const isOwn = p.has(own) && !(tied && p.has(usual));
  return p.vector(isOwn ? own : usual, size);
}

const ATTENTION = ['self.query', 'self.key', 'self.value', 'output.dense', 'output.LayerNorm'];

/** Embeddings and blocks, under BERT's names. */
export function bertBody(config: Config, p: Parameters, traits: BodyTraits): BertBody {
  const { tied, positionOffset = 0, attentionNames = ATTENTION } = traits;
  const d = integer(config, 'hidden_size');
  const heads = integer(config, 'num_attention_heads');
  const layers = integer(config, 'num_hidden_layers');
  const inner = integer(config, 'intermediate_size');
  const vocabSize = integer(config, 'vocab_size');
  const positions = integer(config, 'max_position_embeddings');
  const typeVocabSize = traits.typeVocabSize ?? integer(config, 'type_vocab_size', 2);
  const eps = number(config, 'layer_norm_eps', 1e-12);
  const activation = activationOf(config, 'hidden_act');
  const padding = paddingOf(config, positionOffset > 0 ? positionOffset - 1 : 0);
  const scheme = config.position_embedding_type ?? 'absolute';
  if (scheme !== 'absolute') {
    throw new WasmformerError(
      'UNSUPPORTED_MODEL',
      `config.json: position_embedding_type ${JSON.stringify(scheme)} is not supported; only "absolute" is`,
    );
  }
  if (heads === 0 || d % heads !== 0) {
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: hidden_size ${d} is not a multiple of num_attention_heads ${heads}`,
    );
  }

  const words = p.embedding('embeddings.word_embeddings', vocabSize, d, tied, padding);
  const positionTable = p.embedding(
    'embeddings.position_embeddings',
    positions,
    d,
    false,
    positionOffset > 0 ? padding : undefined,
  );
  const typeTable = typeVocabSize > 0 ? p.embedding('embeddings.token_type_embeddings', typeVocabSize, d) : null;
  const embeddingNorm = p.norm('embeddings.LayerNorm', d, eps);
  const relative = traits.relative?.(heads);
  const blocks = Array.from({ length: layers }, (_, i): Block => {
    const at = `encoder.layer.${i}`;
    const [query, key, value, out, afterOut] = attentionNames.map((name) => `${at}.attention.${name}`);
    return {
      attention: { qkv: p.linear([query, key, value], d, d), out: p.linear(out, d, d) },
      attentionNorm: p.norm(afterOut, d, eps),
      feedForward: {
        up: p.linear(`${at}.intermediate.dense`, inner, d),
        down: p.linear(`${at}.output.dense`, d, inner),
        activation,
      },
      feedForwardNorm: p.norm(`${at}.output.LayerNorm`, d, eps),
    };
  });
  return {
    words,
    eps,
    vocabSize,
    hiddenSize: d,
    layers,
    heads,
    maxPositions: positions - positionOffset,
    positionOffset,
    typeVocabSize,
    record({ ids, embeds, typeIds, positions, segments }, request) {
      const embedded = embeds ?? gather(words, ids);
      const typed = typeTable ? gather(typeTable, typeIds, embedded) : embedded;
      const shape = { heads, kvHeads: heads, size: d / heads, relative };
      return runBlocks(norm(gather(positionTable, positions, typed), embeddingNorm), blocks, 'post', () => ({
        segments,
        shape,
        maps: request.attentions,
      }));
    },
  };
}

/** What belongs to the base model: the rest are heads. */
const BODY = /^(embeddings|encoder|transformer|pooler)\./;

/** The base model's tensors may have its prefix or not, and old checkpoints call the norm's parameters gamma and beta. */
export function prefixed(prefix: string): (name: string) => string[] {
  return (name) => {
    const names = (known: string): string[] => (BODY.test(name) ? [`${prefix}.${known}`, known] : [known]);
    const old = name.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
    return old === name ? names(name) : [...names(name), ...names(old)];
  };
}

/** The pooler, where there is one: the first token's row through a layer.
 *  @param fresh whether a model with random weights has it */
export function bertPooler(p: Parameters, d: number, fresh: boolean): Linear | null {
  return p.has('pooler.dense.weight', fresh) ? p.linear('pooler.dense', d, d) : null;
}

export function pooled(x: Value, segments: Value, pooler: Linear): Value {
  return linear(pool(x, segments, 'cls'), pooler, { activation: 'tanh' });
}

function build(config: Config, p: Parameters): EncoderModel {
  const body = bertBody(config, p, { tied: false });
  const pooler = bertPooler(p, body.hiddenSize, true);
  return {
    ...body,
    head: null,
    record(inputs, request) {
      const stack = body.record(inputs, request);
      const poolerOutput = pooler ? pooled(stack.lastHiddenState, inputs.segments, pooler) : undefined;
      return { ...stack, poolerOutput, head: {} };
    },
  };
}

/** Without a head: bert-heads.ts has those. */
export const bert: Architecture<EncoderModel> = { aliases: prefixed('bert'), build };
