// A large tokenizer.json, read in turns: the same as JSON.parse gives, whatever its tokens look like.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../src';
import { parseJson } from '../../src/io/json';
import { Tokenizer } from '../../src/io/tokenizer';
import { parseLargeJson } from '../../src/io/tokenizer/large-json';

type Json = Record<string, unknown>;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Reads it in turns, with the number of them. */
async function inTurns(text: string): Promise<{ value: unknown; turns: number }> {
  let turns = 0;
  const value = await parseLargeJson(bytesOf(text), 'the file', () => {
    turns++;
    return undefined;
  });
  return { value, turns };
}

/** With the vocabulary as the object that it is in the file. */
function plain(value: unknown): unknown {
  const file = value as { model: Json };
  const { vocab } = file.model;
  return vocab instanceof Map ? { ...file, model: { ...file.model, vocab: Object.fromEntries(vocab) } } : value;
}

/** Tokens that look like what stands between two tokens of a file. */
const ODD = [
  '1,"',
  '": 1, "',
  '0},"',
  '7 }',
  '],[',
  '"],["',
  ']],',
  '"]}',
  '\\',
  '\\"',
  '{',
  '[',
  ',',
  '"',
  '\n',
  '🙂',
];

/** Above what is parsed at a time several times over. */
function filler(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `filler${i}`);
}

function bpeFile(tokens: readonly string[], asPairs: boolean): Json {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const merges = tokens.map((token, i) => {
    const other = tokens[(i * 7919) % tokens.length];
    return asPairs ? [token, other] : `${token} ${other}`;
  });
  return {
    version: '1.0',
    added_tokens: [{ id: 0, content: '"vocab": {', special: true }],
    model: { type: 'BPE', vocab, merges, unk_token: null },
    behind: ['"merges": [', 1.5],
  };
}

function unigramFile(tokens: readonly string[]): Json {
  return {
    model: { type: 'Unigram', unk_id: 0, vocab: tokens.map((token, i) => [token, -i / 7]), byte_fallback: false },
  };
}

const odd = fc.array(fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: 'grapheme', maxLength: 6 })), {
  maxLength: 3,
});
const tokens = fc
  .array(
    odd.map((parts) => parts.join('')),
    { minLength: 50, maxLength: 200 },
  )
  // 30 of each 1000, and in runs, so that a cut may fall among them
  .map((some) => [
    ...new Set(filler(12_000).map((token, i) => (i % 1000 < 970 ? token : token + some[i % some.length]))),
  ]);

describe('a large tokenizer.json', () => {
  test('is what JSON.parse gives, whatever its tokens look like', async () => {
    const file = fc.oneof(
      fc.tuple(tokens, fc.boolean()).map(([some, asPairs]) => bpeFile(some, asPairs)),
      tokens.map(unigramFile),
    );
    await fc.assert(
      fc.asyncProperty(file, fc.constantFrom(undefined, 1, '\t'), async (json, indent) => {
        const text = JSON.stringify(json, null, indent);
        const { value, turns } = await inTurns(text);
        expect(plain(value)).toEqual(JSON.parse(text));
        expect(turns).toBeGreaterThanOrEqual(Math.floor(text.length / 2 ** 17));
      }),
      { numRuns: 40 },
    );
  });

  test('keeps the order of the vocabulary, and of a token that is there twice the later id', async () => {
    const text = JSON.stringify(bpeFile(filler(9000), true)).replace('"filler8999":', '"filler3":');
    const { value } = await inTurns(text);
    const vocab = (value as { model: { vocab: Map<string, number> } }).model.vocab;
    expect([...vocab.keys()].slice(0, 5)).toEqual(['filler0', 'filler1', 'filler2', 'filler3', 'filler4']);
    expect(vocab.get('filler3')).toBe(8999);
  });

  test('that is cut or damaged gives the error that JSON.parse gives', async () => {
    const text = JSON.stringify(bpeFile(filler(9000), false));
    for (const part of [0, 1, 90, 70_000, 140_000, 200_000, text.length - 40, text.length - 1]) {
      for (const broken of [text.slice(0, part), text.slice(0, part) + '\u0001"' + text.slice(part)]) {
        let wanted: unknown;
        try {
          parseJson(bytesOf(broken), 'the file');
        } catch (error) {
          wanted = error;
        }
        await expect(inTurns(broken)).rejects.toMatchObject({
          code: 'INVALID_FILE',
          message: (wanted as Error).message,
        });
      }
    }
  });

  test('with its lists in other places is read all the same', async () => {
    const { model } = bpeFile(filler(9000), true) as { model: Json };
    const others = [
      { vocab: model.vocab, model: { type: 'BPE' } },
      { other: { vocab: model.vocab }, model },
      { model: { ...model, vocab: {}, merges: [] } },
      { model: { vocab: [1, 2], merges: { '0': 1 } } },
      [model],
      'vocab',
    ];
    for (const json of others) {
      const text = JSON.stringify(json);
      const { value } = await inTurns(text);
      expect(typeof value === 'object' && 'model' in value! ? plain(value) : value).toEqual(JSON.parse(text));
    }
  });
});

/** The smallest file that is read in turns, and then some: words of two letters and their merges. */
function largeBpe(): string {
  const letters = Array.from('abcdefghijklmnopqrstuvwxyz0123456789');
  const twos = letters.flatMap((a) => letters.map((b) => a + b));
  const fours = twos.flatMap((a) => twos.slice(0, 30).map((b) => a + b));
  const all = [...letters, ...twos, ...fours];
  const half = (token: string): [string, string] => [token.slice(0, token.length / 2), token.slice(token.length / 2)];
  const merges = [...twos, ...fours].map(half);
  const vocab = Object.fromEntries(all.map((token, id) => [token, id]));
  return JSON.stringify({ added_tokens: [], model: { type: 'BPE', vocab, merges } }, null, 2);
}

describe('loading it', () => {
  test('gives others their turns, and the same tokenizer', async () => {
    const text = largeBpe();
    expect(text.length).toBeGreaterThan(2 ** 20);
    const whole = await Tokenizer.fromJson(text);
    let pauses = 0;
    const { value } = await inTurns(text);
    const read = await Tokenizer.fromJson(value as object, {}, 'the file', () => {
      pauses++;
      return undefined;
    });
    expect(pauses).toBeGreaterThan(20);
    for (const word of ['abaa', 'zz9', 'a', 'aaaabbbbccccdddd0123', '']) {
      expect(read.encode(word).ids).toEqual(whole.encode(word).ids);
      expect(read.encode(word).tokens).toEqual(whole.encode(word).tokens);
    }
    expect(read.vocabSize).toBe(whole.vocabSize);
  });

  test('can be aborted', async () => {
    const files = { 'tokenizer.json': bytesOf(largeBpe()), 'config.json': bytesOf('{"model_type":"gpt2"}') };
    const tokenizer = await loadTokenizer(files);
    expect(tokenizer.encode('abaa').ids).toHaveLength(1);
    const controller = new AbortController();
    const loading = loadTokenizer(files, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
