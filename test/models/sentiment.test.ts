// models/sentiment as committed: what the Encoder makes of it against PyTorch with the same float16 weights, and its labels.
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import { createEngine } from '../../src/runtime/host';

interface Expected {
  /** `label` is the right one, `found` is PyTorch's. */
  classify: { text: string; label: string; found: string; ids: number[]; logits: number[] }[];
  /** For each mask the five likeliest tokens. */
  fillMask: { text: string; masks: { token: number; tokenStr: string; score: number }[][] }[];
  nextSentence: { first: string; second: string; logits: number[]; score: number }[];
}

const folder = fileURLToPath(new URL('../../models/sentiment/', import.meta.url));
const expected = JSON.parse(
  readFileSync(new URL('../golden/models/sentiment.json', import.meta.url), 'utf8'),
) as Expected;
const engine = await createEngine({ threads: 1, worker: false });
const classifier = await Encoder.fromPretrained(folder, { engine });
const pretrained = await Encoder.fromPretrained(`${folder}pretrained`, { engine });
afterAll(() => engine.dispose());

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));

describe('classification', () => {
  const texts = expected.classify.map(({ text }) => text);

  it('splits texts into the same pieces as tokenizers', () => {
    for (const { text, ids } of expected.classify)
      expect([...classifier.tokenizer.encode(text).ids], text).toEqual(ids);
  });

  it('gives the logits of PyTorch', async () => {
    const { logits } = await classifier.forward(texts);
    expect(
      largest(
        logits!.data as Float32Array,
        expected.classify.flatMap((text) => text.logits),
      ),
    ).toBeLessThan(1e-4);
  });

  it('gives the labels of PyTorch, and nearly always the right ones', async () => {
    const results = await classifier.classify(texts);
    expect(results.map(([{ label }]) => label)).toEqual(expected.classify.map(({ found }) => found));
    const right = expected.classify.filter(({ label }, i) => results[i][0].label === label).length;
    expect(right / texts.length).toBeGreaterThan(0.9);
  });

  it.each([
    ['The boy was very sad because he lost his kite.', 'negative'],
    ['THE GIRL WAS VERY HAPPY!', 'positive'],
    ['The boy walked to school.', 'neutral'],
    ['She was not happy.', 'negative'],
  ])('%s', async (text, label) => {
    expect((await classifier.classify(text))[0].label).toBe(label);
  });

  it('spells words it does not know', () => {
    const { ids } = classifier.tokenizer.encode('Zyxwvutsrqponmlkjihgfedcba 0918273645 qj');
    expect([...ids]).not.toContain(classifier.tokenizer.unkTokenId);
  });
});

describe('pretraining heads', () => {
  it.each(expected.fillMask)('fills $text as PyTorch does', async ({ text, masks }) => {
    const found = await pretrained.fillMask(text);
    found.flat().forEach(({ token, tokenStr, score }, i) => {
      const want = masks.flat()[i];
      expect({ token, tokenStr }).toEqual({ token: want.token, tokenStr: want.tokenStr });
      expect(Math.abs(score - want.score)).toBeLessThan(1e-4);
    });
  });

  it.each(expected.nextSentence)(
    'judges "$first $second" as PyTorch does',
    async ({ first, second, logits, score }) => {
      const { seqRelationshipLogits } = await pretrained.forward({ text: first, textPair: second });
      expect(largest(seqRelationshipLogits!.data as Float32Array, logits)).toBeLessThan(1e-4);
      const found = await pretrained.isNextSentence(first, second);
      expect(found.isNext).toBe(logits[0] >= logits[1]);
      expect(Math.abs(found.score - score)).toBeLessThan(1e-5);
    },
  );
});

it('is small: both folders have at most 400,000 parameters each and 1.3 MB together', () => {
  const sizes = [folder, `${folder}pretrained/`].map((path) => statSync(`${path}model.safetensors`).size);
  for (const size of sizes) expect(size).toBeLessThan(2 * 400_000);
  expect(sizes[0] + sizes[1]).toBeLessThan(1_300_000);
});
