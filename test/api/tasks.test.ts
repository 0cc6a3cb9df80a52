// The task functions' rules that the pipelines' goldens do not reach: ties, limits, odd labels, bad input.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classificationScores } from '../../src/api/tasks/classification';
import { fillMask, maskPositions } from '../../src/api/tasks/fill-mask';
import { nextSentence } from '../../src/api/tasks/next-sentence';
import { answerWindowing, bestAnswers, type AnswerWindow } from '../../src/api/tasks/question-answering';
import { argmax, softmax, topIndices } from '../../src/api/tasks/scores';
import { classifyTokens, type TokenClassificationInput } from '../../src/api/tasks/token-classification';
import { WasmformerError, type WasmformerErrorCode } from '../../src/errors';

function expectError(run: () => unknown, code: WasmformerErrorCode, message: RegExp): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(WasmformerError);
  expect((thrown as WasmformerError).code).toBe(code);
  expect((thrown as WasmformerError).message).toMatch(message);
}

describe('scores', () => {
  it('takes the largest values, equal ones in order of index', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }), fc.nat({ max: 70 }), (values, count) => {
        const sorted = values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
        expect(topIndices(values, count)).toEqual(sorted.slice(0, count));
        if (values.length > 0) expect(argmax(values)).toBe(sorted[0]);
      }),
    );
  });

  it('does not overflow on huge logits and gives a masked one nothing', () => {
    expect([...softmax([1e4, 1e4, -Infinity])]).toEqual([0.5, 0.5, 0]);
    expect([...softmax([9, 9, -1e4, 0, 0], 3, 2)]).toEqual([0.5, 0.5]);
  });
});

describe('classificationScores', () => {
  it('names labels that the config does not, and gives at most what there is', () => {
    expect(classificationScores([0, 0, Math.log(2)], { id2label: { 1: 'b' } }, { topK: 9 })).toEqual([
      { label: 'LABEL_2', score: 0.5 },
      { label: 'LABEL_0', score: 0.25 },
      { label: 'b', score: 0.25 },
    ]);
  });

  it('lets functionToApply override the rule', () => {
    expect(classificationScores([3, -1], { problem_type: 'regression' }, { topK: null })).toEqual([
      { label: 'LABEL_0', score: 3 },
      { label: 'LABEL_1', score: -1 },
    ]);
    expect(classificationScores([0], { problem_type: 'regression' }, { functionToApply: 'sigmoid' })[0].score).toBe(
      0.5,
    );
    expect(classificationScores([7], {}, { functionToApply: 'softmax' })[0].score).toBe(1);
  });

  it('refuses bad options', () => {
    for (const topK of [0, -1, 1.5, Number.NaN]) {
      expectError(() => classificationScores([1, 2], {}, { topK }), 'INVALID_ARGUMENT', /topK/);
    }
    const functionToApply = 'tanh' as 'none';
    expectError(
      () => classificationScores([1, 2], {}, { functionToApply }),
      'INVALID_ARGUMENT',
      /functionToApply.*tanh/,
    );
  });
});

describe('fillMask', () => {
  const decode = (ids: number[]): string => ids.join(' ');

  it('reads all rows or only those of the masks', () => {
    const logits = [9, 0, 0, 0, 1, 2, 9, 0, 0, 5, 4, 3];
    const base = { ids: [0, 7, 0, 7], maskTokenId: 7, decode };
    const all = fillMask({ ...base, logits }, { topK: 2 });
    const masks = fillMask({ ...base, logits: [0, 1, 2, 5, 4, 3], rows: 'masks' }, { topK: 2 });
    expect(masks).toEqual(all);
    expect(all.flat().map(({ token, sequence }) => [token, sequence])).toEqual([
      [2, '0 2 0 7'],
      [1, '0 1 0 7'],
      [0, '0 7 0 0'],
      [1, '0 7 0 1'],
    ]);
  });

  it('gives the whole vocabulary at most and leaves padding out', () => {
    const result = fillMask({ ids: [7, 5, 5], logits: new Float32Array(9), maskTokenId: 7, padTokenId: 5, decode });
    expect(result.flat().map(({ sequence }) => sequence)).toEqual(['0', '1', '2']);
  });

  it('refuses a text without a mask, and logits of another length', () => {
    expectError(() => maskPositions([1, 2], 7), 'INVALID_ARGUMENT', /no mask token \(id 7\)/);
    expectError(
      () => fillMask({ ids: [7, 1], logits: [1, 2, 3], maskTokenId: 7, decode }),
      'INVALID_SHAPE',
      /3 logits.*\[2, 1\]/,
    );
    expectError(
      () => fillMask({ ids: [7], logits: [1], maskTokenId: 7, decode }, { topK: 0 }),
      'INVALID_ARGUMENT',
      /topK/,
    );
  });
});

