// Every command on a tiny model, for people and as JSON Lines. The numbers are those of the library, which its own tests compare with
// Hugging Face's.
import { describe, expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import { encoder, linesOf, wasmformer } from './run';

const SENTENCE = encoder('sentence-mean');
const TEXTS = ['The museum keeps 250 clocks.', 'It is winter.'];

describe('embed', () => {
  it('gives a vector for each argument or line', async () => {
    const model = await Encoder.fromPretrained(SENTENCE, { worker: false, threads: 1 });
    const rows = (await model.embed(TEXTS)).toArray() as number[][];
    await model.dispose();
    const { status, stdout } = wasmformer(['embed', SENTENCE, '--json', ...TEXTS]);
    expect(status).toBe(0);
    const found = linesOf(stdout);
    expect(found.map(({ text }) => text)).toEqual(TEXTS);
    found.forEach(({ embedding }, i) =>
      (embedding as number[]).forEach((x, j) => expect(x).toBeCloseTo(rows[i][j], 6)),
    );
    expect(wasmformer(['embed', SENTENCE, '--json'], `${TEXTS.join('\n')}\n`).stdout).toBe(stdout);
  });

  it('passes the other fields of JSON Lines on', () => {
    const input = TEXTS.map((text, id) => JSON.stringify({ id, text })).join('\n');
    const found = linesOf(wasmformer(['embed', SENTENCE, '--json', '--dimensions', '3'], input).stdout);
    expect(found.map(({ id, embedding }) => [id, (embedding as number[]).length])).toEqual([
      [0, 3],
      [1, 3],
    ]);
  });

  it('shows people the beginning', () => {
    const { stdout } = wasmformer(['embed', SENTENCE, TEXTS[0]]);
    expect(stdout).toMatch(/^The museum keeps 250 clocks\.\n( +-?\d\.\d{4}){6} {2}… {2}24 numbers, length 1\.000/);
  });
});

it('similar: a matrix, or the nearest to a query', () => {
  const table = wasmformer(['similar', SENTENCE, ...TEXTS]);
  expect(table).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/\n1 +1\.00 +0\.\d\d\n2 +0\.\d\d +1\.00\n$/) as string,
  });
  const nearest = linesOf(wasmformer(['similar', SENTENCE, '--json', '--query', TEXTS[1], ...TEXTS]).stdout);
  expect(nearest[0]).toMatchObject({ text: TEXTS[1], index: 1 });
  expect(nearest[0].score).toBeCloseTo(1, 4);
});

it('classify: labels of texts, and of words', () => {
  const model = encoder('bert-classify');
  const [best] = linesOf(wasmformer(['classify', model, '--json', TEXTS[0]]).stdout);
  const [all] = linesOf(wasmformer(['classify', model, '--json', '--top-k', 'all', TEXTS[0]]).stdout);
  expect(best.labels).toHaveLength(1);
  expect((all.labels as { score: number }[]).reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 4);
  const words = linesOf(
    wasmformer(['classify', encoder('bert-token-classification'), '--tokens', '--json', 'Otto lives here.']).stdout,
  );
  expect(words[0].entities).toBeInstanceOf(Array);
});

it('fill-mask', () => {
  const args = ['fill-mask', encoder('bert-masked-lm'), 'The [MASK] keeper counts.', '--top-k', '2'];
  expect(linesOf(wasmformer([...args, '--json']).stdout)[0].tokens).toHaveLength(2);
  expect(wasmformer(args).stdout).toMatch(/^The \[MASK\] keeper counts\.\n {2}\S+ +\d+\.\d %/);
});

it('answer: from arguments, a piped text, and JSON Lines', () => {
  const model = encoder('bert-question-answering');
  const [question, context] = ['When was it built?', 'The bridge of Belcastle was built in 1871.'];
  const [given] = linesOf(wasmformer(['answer', model, '--json', question, context]).stdout);
  const [piped] = linesOf(wasmformer(['answer', model, '--json', question], context).stdout);
  const [line] = linesOf(wasmformer(['answer', model, '--json'], JSON.stringify({ question, context })).stdout);
  const [{ answer, start, end }] = given.answers as { answer: string; start: number; end: number }[];
  expect(context.slice(start, end)).toBe(answer);
  expect(piped.answers).toEqual(given.answers);
  expect(line).toEqual(given);
});

it('rerank: best first', () => {
  const found = linesOf(
    wasmformer(['rerank', encoder('cross-encoder'), 'winter', '--json'], 'one\ntwo clocks\nthree\n').stdout,
  );
  const scores = found.map(({ score }) => score as number);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(found.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
});

it('generate: as it comes, and as JSON', () => {
  const args = ['generate', 'test/golden/texts/pieces', 'once upon a', '--max-new-tokens', '8'];
  expect(wasmformer(args)).toMatchObject({ status: 0, stdout: 'nosuoeue\n' });
  const [{ answer, ids, finishReason }] = linesOf(wasmformer([...args, '--json']).stdout);
  expect({ answer, finishReason, ids }).toEqual({
    answer: 'nosuoeue',
    finishReason: 'length',
    ids: [269, 270, 273, 275, 270, 263, 275, 263],
  });
});

it('translate: a line for each line, dates checked', () => {
  const { status, stdout, stderr } = wasmformer(['translate', 'dates'], 'am 3. März 99\nhello world\n3/14/15\n');
  expect(stdout).toBe('1999-03-03\n?\n2015-03-14\n');
  expect(stderr).toContain('"hello world": not a validated date');
  expect(status).toBe(4);
});

it('tokenize: there and back', () => {
  const model = 'test/golden/texts/pieces';
  const [{ ids }] = linesOf(wasmformer(['tokenize', model, '--json', 'once upon a']).stdout);
  const { stdout } = wasmformer(['tokenize', model, '--decode', (ids as number[]).join(',')]);
  expect(stdout).toBe('once upon a\n');
  expect(wasmformer(['tokenize', model, '--count', 'once upon a']).stdout).toBe(`${(ids as number[]).length}\n`);
});

it('inspect: files, tensors, plan and times', () => {
  const { stdout } = wasmformer(['inspect', encoder('bert-model')]);
  for (const part of ['Encoder', 'Files', 'Tensors', 'matmul', 'attention', ' %']) expect(stdout).toContain(part);
  const [{ tensors }] = linesOf(wasmformer(['inspect', encoder('bert-model'), '--tensors', '--json']).stdout);
  expect(tensors).toContainEqual(
    expect.objectContaining({ name: expect.stringContaining('word_embeddings') as string }),
  );
});

it('attention: a grid of any layer and head, never wider than the terminal', () => {
  const args = ['attention', 'dates', 'the 21st of June, 2004'];
  const { status, stdout } = wasmformer([...args, '--layer', '0', '--head', '1']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^2 +│/m);
  for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(80);
  const [{ weights, rows, columns }] = linesOf(wasmformer([...args, '--of', 'encoder', '--json']).stdout);
  expect((weights as number[][][][])[0][0]).toHaveLength((rows as string[]).length);
  expect(rows).toEqual(columns);
});

it('models: ours, and where they are', () => {
  expect(linesOf(wasmformer(['models', '--json']).stdout).map(({ name }) => name)).toEqual([
    'dates',
    'stories',
    'sentiment',
  ]);
});
