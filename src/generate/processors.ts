// What changes the scores before a token is chosen, in transformers' order (GenerationMixin._get_logits_processor). All are
// functions of the scores and of the ids so far, so that beams may share them; a search through the ids costs a few
// nanoseconds an id, far below what the model's own attention costs for it.
import { logSoftmax, power } from './math';
import type { GenerationSettings } from './options';
import type { Tokens } from './tokens';

/** Changes the scores of the next token, in place. */
export type Processor = (scores: Float32Array, tokens: Tokens) => void;

export interface ProcessorContext {
  readonly vocabSize: number;
  /** Ids of the prompt; 1 in an encoder-decoder that starts with its start token. */
  readonly promptLength: number;
  /** From lengthLimits. */
  readonly minLength: number;
  readonly maxLength: number;
  /** Ids of the encoder's input; in a decoder the prompt. */
  readonly encoderIds: ArrayLike<number>;
}

/** All processors that the settings ask for as one, in order; null if there are none. Those of sampling are in warpers.ts. */
export function createProcessor(settings: GenerationSettings, context: ProcessorContext): Processor | null {
  const { vocabSize, promptLength, minLength, maxLength, encoderIds } = context;
  const { eosTokenId, forcedBosTokenId, forcedEosTokenId, badWordsIds, exponentialDecayLengthPenalty } = settings;
  const { presencePenalty, frequencyPenalty } = settings;
  const list: Processor[] = [];
  if (settings.sequenceBias?.length) list.push(sequenceBias(settings.sequenceBias));
  if (settings.encoderRepetitionPenalty !== 1) {
    list.push(encoderRepetition(settings.encoderRepetitionPenalty, encoderIds, vocabSize));
  }
  if (settings.repetitionPenalty !== 1) list.push(repetition(settings.repetitionPenalty, vocabSize));
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    list.push(occurrence(presencePenalty, frequencyPenalty, promptLength, vocabSize));
  }
  if (settings.noRepeatNgramSize > 0) list.push(noRepeatNgram(settings.noRepeatNgramSize));
  if (settings.encoderNoRepeatNgramSize > 0) {
    list.push(encoderNoRepeatNgram(settings.encoderNoRepeatNgramSize, encoderIds));
  }
  if (badWordsIds?.length) {
    const words = badWordsIds.filter((ids) => ids.length > 1 || !eosTokenId.includes(ids[0]));
    list.push(sequenceBias(words.map((ids) => [ids, -Infinity] as const)));
  }
  if (minLength > promptLength && eosTokenId.length > 0) {
    list.push((scores, { length }) => {
      if (length < minLength) suppress(scores, eosTokenId);
    });
  }
  if (forcedBosTokenId !== null) {
    list.push((scores, { length }) => {
      if (length === 1) force(scores, [forcedBosTokenId]);
    });
  }
  if (forcedEosTokenId !== null) {
    list.push((scores, { length }) => {
      if (length === maxLength - 1) force(scores, forcedEosTokenId);
    });
  }
  if (settings.removeInvalidValues) list.push(removeInvalid);
  if (exponentialDecayLengthPenalty !== null && eosTokenId.length > 0) {
    const [start, factor] = exponentialDecayLengthPenalty;
    list.push(exponentialDecay(promptLength + start, factor, eosTokenId));
  }
  const suppressed = settings.suppressTokens;
  if (suppressed?.length) list.push((scores) => suppress(scores, suppressed));
  const atBegin = settings.beginSuppressTokens;
  if (atBegin?.length) {
    const begin = promptLength > 1 || forcedBosTokenId === null ? promptLength : promptLength + 1;
    list.push((scores, { length }) => {
      if (length === begin) suppress(scores, atBegin);
    });
  }
  return inOrder(list);
}

/** Several processors as one; null for none. */
function inOrder(list: readonly Processor[]): Processor | null {
  if (list.length < 2) return list[0] ?? null;
  return (scores, tokens) => {
    for (let i = 0; i < list.length; i++) list[i](scores, tokens);
  };
}

function suppress(scores: Float32Array, ids: readonly number[]): void {
  for (let i = 0; i < ids.length; i++) scores[ids[i]] = -Infinity;
}

function force(scores: Float32Array, ids: readonly number[]): void {
  scores.fill(-Infinity);
  for (let i = 0; i < ids.length; i++) scores[ids[i]] = 0;
}