describe('classifyTokens', () => {
  /** One token a letter of `text`, each with all its weight on one label. */
  function input(text: string, labels: string[]): TokenClassificationInput {
    const names = [...new Set(labels)];
    return {
      logits: labels.flatMap((label) => names.map((name) => (name === label ? 50 : -50))),
      encoding: {
        ids: labels.map((_, i) => i),
        tokens: [...text],
        offsets: labels.map((_, i) => [i, i + 1] as const),
        wordIds: labels.map((_, i) => i),
        sequenceIds: labels.map(() => 0),
        specialTokensMask: labels.map(() => 0),
      },
      text,
      id2label: Object.fromEntries(names.entries()),
      join: (tokens) => tokens.join('+'),
      continuingSubwordPrefix: '##',
    };
  }

  const groups = (text: string, labels: string[]) =>
    classifyTokens(input(text, labels), { aggregationStrategy: 'simple' }).map((group) =>
      'entityGroup' in group ? `${group.entityGroup}:${group.word}` : '',
    );

  it('starts a group at B- and at every change of tag', () => {
    expect(groups('abcdef', ['B-X', 'I-X', 'B-X', 'I-Y', 'I-Y', 'X'])).toEqual(['X:a+b', 'X:c', 'Y:d+e', 'X:f']);
    expect(groups('abcd', ['X', 'I-X', 'O', 'I-X'])).toEqual(['X:a+b', 'X:d']);
  });

  it('names a group by what follows the first hyphen', () => {
    expect(groups('abc', ['S-LOC', 'S-LOC', 'E-A-B'])).toEqual(['LOC:a+b', 'A-B:c']);
  });

  /** The words that strategy 'first' makes of tokens at these offsets. */
  function wordsOf(
    text: string,
    tokens: [string, number, number][],
    extra: Partial<TokenClassificationInput>,
  ): string[] {
    const base = input(
      text,
      tokens.map((_, i) => `B-${i}`),
    );
    const encoding = {
      ...base.encoding,
      tokens: tokens.map(([token]) => token),
      offsets: tokens.map(([, start, end]) => [start, end] as const),
    };
    return classifyTokens({ ...base, ...extra, encoding }, { aggregationStrategy: 'first' }).map(({ word }) => word);
  }

  it('compares a token with its text by characters where the tokenizer marks the parts of words', () => {
    const tokens: [string, number, number][] = [
      ['y', 0, 1],
      ['##z', 1, 2],
      ['x', 3, 5],
    ];
    expect(wordsOf('yz 𝒳', tokens, {})).toEqual(['y+##z', 'x']);
  });

  it('looks for a space before or at the start of a token where it does not', () => {
    const tokens: [string, number, number][] = [
      ['ab', 0, 2],
      ['c', 2, 3],
      [' d', 3, 5],
      ['e', 6, 7],
      ['?', 7, 8],
    ];
    const plain = { continuingSubwordPrefix: null };
    expect(wordsOf('abc d e?', tokens, plain)).toEqual(['ab+c', ' d', 'e+?']);
    expect(wordsOf('abc d e?', tokens, { ...plain, unkTokenId: 4 })).toEqual(['ab+c', ' d', 'e', '?']);
  });

  it('leaves out the labels it is told to', () => {
    const all = classifyTokens(input('ab', ['O', 'I-X']), { ignoreLabels: [] });
    expect(all.map(({ entity }) => entity)).toEqual(['O', 'I-X']);
    expect(classifyTokens(input('ab', ['O', 'I-X']), { ignoreLabels: ['I-X'] })[0].entity).toBe('O');
  });

  it('has nothing to say about an empty text', () => {
    expect(classifyTokens(input('', []))).toEqual([]);
    expect(classifyTokens(input('', []), { aggregationStrategy: 'max' })).toEqual([]);
  });

  it('refuses an unknown strategy and logits of another length', () => {
    const aggregationStrategy = 'mean' as 'none';
    expectError(() => classifyTokens(input('a', ['O']), { aggregationStrategy }), 'INVALID_ARGUMENT', /simple.*mean/);
    expectError(() => classifyTokens({ ...input('ab', ['O', 'X']), logits: [1, 2, 3] }), 'INVALID_SHAPE', /3 logits/);
  });
});

