// The task functions against the results of Hugging Face's own pipelines, fed with the logits those pipelines had.

import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { classificationScores } from '../../src/api/tasks/classification';
import { fillMask, type FillMaskResult } from '../../src/api/tasks/fill-mask';
import { nextSentence } from '../../src/api/tasks/next-sentence';
import { answerWindowing, bestAnswers } from '../../src/api/tasks/question-answering';
import { classifyTokens } from '../../src/api/tasks/token-classification';
import type { LabelMap } from '../../src/api/tasks/scores';
import type { TokenEncoding } from '../../src/api/tasks/types';
import { Tokenizer as OwnTokenizer } from '../../src/io/tokenizer';
import { readExpectedTensors, readGoldenJson } from '../golden/encoders/load';

// The pipelines' own softmax is float32 for text-classification, and the stored logits are rounded to float32.
const TOLERANCE = 2e-6;
const MODEL_MAX_LENGTH = 64;

interface Expected<Task> {
  encodings: TokenEncoding[];
  tasks: Task[];
}

/** Equal but for scores, which may differ by the tolerance. */
function expectSame(actual: unknown, expected: unknown): void {
  const scores = (value: unknown): number[] => {
    const found: number[] = [];
    JSON.stringify(value, (key, item: unknown) => (key === 'score' ? found.push(item as number) : item));
    return found;
  };
  const withoutScores = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (key, item: unknown) => (key === 'score' ? 'score' : item)));
  expect(withoutScores(actual)).toEqual(withoutScores(expected));
  const wanted = scores(expected);
  scores(actual).forEach((score, i) => expect(Math.abs(score - wanted[i])).toBeLessThan(TOLERANCE));
}

/**
 * The decoder on token strings, with Rust's rule for byte-level ones: a token that is not wholly in the byte alphabet (a
 * word that is text already) stands for its own UTF-8 bytes.
 */
function joinWith(tokenizer: Tokenizer, byteLevel: boolean): (tokens: string[]) => string {
  if (!byteLevel) return (tokens) => tokenizer.decoder!.decode(tokens);
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
  let extra = 256;
  const alphabet = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : extra++));
  const known = new Set(alphabet);
  const asBytes = (token: string): string =>
    [...token].every((character) => known.has(character))
      ? token
      : Array.from(new TextEncoder().encode(token), (byte) => alphabet[byte]).join('');
  return (tokens) => tokenizer.decoder!.decode(tokens.map(asBytes));
}

function golden<Task>(name: string) {
  const tensors = readExpectedTensors(name);
  return {
    ...readGoldenJson<Expected<Task>>(name, 'expected.json'),
    config: readGoldenJson<{ id2label?: LabelMap; problem_type?: string }>(name, 'config.json'),
    logits: (tensor: string) => tensors.get(tensor)!.data,
    tokenizer: () => {
      const json = readGoldenJson<{ model: { continuing_subword_prefix?: string }; decoder: { type: string } }>(
        name,
        'tokenizer.json',
      );
      const tokenizer = new Tokenizer(json, readGoldenJson<object>(name, 'tokenizer_config.json'));
      return {
        prefix: json.model.continuing_subword_prefix,
        join: joinWith(tokenizer, json.decoder.type === 'ByteLevel'),
        decode: (ids: number[], { skipSpecialTokens }: { skipSpecialTokens: boolean }) =>
          tokenizer.decode(ids, { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: false }),
      };
    },
  };
}

interface ClassifyTask {
  text: string;
  textPair: string | null;
  problemType: string | null;
  options: { topK: number | null };
  logits: string;
  result: unknown;
}

describe.each([
  'bert-classify',
  'bert-classify-multi',
  'bert-regression',
  'roberta-classify',
  'mpnet-classify',
  'distilbert-classify',
])('text classification: %s', (name) => {
  const { tasks, config, logits } = golden<ClassifyTask>(name);
  it.each(tasks)('$text $options $problemType', (task) => {
    const settings = { ...config, problem_type: task.problemType };
    expectSame(classificationScores(logits(task.logits), settings, task.options), task.result);
  });
});

