// BERT: Devlin et al. 2018; transformers' BertModel and its heads. RoBERTa (roberta.ts) shares the body.
import { runBlocks, type Block, type StackResult } from '../nn/blocks';
import { linear, norm, tiedLinear } from '../nn/layers';
import type { Parameters } from '../nn/parameters';
import { gather } from '../ops/gather';
import { pool } from '../ops/pool';
import type { Value, Weight } from '../core/graph';
import { WasmformerError } from '../errors';
import {
  activationOf,
  headOf,
  integer,
  labelCount,
  number,
  paddingOf,
  type Architecture,
  type Config,
  type EncoderInputs,
  type EncoderModel,
  type Head,
  type Request,
} from './model';

export interface BertBody extends Omit<EncoderModel, 'head' | 'record'> {
  readonly words: Weight;
  readonly eps: number;
  record(inputs: EncoderInputs, request: Request): StackResult;
}

/** Embeddings and blocks, under BERT's names. `tied`: the word table is the language-model head too. */
export function bertBody(
  config: Config,
  p: Parameters,
  { tied, positionOffset = 0 }: { tied: boolean; positionOffset?: number },
): BertBody {
  const d = integer(config, 'hidden_size');
  const heads = integer(config, 'num_attention_heads');
  const layers = integer(config, 'num_hidden_layers');
  const inner = integer(config, 'intermediate_size');
  const vocabSize = integer(config, 'vocab_size');
  const positions = integer(config, 'max_position_embeddings');
  const typeVocabSize = integer(config, 'type_vocab_size', 2);
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
  const typeTable = p.embedding('embeddings.token_type_embeddings', typeVocabSize, d);
  const embeddingNorm = p.norm('embeddings.LayerNorm', d, eps);
  const blocks = Array.from({ length: layers }, (_, i): Block => {
    const at = `encoder.layer.${i}`;
    return {
      attention: {
        qkv: p.linear([`${at}.attention.self.query`, `${at}.attention.self.key`, `${at}.attention.self.value`], d, d),
        out: p.linear(`${at}.attention.output.dense`, d, d),
      },
      attentionNorm: p.norm(`${at}.attention.output.LayerNorm`, d, eps),
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
      const embedded = gather(positionTable, positions, gather(typeTable, typeIds, embeds ?? gather(words, ids)));
      const shape = { heads, kvHeads: heads, size: d / heads };
      return runBlocks(norm(embedded, embeddingNorm), blocks, 'post', () => ({
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

function build(config: Config, p: Parameters): EncoderModel {
  const head = headOf(config);
  const hasLanguageModel = head === 'maskedLM' || head === 'pretraining';
  const tied = hasLanguageModel && config.tie_word_embeddings !== false;
  const body = bertBody(config, p, { tied });
  const { hiddenSize: d, words, eps, vocabSize } = body;
  const hasPooler = p.has('pooler.dense.weight', head === null);
  const needsPooler = head === 'pretraining' || head === 'nextSentence' || head === 'sequenceClassification';
  const pooler = hasPooler || needsPooler ? p.linear('pooler.dense', d, d) : null;
  const pooled = (x: Value, segments: Value): Value =>
    linear(pool(x, segments, 'cls'), pooler!, { activation: 'tanh' });

  const languageModel = hasLanguageModel
    ? {
        dense: p.linear('cls.predictions.transform.dense', d, d),
        norm: p.norm('cls.predictions.transform.LayerNorm', d, eps),
        table: tied ? words : p.linear('cls.predictions.decoder', vocabSize, d, { bias: false }).weight,
        bias: p.vector('cls.predictions.bias', vocabSize),
      }
    : null;
  const predict = (x: Value): Value => {
    const { dense, norm: scale, table, bias } = languageModel!;
    return tiedLinear(norm(linear(x, dense, { activation: activationOf(config, 'hidden_act') }), scale), table, bias);
  };
  const relationship =
    head === 'pretraining' || head === 'nextSentence' ? p.linear('cls.seq_relationship', 2, d) : null;
  const classifier =
    head === 'sequenceClassification' || head === 'tokenClassification'
      ? p.linear('classifier', labelCount(config), d)
      : null;
  const spans = head === 'questionAnswering' ? p.linear('qa_outputs', 2, d) : null;

  return {
    ...body,
    head,
    record(inputs, request) {
      const stack = body.record(inputs, request);
      const x = stack.lastHiddenState;
      const poolerOutput = pooler ? pooled(x, inputs.segments) : undefined;
      const rows = request.selected ? gather(x, inputs.selected()) : x;
      return { ...stack, poolerOutput, head: request.head ? outputs(head, rows, poolerOutput) : {} };
    },
  };

  function outputs(kind: Head | null, x: Value, poolerOutput: Value | undefined): Record<string, Value> {
    switch (kind) {
      case 'maskedLM':
        return { logits: predict(x) };
      case 'pretraining':
        return { predictionLogits: predict(x), seqRelationshipLogits: linear(poolerOutput!, relationship!) };
      case 'nextSentence':
        return { logits: linear(poolerOutput!, relationship!) };
      case 'sequenceClassification':
        return { logits: linear(poolerOutput!, classifier!) };
      case 'tokenClassification':
        return { logits: linear(x, classifier!) };
      case 'questionAnswering':
        return { spanLogits: linear(x, spans!) };
      default:
        return {};
    }
  }
}

export const bert: Architecture<EncoderModel> = { aliases: prefixed('bert'), build };
