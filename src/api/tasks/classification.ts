// Sequence classification: one row of logits to labels with scores, as Hugging Face's text-classification pipeline.

import { WasmformerError } from '../../errors';
import { checkCount, labelName, sigmoid, softmax, topIndices, type LabelMap } from './scores';

/** The keys of config.json that decide how logits become scores. */
export interface ClassificationConfig {
  id2label?: LabelMap;
  /** 'regression' | 'single_label_classification' | 'multi_label_classification' */
  problem_type?: string | null;
}

export interface ClassificationOptions {
  /** How many labels, best first; null: all of them. Default 1. */
  topK?: number | null;
  /**
   * How logits become scores. Default: 'none' if the config says regression; 'sigmoid' if it says
   * multi_label_classification or the model has one label; else 'softmax'.
   */
  functionToApply?: 'softmax' | 'sigmoid' | 'none';
}

export interface ClassificationResult {
  label: string;
  /** A probability, or the logit itself for regression. */
  score: number;
}

/**
 * Labels with their scores, best first.
 *
 * @param logits one sequence's logits, [labels]
 * @throws WasmformerError `INVALID_ARGUMENT` for a bad topK or functionToApply
 */
export function classificationScores(
  logits: ArrayLike<number>,
  config: ClassificationConfig,
  options: ClassificationOptions = {},
): ClassificationResult[] {
  const topK = options.topK === undefined ? 1 : options.topK;
  if (topK !== null) checkCount('topK', topK);
  const scores = applyFunction(logits, options.functionToApply ?? defaultFunction(config, logits.length));
  return topIndices(scores, topK ?? scores.length).map((index) => ({
    label: labelName(config.id2label, index),
    score: scores[index],
  }));
}

function defaultFunction(config: ClassificationConfig, labels: number): 'softmax' | 'sigmoid' | 'none' {
  if (config.problem_type === 'regression') return 'none';
  if (config.problem_type === 'multi_label_classification' || labels === 1) return 'sigmoid';
  return 'softmax';
}

function applyFunction(logits: ArrayLike<number>, name: 'softmax' | 'sigmoid' | 'none'): Float64Array {
  switch (name) {
    case 'softmax':
      return softmax(logits);
    case 'sigmoid':
      return Float64Array.from(logits, sigmoid);
    case 'none':
      return Float64Array.from(logits);
    default:
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `functionToApply must be 'softmax', 'sigmoid' or 'none', not ${String(name)}`,
      );
  }
}