interface FillTask {
  text: string;
  options: { topK: number };
  maskTokenId: number;
  padTokenId: number;
  encoding: number;
  logits: string;
  result: FillMaskResult[] | FillMaskResult[][];
}

describe.each(['bert-masked-lm', 'roberta-masked-lm', 'mpnet-masked-lm', 'distilbert-masked-lm'])(
  'fill-mask: %s',
  (name) => {
    const { tasks, encodings, logits, tokenizer } = golden<FillTask>(name);
    const { decode } = tokenizer();
    it.each(tasks)('$text', ({ maskTokenId, padTokenId, ...task }) => {
      const input = { ids: encodings[task.encoding].ids, logits: logits(task.logits), maskTokenId, padTokenId, decode };
      expectSame(fillMask(input, task.options), task.result);
    });
  },
);

interface TokenTask {
  text: string;
  options: { aggregationStrategy: 'none' | 'simple' | 'first' | 'average' | 'max' };
  unkTokenId: number;
  encoding: number;
  logits: string;
  result: unknown;
}

describe.each([
  'bert-token-classification',
  'roberta-token-classification',
  'mpnet-token-classification',
  'distilbert-token-classification',
])('token classification: %s', (name) => {
  const { tasks, encodings, config, logits, tokenizer } = golden<TokenTask>(name);
  const { join, prefix } = tokenizer();
  it.each(tasks)('$options.aggregationStrategy: $text', (task) => {
    const result = classifyTokens(
      {
        logits: logits(task.logits),
        encoding: encodings[task.encoding],
        text: task.text,
        id2label: config.id2label,
        join,
        unkTokenId: task.unkTokenId,
        continuingSubwordPrefix: prefix,
      },
      task.options,
    );
    expectSame(result, task.result);
  });
});

interface AnswerTask {
  question: string;
  context: string;
  options: {
    topK?: number;
    docStride?: number;
    maxSequenceLength?: number;
    maxAnswerLength?: number;
    handleImpossibleAnswer?: boolean;
    alignToWords?: boolean;
  };
  clsTokenId: number;
  encoding: number;
  windows: { encoding: number; startLogits: string; endLogits: string }[];
  result: { answer: string; start: number; end: number }[];
}

describe.each([
  'bert-question-answering',
  'roberta-question-answering',
  'mpnet-question-answering',
  'distilbert-question-answering',
])('question answering: %s', async (name) => {
  const { tasks, encodings, logits } = golden<AnswerTask>(name);
  const tokenizer = await OwnTokenizer.fromJson(readGoldenJson<object>(name, 'tokenizer.json'));

  it.each(tasks)('$question $options', (task) => {
    const windowing = answerWindowing(encodings[task.encoding], MODEL_MAX_LENGTH, task.options);
    const windows = tokenizer.encodeWindows(task.question, task.context, windowing);
    expect(windows.length).toBe(task.windows.length);
    const outputs = windows.map((encoding, i) => {
      const { encoding: stored, startLogits, endLogits } = task.windows[i];
      const { ids, offsets, wordIds, sequenceIds } = encoding;
      expect({ ids, offsets, wordIds, sequenceIds }).toEqual(encodings[stored]);
      return { encoding, startLogits: logits(startLogits), endLogits: logits(endLogits) };
    });
    expectSame(bestAnswers(outputs, task.context, task.clsTokenId, task.options), task.result);
    for (const { answer, start, end } of task.result) expect(task.context.slice(start, end)).toBe(answer);
  });
});

interface NextTask {
  text: string;
  logits: string;
  result: unknown;
}

describe.each(['bert-next-sentence', 'bert-pretraining'])('next sentence: %s', (name) => {
  const { tasks, logits } = golden<NextTask>(name);
  it.each(tasks)('$text', (task) => expectSame(nextSentence(logits(task.logits)), task.result));
});
