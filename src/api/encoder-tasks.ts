// The Encoder's tasks: text in, labels, entities, answers out. Each tokenises, runs the head, and hands the logits to a pure
// function of tasks/.
import { throwIfAborted, WasmformerError } from '../errors';
import type { Encoding } from '../io/tokenizer';
import { checkNames } from '../runtime/option-names';
import { encodeText, encodeTexts, textsOf, type TextInputs, type TokenizeOptions } from './inputs';
import { classificationScores, type ClassificationOptions, type ClassificationResult } from './tasks/classification';
import { needHead, one, runHead, type TaskContext } from './tasks/context';
import { fillMask, maskPositions, type FillMaskOptions, type FillMaskResult } from './tasks/fill-mask';
import { nextSentence, type NextSentenceResult } from './tasks/next-sentence';
import {
  answerWindowing,
  bestAnswers,
  type Answer,
  type AnswerOptions,
  type WindowOptions,
} from './tasks/question-answering';
import {
  classifyTokens,
  type EntityGroup,
  type TokenClassificationOptions,
  type TokenEntity,
} from './tasks/token-classification';

export { rerankTask, searchTask, similarityTask } from './tasks/search';

interface CallOptions {
  signal?: AbortSignal;
}

/** A question about a text. */
export interface Question {
  question: string;
  context: string;
}

const each = (encoding: Encoding): number => encoding.length;

export async function fillMaskTask(
  context: TaskContext,
  text: string | readonly string[],
  options: FillMaskOptions & TokenizeOptions & CallOptions,
): Promise<unknown> {
  await checkNames(options, 'topK truncation maxLength signal');
  throwIfAborted(options.signal);
  needHead(context, 'fillMask', 'maskedLM', 'pretraining');
  const { tokenizer, facts } = context;
  const { maskTokenId, padTokenId } = tokenizer;
  if (maskTokenId === undefined)
    throw new WasmformerError('INVALID_TOKENIZER', 'fillMask needs a tokenizer with a mask token');
  const { texts, single } = textsOf(text);
  const encodings = await encodeTexts(context, texts, null, options, options.signal);
  const masks = (encoding: Encoding): number[] => maskPositions(encoding.ids, maskTokenId);
  const results: (FillMaskResult[] | FillMaskResult[][])[] = [];
  const output = facts.head === 'pretraining' ? 'predictionLogits' : 'logits';
  await runHead(
    context,
    encodings,
    output,
    (encoding) => masks(encoding).length,
    options.signal,
    (logits, i) => {
      const decode = (ids: number[], { skipSpecialTokens }: { skipSpecialTokens: boolean }): string =>
        tokenizer.decode(ids, { skipSpecialTokens });
      results[i] = fillMask({ ids: encodings[i].ids, logits, rows: 'masks', maskTokenId, padTokenId, decode }, options);
    },
    masks,
  );
  return single ? results[0] : results;
}

export async function classifyTask(
  context: TaskContext,
  input: string | readonly string[] | TextInputs,
  options: ClassificationOptions & TokenizeOptions & CallOptions,
): Promise<ClassificationResult[] | ClassificationResult[][]> {
  await checkNames(options, 'topK functionToApply truncation maxLength signal');
  throwIfAborted(options.signal);
  needHead(context, 'classify', 'sequenceClassification');
  const { texts, pairs, single } = textsOf(input);
  const encodings = await encodeTexts(context, texts, pairs, options, options.signal);
  const results: ClassificationResult[][] = [];
  await runHead(context, encodings, 'logits', one, options.signal, (logits, i) => {
    results[i] = classificationScores(logits, context.config, options);
  });
  return single ? results[0] : results;
}

export async function classifyTokensTask(
  context: TaskContext,
  text: string | readonly string[],
  options: TokenClassificationOptions & TokenizeOptions & CallOptions,
): Promise<unknown> {
  await checkNames(options, 'aggregationStrategy ignoreLabels truncation maxLength signal');
  throwIfAborted(options.signal);
  needHead(context, 'classifyTokens', 'tokenClassification');
  const { tokenizer, config, settings } = context;
  const { texts, single } = textsOf(text);
  const encodings = await encodeTexts(context, texts, null, options, options.signal);
  const results: (TokenEntity[] | EntityGroup[])[] = [];
  await runHead(context, encodings, 'logits', each, options.signal, (logits, i) => {
    const id2label = config.id2label as Record<string, string> | undefined;
    const input = {
      logits,
      encoding: encodings[i],
      text: texts[i],
      id2label,
      join: (tokens: string[]) => tokenizer.joinTokens(tokens),
      unkTokenId: tokenizer.unkTokenId,
      continuingSubwordPrefix: settings.continuingSubwordPrefix,
    };
    results[i] = classifyTokens(input, options);
  });
  return single ? results[0] : results;
}

export async function answerTask(
  context: TaskContext,
  input: Question | readonly Question[],
  options: AnswerOptions & WindowOptions & CallOptions,
): Promise<unknown> {
  await checkNames(
    options,
    'topK maxAnswerLength handleImpossibleAnswer alignToWords maxSequenceLength docStride signal',
  );
  throwIfAborted(options.signal);
  needHead(context, 'answer', 'questionAnswering');
  const { tokenizer, facts } = context;
  const single = !Array.isArray(input);
  const questions = (single ? [input] : input) as readonly Question[];
  if (questions.length === 0)
    throw new WasmformerError('INVALID_ARGUMENT', 'the batch is empty: there are no questions');
  const results: Answer[][] = [];
  for (const asked of questions) {
    const { question, context: text } = (asked ?? {}) as Partial<Question> as Question;
    for (const [name, value] of Object.entries({ question, context: text })) {
      if (typeof value !== 'string' || value.trim() === '')
        throw new WasmformerError('INVALID_ARGUMENT', `answer: the ${name} must be a text that is not empty`);
    }
    const { maxLength, stride } = answerWindowing(
      tokenizer.encode(question, { textPair: text }),
      facts.maxPositions,
      options,
    );
    const windows = tokenizer.encodeWindows(question, text, { maxLength, stride, truncation: 'only_second' });
    const logits: { startLogits: Float32Array; endLogits: Float32Array }[] = [];
    await runHead(context, windows, 'spanLogits', each, options.signal, (spans, i) => {
      logits[i] = {
        startLogits: spans.filter((_, at) => at % 2 === 0),
        endLogits: spans.filter((_, at) => at % 2 === 1),
      };
    });
    results.push(
      bestAnswers(
        windows.map((encoding, i) => ({ encoding, ...logits[i] })),
        text,
        tokenizer.clsTokenId ?? null,
        options,
      ),
    );
  }
  const topK = options.topK ?? 1;
  const shaped = topK === 1 ? results.map(([best]) => best) : results;
  return single ? shaped[0] : shaped;
}

export async function nextSentenceTask(
  context: TaskContext,
  first: string,
  second: string,
  options: TokenizeOptions & CallOptions,
): Promise<NextSentenceResult> {
  await checkNames(options, 'truncation maxLength signal');
  throwIfAborted(options.signal);
  needHead(context, 'isNextSentence', 'nextSentence', 'pretraining');
  const encoding = encodeText(context.tokenizer, context.facts, first, second, options);
  const output = context.facts.head === 'pretraining' ? 'seqRelationshipLogits' : 'logits';
  let result!: NextSentenceResult;
  await runHead(context, [encoding], output, one, options.signal, (logits) => {
    result = nextSentence(logits);
  });
  return result;
}
