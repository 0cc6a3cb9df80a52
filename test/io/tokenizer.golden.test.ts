// Ids, offsets, word ids and windows against Python's `tokenizers`, on tiny tokenizers and on those of real checkpoints.

import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/io/tokenizer.js';
import { modelsDir } from '../support/models.js';

interface GoldenCase {
  text: string;
  pair?: string;
  ids: number[];
  offsets: number[];
  words: number[];
  tokens: string[];
  types?: number[];
  specials: number[];
  decoded: string;
  decodedWhole: string;
}

interface Golden {
  vocabSize: number;
  cases: GoldenCase[];
  truncations: {
    text: string;
    pair: string | null;
    strategy: 'longest_first' | 'only_first' | 'only_second';
    maxLength: number;
    ids: number[] | null;
  }[];
  windows: {
    text: string;
    pair: string | null;
    strategy: 'only_first' | 'only_second';
    maxLength: number;
    stride: number;
    windows: { ids: number[]; offsets: number[]; words: number[] }[];
  }[];
}

const goldenDir = new URL('../golden/tokenizers/', import.meta.url);

function readGolden<T>(name: string): T {
  return JSON.parse(gunzipSync(readFileSync(new URL(`${name}.json.gz`, goldenDir))).toString()) as T;
}

const tiny = (name: string) => new URL(`${name}.tokenizer.json`, goldenDir);
const real = (folder: string) => join(modelsDir, folder, 'tokenizer.json');

const sources: [name: string, file: string | URL][] = [
  ['tiny-wordpiece', tiny('tiny-wordpiece')],
  ['tiny-bytebpe', tiny('tiny-bytebpe')],
  ['tiny-unigram', tiny('tiny-unigram')],
  ['minilm', real('all-MiniLM-L6-v2')],
  ['gpt2', real('tokenizers/gpt2')],
  ['bart-roberta', real('tokenizers/bart-roberta')],
  ['t5-legal', real('tokenizers/t5-legal-fr-en')],
];

const flat = (values: (number | null)[]) => values.map((value) => value ?? -1);

for (const [name, file] of sources) {
  const present = existsSync(file);
  describe.skipIf(!present)(`${name}${present ? '' : ' (skipped: real checkpoints are not here)'}`, async () => {
    const golden = present ? readGolden<Golden>(`${name}.cases`) : ({} as Golden);
    const tokenizer = present
      ? await Tokenizer.fromJson(readFileSync(file, 'utf8'))
      : (undefined as unknown as Tokenizer);

    it('encodes and decodes as Python does', () => {
      expect(tokenizer.vocabSize).toBe(golden.vocabSize);
      for (const want of golden.cases) {
        const got = tokenizer.encode(want.text, { textPair: want.pair });
        const context = JSON.stringify([want.text, want.pair]);
        expect(got.ids, context).toEqual(want.ids);
        expect(got.tokens, context).toEqual(want.tokens);
        expect(got.offsets.flat(), context).toEqual(want.offsets);
        expect(flat(got.wordIds), context).toEqual(want.words);
        expect(got.typeIds, context).toEqual(want.types ?? want.ids.map(() => 0));
        expect(got.specialTokensMask, context).toEqual(want.specials);
        expect(tokenizer.decode(want.ids, { cleanUpTokenizationSpaces: false })).toBe(want.decoded);
        expect(tokenizer.decode(want.ids, { skipSpecialTokens: false, cleanUpTokenizationSpaces: false })).toBe(
          want.decodedWhole,
        );
      }
    });

    it('truncates as Python does', () => {
      for (const { text, pair, strategy, maxLength, ids } of golden.truncations) {
        const encode = () =>
          tokenizer.encode(text, { textPair: pair ?? undefined, truncation: strategy, maxLength }).ids;
        if (ids === null) expect(encode).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
        else expect(encode()).toEqual(ids);
      }
    });

    it('cuts the same windows as return_overflowing_tokens', () => {
      for (const { text, pair, strategy, maxLength, stride, windows } of golden.windows) {
        const got = tokenizer.encodeWindows(text, pair, { truncation: strategy, maxLength, stride });
        const plain = got.map((e) => ({ ids: e.ids, offsets: e.offsets.flat(), words: flat(e.wordIds) }));
        expect(plain).toEqual(windows);
      }
    });
  });
}

describe('one component at a time', () => {
  interface Variant {
    tokenizer: { normalizer: object | null; pre_tokenizer: object | null; model: { type: string } };
    cases: Pick<GoldenCase, 'text' | 'ids' | 'offsets' | 'words' | 'tokens'>[];
  }
  const variants = readGolden<{ cases: Variant[] }>('variants').cases;

  it.each(
    variants.map((variant, i) => [i, JSON.stringify(variant.tokenizer.normalizer ?? variant.tokenizer.pre_tokenizer)]),
  )('variant %i: %s', async (i) => {
    const { tokenizer: json, cases } = variants[i];
    const tokenizer = await Tokenizer.fromJson(json);
    for (const want of cases) {
      const got = tokenizer.encode(want.text);
      expect(
        { ids: got.ids, tokens: got.tokens, words: flat(got.wordIds), offsets: got.offsets.flat() },
        JSON.stringify(want.text),
      ).toEqual({ ids: want.ids, tokens: want.tokens, words: want.words, offsets: want.offsets });
    }
  });
});
