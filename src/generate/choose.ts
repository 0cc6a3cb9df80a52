// From the scores of one position to one token: greedy or sampled, with its log-probability. Beams are in beams.ts.
import { WasmformerError } from '../errors';
import { exp, logSumExp } from './math';
import type { GenerationSettings } from './options';
import { createProcessor, renormalize, type Processor, type ProcessorContext } from './processors';
import { Random, randomSeed } from './random';
import type { Tokens } from './tokens';
import { createWarper, type Warper } from './warpers';

/** A token that could have been chosen, and its log-probability. */
export interface Alternative {
  readonly id: number;
  readonly logprob: number;
}

/**
 * Index of the largest score between two positions, the first of equal ones (torch.argmax); NaN is never it. A row of nothing but
 * -Infinity and NaN gives -1.
 */
export function argmax(scores: Float32Array, from = 0, to = scores.length): number {
  let best = -1;
  let most = -Infinity;
  for (let i = from; i < to; i++) {
    if (scores[i] > most) {
      most = scores[i];
      best = i;
    }
  }
  return best < 0 ? -1 : best - from;
}

/** Draws an index with probability proportional to exp(score). -1 if every score is -Infinity. */
export function sample(
  scores: Float32Array,
  random: Random,
  weights: Float64Array = new Float64Array(scores.length),
): number {
  const best = argmax(scores);
  if (best < 0) return -1;
  const most = scores[best];
  let total = 0;
  for (let i = 0; i < scores.length; i++) {
    const weight = scores[i] > -Infinity ? exp(scores[i] - most) : 0;
    weights[i] = weight;
    total += weight;
  }
  const drawn = random.next() * total;
  let sum = 0;
  let last = best;
  for (let i = 0; i < scores.length; i++) {
    if (weights[i] === 0) continue;
    sum += weights[i];
    last = i;
    if (sum > drawn) break;
  }
  return last;
}

/** The likeliest `count` tokens, likeliest first, of equal ones the lower id; those of probability zero are left out. */
export function alternatives(scores: Float32Array, count: number, total = logSumExp(scores)): Alternative[] {
  const best: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (!(scores[i] > -Infinity)) continue;
    if (best.length === count && !(scores[i] > scores[best[count - 1]])) continue;
    let at = best.length;
    while (at > 0 && scores[best[at - 1]] < scores[i]) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
  }
  return best.map((id) => ({ id, logprob: scores[id] - total }));
}

/** Chooses the tokens of one sequence, greedily or by sampling. Nothing in it depends on other sequences of the batch. */
export class TokenChooser {
  /** Log-probability of the last token; NaN unless the settings ask for logprobs. */
  logprob = NaN;
  /** The alternatives to the last token; empty unless the settings ask for them. */
  alternatives: readonly Alternative[] = [];

  private readonly processor: Processor | null;
  private readonly warper: Warper | null;
  private readonly normalize: ((scores: Float32Array) => void) | null;
  private readonly random: Random | null;
  private readonly weights: Float64Array | null;
  private readonly logprobs: number | null;

  /**
   * @param sequence number of the sequence among those of one prompt (numReturnSequences). Draws depend on the seed and on it alone,
   * so that a prompt gets the same text alone and in any batch. Pick a seed once a call where the settings have none.
   */
  constructor(settings: GenerationSettings, context: ProcessorContext, sequence = 0) {
    const { doSample, logprobs, seed } = settings;
    this.processor = createProcessor(settings, context);
    this.warper = doSample ? createWarper(settings, context.vocabSize) : null;
    this.normalize = renormalize(settings);
    this.random = doSample ? new Random(seed ?? randomSeed(), sequence) : null;
    this.weights = doSample ? new Float64Array(context.vocabSize) : null;
    this.logprobs = logprobs;
  }

  /** True if a token is the largest logit and nothing else: then `argmax` may be called instead, on a part of a larger buffer. */
  get isArgmax(): boolean {
    return this.processor === null && this.random === null && this.normalize === null && this.logprobs === null;
  }

  /** First half of a step: the processors, in place. A user's own processors come after it. */
  process(logits: Float32Array, tokens: Tokens): void {
    this.processor?.(logits, tokens);
  }

  /**
   * Second half: warpers, in place, and the token.
   * @throws INVALID_ARGUMENT if the options leave no token
   */
  choose(scores: Float32Array): number {
    this.warper?.(scores);
    this.normalize?.(scores);
    const id = this.random ? sample(scores, this.random, this.weights!) : argmax(scores);
    if (id < 0) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        'no token is left to choose from: the options and logits processors forbid every one; allow some (or the model gave NaN)',
      );
    }
    if (this.logprobs !== null) {
      const total = logSumExp(scores);
      this.logprob = scores[id] - total;
      if (this.logprobs > 0) this.alternatives = alternatives(scores, this.logprobs, total);
    }
    return id;
  }

  /** Both halves. */
  next(logits: Float32Array, tokens: Tokens): number {
    this.process(logits, tokens);
    return this.choose(logits);
  }
}