describe('bestAnswers', () => {
  const CLS = 9;
  const context = 'ab cd ef';
  const NO = -50;

  /** [CLS] question | three words of two tokens each, one letter a token. */
  function window(
    start: number[],
    end: number[],
    wordIds: (number | null)[] = [null, 0, 0, 0, 1, 1, 2, 2],
  ): AnswerWindow {
    return {
      encoding: {
        ids: [CLS, 1, 2, 3, 4, 5, 6, 7],
        offsets: [0, 0, 0, 1, 3, 4, 6, 7].map((at, i) => [at, i < 2 ? at : at + 1] as const),
        wordIds,
        sequenceIds: [null, 0, 1, 1, 1, 1, 1, 1],
      },
      startLogits: start,
      endLogits: end,
    };
  }

  it('stretches to words, adds up what becomes the same text, and never answers from the question', () => {
    const words = [null, 0, 0, 0, 1, 1, 2, 2];
    const only = (at: number) => Array.from({ length: 8 }, (_, i) => (i === at ? 0 : NO));
    const question = window(
      only(4).map((logit, i) => (i === 1 ? 100 : logit)),
      only(5),
      words,
    );
    expect(bestAnswers([question], context, CLS)).toEqual([
      { answer: 'cd', start: 3, end: 5, score: expect.closeTo(1, 9) as number },
    ]);
    const [twice] = bestAnswers([window(only(4), only(4)), window(only(5), only(5))], 'ab CD ef', CLS);
    expect(twice).toEqual({ answer: 'CD', start: 3, end: 5, score: expect.closeTo(2, 9) as number });
    const letters = bestAnswers([window(only(4), only(4))], context, CLS, { alignToWords: false });
    expect(letters[0]).toMatchObject({ answer: 'c', start: 3, end: 4 });
    const wordless = bestAnswers(
      [
        window(
          only(4),
          only(4),
          words.map(() => null),
        ),
      ],
      context,
      CLS,
    );
    expect(wordless[0]).toMatchObject({ answer: 'c', start: 3, end: 4 });
  });

  it('keeps answers within maxAnswerLength tokens', () => {
    const start = [NO, NO, 0, NO, NO, NO, NO, NO];
    const end = [NO, NO, NO, NO, NO, NO, NO, 0];
    expect(bestAnswers([window(start, end)], context, CLS, { maxAnswerLength: 6 })[0].answer).toBe('ab cd ef');
    const [short] = bestAnswers([window(start, end)], context, CLS, { maxAnswerLength: 5 });
    expect(short.score).toBeLessThan(1e-20);
  });

  it('takes the least sure window for "no answer", and lets it win', () => {
    const none = window([5, NO, 0, NO, NO, NO, NO, NO], [5, NO, 0, NO, NO, NO, NO, NO]);
    const p = 1 / (1 + Math.exp(-5));
    const [answer] = bestAnswers([none], context, CLS, { handleImpossibleAnswer: true });
    expect(answer).toEqual({ answer: '', start: 0, end: 0, score: expect.closeTo(p * p, 9) as number });
    expect(bestAnswers([none], context, CLS)[0].answer).toBe('ab');
    const sure = window([0, NO, 0, NO, NO, NO, NO, NO], [0, NO, 0, NO, NO, NO, NO, NO]);
    for (const windows of [
      [none, sure],
      [sure, none],
    ]) {
      const both = bestAnswers(windows, context, CLS, { handleImpossibleAnswer: true, topK: 9 });
      expect(both.find(({ answer: text }) => text === '')!.score).toBeCloseTo(0.25, 9);
    }
  });

  it('gives one empty answer where the context has no token', () => {
    const { encoding } = window([], []);
    const blank = { ids: [CLS, 1], offsets: encoding.offsets.slice(0, 2), wordIds: [null, 0], sequenceIds: [null, 0] };
    expect(bestAnswers([{ encoding: blank, startLogits: [0, 0], endLogits: [0, 0] }], '  ', CLS)).toEqual([
      { answer: '', score: 0, start: 0, end: 0 },
    ]);
  });

  it('refuses bad options and logits of another length', () => {
    expectError(() => bestAnswers([], context, CLS, { topK: 0 }), 'INVALID_ARGUMENT', /topK/);
    expectError(() => bestAnswers([], context, CLS, { maxAnswerLength: 0 }), 'INVALID_ARGUMENT', /maxAnswerLength/);
    expectError(() => bestAnswers([window([1], [1])], context, CLS), 'INVALID_SHAPE', /1 logits.*\[8, 1\]/);
  });
});

