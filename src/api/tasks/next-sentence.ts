// Next sentence prediction: the two logits of BERT's pre-training head to a verdict.

import { checkLogits, softmax } from './scores';

export interface NextSentenceResult {
  /** Whether the second text is more likely than not to follow the first. */
  isNext: boolean;
  /** The probability that it does. */
  score: number;
}

/**
 * @param logits [2]: label 0 is "b follows a", label 1 "b is a random sentence" (Devlin et al. 2018, section 3.1)
 * @throws WasmformerError `INVALID_SHAPE` unless there are two logits
 */
export function nextSentence(logits: ArrayLike<number>): NextSentenceResult {
  checkLogits('isNextSentence', logits, 1, 2);
  const score = softmax(logits)[0];
  return { isNext: logits[0] >= logits[1], score };
}
