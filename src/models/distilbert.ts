// DistilBERT (Sanh et al. 2019): BERT's blocks under other names, without token types and pooler.
import type { Value } from '../core/graph';
import { WasmformerError } from '../errors';
import { runBlocks, type Block } from '../nn/blocks';
import { linear, norm, tiedLinear } from '../nn/layers';
import type { Parameters } from '../nn/parameters';
import { sinusoidalInterleaved } from '../nn/sinusoidal';
import { gather } from '../ops/gather';
import { pool } from '../ops/pool';
import { prefixed } from './bert';
import {
  activationOf,
  headOf,
  integer,
  labelCount,
  paddingOf,
  type Architecture,
  type Config,
  type EncoderModel,
} from './model';

/** The layer-norm epsilon is not in the config: transformers fixes it. */
const EPS = 1e-12;

function build(config: Config, p: Parameters): EncoderModel {
  const head = headOf(config);
  const d = integer(config, 'dim', 768);
  const heads = integer(config, 'n_heads', 12);
  const layers = integer(config, 'n_layers', 6);
  const inner = integer(config, 'hidden_dim', 3072);
  const vocabSize = integer(config, 'vocab_size');
  const maxPositions = integer(config, 'max_position_embeddings', 512);
  const activation = activationOf(config, 'activation');
  if (heads === 0 || d % heads !== 0) {
    throw new WasmformerError('INVALID_CONFIG', `config.json: dim ${d} is not a multiple of n_heads ${heads}`);
  }

  const tied = head === 'maskedLM' && config.tie_word_embeddings !== false;
  const words = p.embedding('embeddings.word_embeddings', vocabSize, d, tied, paddingOf(config, 0));
  const positionName = 'embeddings.position_embeddings';
  const positionTable =
    config.sinusoidal_pos_embds === true
      ? p.table(positionName, maxPositions, d, false, {
          kind: 'values',
          make: () => sinusoidalInterleaved(maxPositions, d),
        })
      : p.embedding(positionName, maxPositions, d);
  const embeddingNorm = p.norm('embeddings.LayerNorm', d, EPS);
  const blocks = Array.from({ length: layers }, (_, i): Block => {
    const at = `transformer.layer.${i}`;
    return {
      attention: {
        qkv: p.linear([`${at}.attention.q_lin`, `${at}.attention.k_lin`, `${at}.attention.v_lin`], d, d),
        out: p.linear(`${at}.attention.out_lin`, d, d),
      },
      attentionNorm: p.norm(`${at}.sa_layer_norm`, d, EPS),
      feedForward: {
        up: p.linear(`${at}.ffn.lin1`, inner, d),
        down: p.linear(`${at}.ffn.lin2`, d, inner),
        activation,
      },
      feedForwardNorm: p.norm(`${at}.output_layer_norm`, d, EPS),
    };
  });
  const languageModel =
    head === 'maskedLM'
      ? {
          dense: p.linear('vocab_transform', d, d),
          norm: p.norm('vocab_layer_norm', d, EPS),
          table: tied ? words : p.linear('vocab_projector', vocabSize, d, { bias: false }).weight,
          bias: p.vector('vocab_projector.bias', vocabSize),
        }
      : null;
  const sequence =
    head === 'sequenceClassification'
      ? { dense: p.linear('pre_classifier', d, d), out: p.linear('classifier', labelCount(config), d) }
      : null;
  const tokens = head === 'tokenClassification' ? p.linear('classifier', labelCount(config), d) : null;
  const spans = head === 'questionAnswering' ? p.linear('qa_outputs', 2, d) : null;

  return {
    head,
    vocabSize,
    hiddenSize: d,
    layers,
    heads,
    maxPositions,
    positionOffset: 0,
    typeVocabSize: 0,
    record(inputs, request) {
      const embedded = gather(positionTable, inputs.positions, inputs.embeds ?? gather(words, inputs.ids));
      const shape = { heads, kvHeads: heads, size: d / heads };
      const stack = runBlocks(norm(embedded, embeddingNorm), blocks, 'post', () => ({
        segments: inputs.segments,
        shape,
        maps: request.attentions,
      }));
      const rows = request.selected ? gather(stack.lastHiddenState, inputs.selected()) : stack.lastHiddenState;
      return { ...stack, head: request.head ? outputs(rows, inputs.segments) : {} };
    },
  };

  function outputs(x: Value, segments: Value): Record<string, Value> {
    if (languageModel) {
      const { dense, norm: scale, table, bias } = languageModel;
      return { logits: tiedLinear(norm(linear(x, dense, { activation }), scale), table, bias) };
    }
    if (sequence)
      return { logits: linear(linear(pool(x, segments, 'cls'), sequence.dense, { activation: 'relu' }), sequence.out) };
    if (tokens) return { logits: linear(x, tokens) };
    if (spans) return { spanLogits: linear(x, spans) };
    return {};
  }
}

export const distilbert: Architecture<EncoderModel> = { aliases: prefixed('distilbert'), build };