describe('answerWindowing', () => {
  const pair = (question: number, length: number) => ({
    sequenceIds: [null, ...new Array<number>(question).fill(0), null, ...new Array<number>(length).fill(1), null],
  });

  it("has the pipeline's defaults", () => {
    expect(answerWindowing(pair(10, 20), 512)).toEqual({ maxLength: 384, stride: 128 });
    expect(answerWindowing(pair(10, 900), 512)).toEqual({ maxLength: 384, stride: 128 });
    expect(answerWindowing(pair(10, 900), 64)).toEqual({ maxLength: 64, stride: 32 });
    expect(answerWindowing(pair(10, 900), 512, { maxSequenceLength: 100 })).toEqual({ maxLength: 100, stride: 50 });
    expect(answerWindowing(pair(10, 900), 512, { docStride: 0 })).toEqual({ maxLength: 384, stride: 0 });
  });

  it('makes its own overlap smaller where a long question needs it, but not a given one', () => {
    expect(answerWindowing(pair(50, 90), 64)).toEqual({ maxLength: 64, stride: 10 });
    expectError(
      () => answerWindowing(pair(50, 90), 64, { docStride: 11 }),
      'INVALID_ARGUMENT',
      /docStride is 11.*room for 11/,
    );
  });

  it('says when the question is too long', () => {
    expect(answerWindowing(pair(60, 2), 64, { docStride: 0 })).toEqual({ maxLength: 64, stride: 0 });
    expectError(() => answerWindowing(pair(61, 2), 64), 'TOO_LONG', /question takes 64 tokens.*window of 64/);
  });

  it('refuses bad options', () => {
    expectError(() => answerWindowing(pair(1, 1), 64, { maxSequenceLength: 65 }), 'INVALID_ARGUMENT', /65.*64/);
    expectError(
      () => answerWindowing(pair(1, 1), 64, { maxSequenceLength: 0 }),
      'INVALID_ARGUMENT',
      /maxSequenceLength/,
    );
    expectError(() => answerWindowing(pair(1, 1), 64, { docStride: -1 }), 'INVALID_ARGUMENT', /docStride/);
  });
});

describe('nextSentence', () => {
  it('takes label 0 for "is next"', () => {
    expect(nextSentence([Math.log(3), 0])).toEqual({ isNext: true, score: expect.closeTo(0.75, 12) as number });
    expect(nextSentence([0, Math.log(3)])).toEqual({ isNext: false, score: expect.closeTo(0.25, 12) as number });
    expectError(() => nextSentence([1, 2, 3]), 'INVALID_SHAPE', /3 logits/);
  });
});
