// Extractive question answering: start and end logits of one or more windows to answers, as Hugging Face's
// question-answering pipeline (question first, fast tokenizer).

import { WasmformerError } from '../../errors';
import { checkCount, checkLogits, softmax, topIndices } from './scores';
import type { TaskEncoding } from './types';

/** The context is the second text of the pair. */
const CONTEXT = 1;
/** What the pipeline puts in place of the logits of tokens that cannot be in the answer. */
const MASKED_LOGIT = -10000;

export interface WindowOptions {
  /** Most tokens in a window: question, special tokens and a part of the context. Default min(384, modelMaxLength). */
  maxSequenceLength?: number;
  /** How many tokens of the context two neighbouring windows share. Default min(128, maxSequenceLength / 2). */
  docStride?: number;
}

export interface AnswerOptions {
  /** How many answers at most, best first. Default 1. */
  topK?: number;
  /** Most tokens in an answer. Default 15. */
  maxAnswerLength?: number;
  /** Whether '' with the probability of "no answer" competes with the answers. Default false. */
  handleImpossibleAnswer?: boolean;
  /** Whether answers begin and end at words. Default true. */
  alignToWords?: boolean;
}

export interface Answer {
  /** `context.slice(start, end)`; '' for no answer. */
  answer: string;
  /**
   * The product of the probabilities of its start and its end. Spans with the same text (in any letter case) are one answer
   * and their scores are added, so it can exceed 1.
   */
  score: number;
  /** UTF-16 offsets into the context. */
  start: number;
  end: number;
}

/** A window's encoding with the logits the model gave for it, [tokens] each. */
export interface AnswerWindow {
  encoding: TaskEncoding;
  startLogits: ArrayLike<number>;
  endLogits: ArrayLike<number>;
}

/** How the tokenizer cuts the context: its `encodeWindows(question, context, { maxLength, stride })`. */
export interface Windowing {
  maxLength: number;
  stride: number;
}

/**
 * The windows' size and overlap: the options checked, or the pipeline's defaults. A default overlap too large for a long
 * question is made smaller, where the pipeline fails.
 *
 * @param encoding the pair (question, context) with its special tokens, not truncated
 * @param modelMaxLength the most tokens that the model has positions for
 * @throws WasmformerError `TOO_LONG` if the question leaves no room for the context, `INVALID_ARGUMENT` for bad options
 */
export function answerWindowing(
  encoding: Pick<TaskEncoding, 'sequenceIds'>,
  modelMaxLength: number,
  options: WindowOptions = {},
): Windowing {
  const maxLength = options.maxSequenceLength ?? Math.min(384, modelMaxLength);
  checkCount('maxSequenceLength', maxLength);
  if (maxLength > modelMaxLength) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `maxSequenceLength is ${maxLength}, but the model has positions for ${modelMaxLength} tokens`,
    );
  }
  if (options.docStride !== undefined) checkCount('docStride', options.docStride, 0);
  const stride = options.docStride ?? Math.min(128, Math.floor(maxLength / 2));
  if (encoding.sequenceIds.length <= maxLength) return { maxLength, stride };

  const others = encoding.sequenceIds.filter((sequence) => sequence !== CONTEXT).length;
  const room = maxLength - others;
  if (room < 1) {
    throw new WasmformerError(
      'TOO_LONG',
      `the question takes ${others} tokens with the special tokens and leaves no room for the context in a window of ` +
        `${maxLength}; shorten the question or raise maxSequenceLength (the model allows ${modelMaxLength})`,
    );
  }
  if (stride < room) return { maxLength, stride };
  if (options.docStride === undefined) return { maxLength, stride: room - 1 };
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    `docStride is ${stride}, but a window of ${maxLength} tokens has room for ${room} of the context beside this question; ` +
      `docStride must be smaller than that`,
  );
}

/**
 * The best answers over all windows, best first. Without any candidate, one empty answer of score 0.
 *
 * @param windows each with its own logits
 * @param context the text that the encodings' offsets refer to
 * @param clsTokenId the token whose position stands for "no answer"; it takes part in the softmax
 * @throws WasmformerError `INVALID_ARGUMENT` for a bad option, `INVALID_SHAPE` for logits that do not fit their window
 */
