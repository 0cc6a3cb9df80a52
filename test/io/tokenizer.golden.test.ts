// Ids, offsets, word ids, windows and texts against Python's `tokenizers`, on tiny tokenizers and on those of real checkpoints.

import { createHash } from 'node:crypto';
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

interface DecodingCase {
  ids: number[];
  decoded: string;
  decodedWhole: string;
}

interface Golden {
  vocabSize: number;
  decodings: DecodingCase[];
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
  ['tiny-spbpe', tiny('tiny-spbpe')],
  ['minilm', real('all-MiniLM-L6-v2')],
  ['gpt2', real('tokenizers/gpt2')],
  ['bart-roberta', real('tokenizers/bart-roberta')],
  ['t5-legal', real('tokenizers/t5-legal-fr-en')],
];

/** By id of a tokenizer: hashes of the ids of long texts, which are drawn from the pools. */
const long = JSON.parse(readFileSync(new URL('long.json', goldenDir), 'utf8')) as {
  pools: Record<string, string[]>;
  length: number;
  tokenizers: Record<string, Record<string, { count: number; sha256: string }>>;
};

/** The same text as in generate_tokenizers.py. */
function longText(pool: readonly string[], length: number, seed: number): string {
  const sizes = pool.map((part) => Array.from(part).length);
  const parts: string[] = [];
  let state = seed;
  for (let size = 0; size < length;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const index = (state >>> 8) % pool.length;
    parts.push(pool[index]);
    size += sizes[index];
  }
  return parts.join('');
}

function checkLong(name: string, tokenizer: Tokenizer, length: number): void {
  Object.entries(long.pools).forEach(([pool, parts], i) => {
    const { ids } = tokenizer.encode(longText(parts, length, i + 1));
    const sha256 = createHash('sha256').update(Int32Array.from(ids)).digest('hex');
    expect({ pool, count: ids.length, sha256 }).toEqual({ pool, ...long.tokenizers[name][pool] });
  });
}

function checkDecodings(tokenizer: Tokenizer, cases: readonly DecodingCase[]): void {
  const options = { cleanUpTokenizationSpaces: false };
  for (const { ids, decoded, decodedWhole } of cases) {
    expect(tokenizer.decode(ids, options), JSON.stringify(ids)).toBe(decoded);
    expect(tokenizer.decode(ids, { ...options, skipSpecialTokens: false }), JSON.stringify(ids)).toBe(decodedWhole);
  }
}

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

    it('decodes any ids as Python does', () => {
      checkDecodings(tokenizer, golden.decodings);
    });

    it('encodes long texts as Python does', { timeout: 60_000 }, () => {
      checkLong(name, tokenizer, long.length);
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

  it.each(variants.map((_, i) => i))('variant %i: long texts', { timeout: 60_000 }, async (i) => {
    checkLong(`variant ${i}`, await Tokenizer.fromJson(variants[i].tokenizer), long.length / 10);
  });

  interface DecoderVariant {
    tokenizer: { decoder: object | null };
    cases: DecodingCase[];
  }
  const decoders = readGolden<{ cases: DecoderVariant[] }>('decoders').cases;

  it.each(decoders.map(({ tokenizer }, i) => [i, JSON.stringify(tokenizer.decoder)]))('decoder %i: %s', async (i) => {
    const { tokenizer, cases } = decoders[i];
    checkDecodings(await Tokenizer.fromJson(tokenizer), cases);
  });
});
