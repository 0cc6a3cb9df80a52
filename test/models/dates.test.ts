// The committed date model: the ids that PyTorch's greedy decoding gives for its weights, and how many of them are right.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Transformer } from '../../src/api/transformer';

interface Case {
  text: string;
  answer: string;
  /** Ids of the text, and of PyTorch's answer. */
  source: number[];
  ids: number[];
}

const folder = fileURLToPath(new URL('../../models/dates/', import.meta.url));
const cases = JSON.parse(readFileSync(new URL('../golden/models/dates.json', import.meta.url), 'utf8')) as Record<
  'clean' | 'noisy' | 'by hand',
  Case[]
>;

let model: Transformer;
beforeAll(async () => {
  model = await Transformer.fromPretrained(folder, { threads: 1, worker: false });
});
afterAll(() => model.dispose());

describe.each([
  ['clean', 0.98],
  ['noisy', 0.94],
  ['by hand', 0.9],
] as const)('%s texts', (name, least) => {
  it('are read as PyTorch reads them', async () => {
    const given = cases[name];
    for (const { text, source } of given) expect([...model.tokenizer.encode(text).ids]).toEqual(source);
    const results = await model.generate(given.map(({ text }) => text)).result();
    expect(results.map(({ ids }) => ids)).toEqual(given.map(({ ids }) => ids));
    // of a part of the held-out texts; the model card has the figures of all
    const right = results.filter(({ text }, i) => text === given[i].answer).length;
    expect(right / given.length).toBeGreaterThan(least);
  });
});

it('answers the examples of the documentation', async () => {
  const texts = ['am 3. März 99', 'the 21st of June, 2004', 'le 1er avril 2010', '3/14/15', 'hello world'];
  const results = await model.generate(texts).result();
  expect(results.map(({ text }) => text)).toEqual(['1999-03-03', '2004-06-21', '2010-04-01', '2015-03-14', '?']);
});