export function bestAnswers(
  windows: readonly AnswerWindow[],
  context: string,
  clsTokenId: number | null,
  options: AnswerOptions = {},
): Answer[] {
  const { topK = 1, maxAnswerLength = 15, handleImpossibleAnswer = false, alignToWords = true } = options;
  checkCount('topK', topK);
  checkCount('maxAnswerLength', maxAnswerLength);
  // Several spans may become one answer when they are stretched to whole words.
  const candidates = alignToWords ? topK * 2 + 10 : topK;
  const answers = new Map<string, Answer>();
  let noAnswer = Infinity;
  for (const window of windows) {
    const { spans, nullScore } = bestSpans(window, clsTokenId, candidates, maxAnswerLength);
    noAnswer = Math.min(noAnswer, nullScore);
    const wordSpans = alignToWords ? contextWords(window.encoding) : undefined;
    for (const span of spans) {
      const [start, end] = textSpan(window.encoding, span, wordSpans);
      const answer = context.slice(start, end);
      const same = answers.get(answer.toLowerCase());
      if (same) same.score += span.score;
      else answers.set(answer.toLowerCase(), { answer, score: span.score, start, end });
    }
  }
  const sorted = [...answers.values()];
  if (handleImpossibleAnswer) sorted.push({ answer: '', score: noAnswer, start: 0, end: 0 });
  sorted.sort((a, b) => b.score - a.score);
  return sorted.length > 0 ? sorted.slice(0, topK) : [{ answer: '', score: 0, start: 0, end: 0 }];
}

interface Span {
  from: number;
  to: number;
  score: number;
}

/** A window's likeliest spans of context tokens, and the probability that it has no answer. */
function bestSpans(
  { encoding, startLogits, endLogits }: AnswerWindow,
  clsTokenId: number | null,
  count: number,
  maxAnswerLength: number,
): { spans: Span[]; nullScore: number } {
  const length = encoding.ids.length;
  checkLogits('answer', startLogits, length, 1);
  checkLogits('answer', endLogits, length, 1);
  const counts = (i: number): boolean => encoding.sequenceIds[i] === CONTEXT || encoding.ids[i] === clsTokenId;
  const probabilities = (logits: ArrayLike<number>): Float64Array =>
    softmax(Array.from(logits, (logit, i) => (counts(i) ? logit : MASKED_LOGIT)));
  const starts = probabilities(startLogits);
  const ends = probabilities(endLogits);

  const spans: Span[] = [];
  for (let from = 0; from < length; from++) {
    if (encoding.sequenceIds[from] !== CONTEXT) continue;
    for (let to = from; to < Math.min(length, from + maxAnswerLength); to++) {
      if (encoding.sequenceIds[to] === CONTEXT) spans.push({ from, to, score: starts[from] * ends[to] });
    }
  }
  const best = topIndices(
    spans.map((span) => span.score),
    count,
  );
  return { spans: best.map((i) => spans[i]), nullScore: length > 0 ? starts[0] * ends[0] : 0 };
}

/** Where each word of the context that the window shows begins and ends in the text. */
function contextWords(encoding: TaskEncoding): Map<number, [number, number]> {
  const spans = new Map<number, [number, number]>();
  encoding.wordIds.forEach((word, i) => {
    if (word === null || encoding.sequenceIds[i] !== CONTEXT) return;
    const [start, end] = encoding.offsets[i];
    const known = spans.get(word);
    if (known) known[1] = end;
    else spans.set(word, [start, end]);
  });
  return spans;
}

function textSpan(
  encoding: TaskEncoding,
  { from, to }: Span,
  words: Map<number, [number, number]> | undefined,
): [number, number] {
  const first = words?.get(encoding.wordIds[from] ?? -1);
  const last = words?.get(encoding.wordIds[to] ?? -1);
  return first && last ? [first[0], last[1]] : [encoding.offsets[from][0], encoding.offsets[to][1]];
}