/** SequenceBiasLogitsProcessor; with a bias of -Infinity NoBadWordsLogitsProcessor. */
function sequenceBias(entries: readonly (readonly [ids: readonly number[], bias: number])[]): Processor {
  const unique = new Map(entries.map(([ids, bias]) => [ids.join(), { ids, bias: Math.fround(bias) }]));
  // biases of one token are added up first, single ids before longer sequences
  const byToken = new Map<number, { ids: readonly number[]; bias: number }[]>();
  for (const entry of [...unique.values()].sort((a, b) => a.ids.length - b.ids.length)) {
    const last = entry.ids[entry.ids.length - 1];
    const others = byToken.get(last);
    if (others) others.push(entry);
    else byToken.set(last, [entry]);
  }
  const groups = [...byToken].map(([token, sequences]) => ({ token, sequences }));
  return (scores, { ids, length }) => {
    for (let g = 0; g < groups.length; g++) {
      const { token, sequences } = groups[g];
      let sum = 0;
      for (let s = 0; s < sequences.length; s++) {
        const sequence = sequences[s].ids;
        const before = sequence.length - 1;
        if (before > length) continue;
        let i = 0;
        while (i < before && ids[length - before + i] === sequence[i]) i++;
        if (i === before) sum = Math.fround(sum + sequences[s].bias);
      }
      if (sum !== 0) scores[token] += sum;
    }
  };
}

/** EncoderRepetitionPenaltyLogitsProcessor: makes what the source says likelier. */
function encoderRepetition(penalty: number, encoderIds: ArrayLike<number>, vocabSize: number): Processor {
  const factor = Math.fround(1 / penalty);
  const ids = [...new Set(Array.from(encoderIds))].filter((id) => id < vocabSize);
  return (scores) => {
    for (let i = 0; i < ids.length; i++) {
      const score = scores[ids[i]];
      scores[ids[i]] = score < 0 ? score * factor : score / factor;
    }
  };
}

/** RepetitionPenaltyLogitsProcessor. */
function repetition(penalty: number, vocabSize: number): Processor {
  const factor = Math.fround(penalty);
  const seen = new Int32Array(vocabSize);
  let call = 0;
  return (scores, { ids, length }) => {
    call++;
    for (let i = 0; i < length; i++) {
      const id = ids[i];
      if (id >= vocabSize || seen[id] === call) continue;
      seen[id] = call;
      const score = scores[id];
      scores[id] = score < 0 ? score * factor : score / factor;
    }
  };
}

/** OpenAI's presence and frequency penalties, over generated tokens only, as vLLM has them. */
function occurrence(presence: number, frequency: number, promptLength: number, vocabSize: number): Processor {
  const each = Math.fround(frequency);
  const once = Math.fround(presence);
  const counts = new Int32Array(vocabSize);
  return (scores, { ids, length }) => {
    for (let i = promptLength; i < length; i++) if (ids[i] < vocabSize) counts[ids[i]]++;
    for (let i = promptLength; i < length; i++) {
      const id = ids[i];
      if (id >= vocabSize || counts[id] === 0) continue;
      scores[id] -= Math.fround(each * counts[id]);
      scores[id] -= once;
      counts[id] = 0;
    }
  };
}

/** NoRepeatNGramLogitsProcessor. */
function noRepeatNgram(size: number): Processor {
  return (scores, { ids, length }) => {
    const start = length - size + 1;
    for (let from = 0; from < start; from++) {
      let i = size - 2;
      while (i >= 0 && ids[from + i] === ids[start + i]) i--;
      const banned = ids[from + size - 1];
      if (i < 0 && banned < scores.length) scores[banned] = -Infinity;
    }
  };
}

/** EncoderNoRepeatNGramLogitsProcessor. */
function encoderNoRepeatNgram(size: number, encoderIds: ArrayLike<number>): Processor {
  const source = Int32Array.from(encoderIds);
  return (scores, { ids, length }) => {
    const start = length - size + 1;
    if (start < 0) return;
    for (let from = 0; from + size <= source.length; from++) {
      let i = size - 2;
      while (i >= 0 && source[from + i] === ids[start + i]) i--;
      const banned = source[from + size - 1];
      if (i < 0 && banned < scores.length) scores[banned] = -Infinity;
    }
  };
}

const LARGEST = 3.4028234663852886e38;

/** InfNanRemoveLogitsProcessor. */
function removeInvalid(scores: Float32Array): void {
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i];
    if (score !== score) scores[i] = 0;
    else if (score === Infinity) scores[i] = LARGEST;
    else if (score === -Infinity) scores[i] = -LARGEST;
  }
}

/** ExponentialDecayLengthPenalty; `start` counts the prompt. */
function exponentialDecay(start: number, factor: number, eosIds: readonly number[]): Processor {
  return (scores, { length }) => {
    if (length <= start) return;
    const steps = length - start;
    const raise = Math.fround(power(factor, steps) - 1);
    for (let i = 0; i < eosIds.length; i++) {
      const score = scores[eosIds[i]];
      if (Number.isFinite(score)) scores[eosIds[i]] += Math.fround(Math.abs(score) * raise);
    }
  };
}

/** LogitNormalization, always last: after the processors of sampling. */
export function renormalize(settings: GenerationSettings): ((scores: Float32Array) => void) | null {
  return settings.renormalizeLogits ? logSoftmax : null;
}
