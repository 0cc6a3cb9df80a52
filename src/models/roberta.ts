// RoBERTa (Liu et al. 2019) and XLM-RoBERTa (Conneau et al. 2019): BERT's body with positions counted from padding_idx + 1,
// and heads of its own.
import type { Value } from '../core/graph';
import { linear, norm, tiedLinear } from '../nn/layers';
import type { Parameters } from '../nn/parameters';
import { gather } from '../ops/gather';
import { pool } from '../ops/pool';
import { bertBody, headBias, prefixed, type BodyTraits } from './bert';
import { headOf, integer, labelCount, type Architecture, type Config, type EncoderModel } from './model';

/** The heads over a body that is BERT's but for some traits. */
export function robertaModel(config: Config, p: Parameters, traits: Omit<BodyTraits, 'tied'>): EncoderModel {
  const head = headOf(config);
  const tied = head === 'maskedLM' && config.tie_word_embeddings !== false;
  const body = bertBody(config, p, { ...traits, tied });
  const { hiddenSize: d, words, eps, vocabSize } = body;
  const pooler = head === null && p.has('pooler.dense.weight', true) ? p.linear('pooler.dense', d, d) : null;

  const languageModel =
    head === 'maskedLM'
      ? {
          dense: p.linear('lm_head.dense', d, d),
          norm: p.norm('lm_head.layer_norm', d, eps),
          table: tied ? words : p.linear('lm_head.decoder', vocabSize, d, { bias: false }).weight,
          bias: headBias(p, 'lm_head', vocabSize, tied),
        }
      : null;
  const sequence =
    head === 'sequenceClassification'
      ? { dense: p.linear('classifier.dense', d, d), out: p.linear('classifier.out_proj', labelCount(config), d) }
      : null;
  const tokens = head === 'tokenClassification' ? p.linear('classifier', labelCount(config), d) : null;
  const spans = head === 'questionAnswering' ? p.linear('qa_outputs', 2, d) : null;

  return {
    ...body,
    head,
    record(inputs, request) {
      const stack = body.record(inputs, request);
      const x = stack.lastHiddenState;
      const poolerOutput = pooler ? linear(pool(x, inputs.segments, 'cls'), pooler, { activation: 'tanh' }) : undefined;
      const rows = request.selected ? gather(x, inputs.selected()) : x;
      return { ...stack, poolerOutput, head: request.head ? outputs(rows, inputs.segments) : {} };
    },
  };

  function outputs(x: Value, segments: Value): Record<string, Value> {
    if (languageModel) {
      const { dense, norm: scale, table, bias } = languageModel;
      return { logits: tiedLinear(norm(linear(x, dense, { activation: 'gelu' }), scale), table, bias) };
    }
    if (sequence)
      return { logits: linear(linear(pool(x, segments, 'cls'), sequence.dense, { activation: 'tanh' }), sequence.out) };
    if (tokens) return { logits: linear(x, tokens) };
    if (spans) return { spanLogits: linear(x, spans) };
    return {};
  }
}

export const roberta: Architecture<EncoderModel> = {
  aliases: prefixed('roberta'),
  build: (config, p) => robertaModel(config, p, { positionOffset: integer(config, 'pad_token_id', 1) + 1 }),
};
