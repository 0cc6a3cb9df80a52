// The pre-tokenizer UnicodeScripts cuts where Python's does.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Tokenizer } from '../../src/io/tokenizer';

const cases = JSON.parse(readFileSync(new URL('../golden/tokenizers/scripts.json', import.meta.url), 'utf8')) as {
  text: string;
  pieces: [number, number][];
}[];

it('every script of Unicode, unknown characters, and what is before the first', async () => {
  const model = { type: 'WordLevel', vocab: { '?': 0 }, unk_token: '?' };
  const tokenizer = await Tokenizer.fromJson({ model, pre_tokenizer: { type: 'UnicodeScripts' } });
  for (const { text, pieces } of cases) {
    // Python counts characters
    const units = [0];
    for (const character of text) units.push(units.at(-1)! + character.length);
    const expected = pieces.map((place) => place.map((at) => units[at]));
    expect(tokenizer.encode(text).offsets, JSON.stringify(text)).toEqual(expected);
  }
  expect(cases.length).toBeGreaterThan(400);
});
