// BERT's heads: language model, next sentence, classification of sequences and tokens, question answering.
import type { Value } from '../core/graph';
import { linear, norm, tiedLinear } from '../nn/layers';
import type { Parameters } from '../nn/parameters';
import { gather } from '../ops/gather';
import { bertBody, bertPooler, headBias, pooled, prefixed } from './bert';
import {
  activationOf,
  headOf,
  labelCount,
  type Architecture,
  type Config,
  type EncoderModel,
  type Head,
} from './model';

function build(config: Config, p: Parameters): EncoderModel {
  const head = headOf(config);
  const hasLanguageModel = head === 'maskedLM' || head === 'pretraining';
  const tied = hasLanguageModel && config.tie_word_embeddings !== false;
  const body = bertBody(config, p, { tied });
  const { hiddenSize: d, words, eps, vocabSize } = body;
  const needsPooler = head === 'pretraining' || head === 'nextSentence' || head === 'sequenceClassification';
  const pooler = needsPooler ? p.linear('pooler.dense', d, d) : bertPooler(p, d, head === null);

  const languageModel = hasLanguageModel
    ? {
        dense: p.linear('cls.predictions.transform.dense', d, d),
        norm: p.norm('cls.predictions.transform.LayerNorm', d, eps),
        table: tied ? words : p.linear('cls.predictions.decoder', vocabSize, d, { bias: false }).weight,
        bias: headBias(p, 'cls.predictions', vocabSize, tied),
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
      const poolerOutput = pooler ? pooled(x, inputs.segments, pooler) : undefined;
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

export const bertWithHead: Architecture<EncoderModel> = { aliases: prefixed('bert'), build };
