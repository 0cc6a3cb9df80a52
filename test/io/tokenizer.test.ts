// The tokenizer's interface and its errors, on the tiny tokenizers. Expected ids and texts: see golden/generate_tokenizers.py.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/io/tokenizer.js';

type Json = Record<string, unknown> & { model: Record<string, unknown> };

function tinyJson(name: string): Json {
  const file = new URL(`../golden/tokenizers/tiny-${name}.tokenizer.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Json;
}

const load = (name: string, config?: object) => Tokenizer.fromJson(tinyJson(name), config);
const wordpiece = await load('wordpiece');
const bytebpe = await load('bytebpe');
const unigram = await load('unigram');

function fails(run: () => unknown, code: string, message: RegExp): void {
  expect(run).toThrow(errorLike(code, message));
}

const errorLike = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ name: 'WasmformerError', code, message: expect.stringMatching(message) as string });

describe('encode', () => {
  it('ignores the truncation and padding stored in the file', () => {
    expect(tinyJson('wordpiece').truncation).toMatchObject({ max_length: 12 });
    expect(wordpiece.encode('a b').length).toBe(4);
    expect(wordpiece.encode('a b c d e f g h i j k l m n').length).toBe(16);
  });

  it('gives only the special tokens for an empty text', () => {
    expect(wordpiece.encode('').tokens).toEqual(['[CLS]', '[SEP]']);
    expect(wordpiece.encode('', { textPair: '' }).tokens).toEqual(['[CLS]', '[SEP]', '[SEP]']);
    expect(unigram.encode('').tokens).toEqual(['</s>']);
    expect(wordpiece.encode('', { addSpecialTokens: false }).ids).toEqual([]);
  });

  it('gives arrays of one length whose offsets cut the original text', () => {
    const text = 'The Kettle ÀND 𝔘 東京!';
    const encoding = wordpiece.encode(text, { textPair: 'boat' });
    for (const array of [
      encoding.tokens,
      encoding.attentionMask,
      encoding.tokenTypeIds,
      encoding.specialTokensMask,
      encoding.offsets,
      encoding.wordIds,
      encoding.sequenceIds,
    ]) {
      expect(array).toHaveLength(encoding.length);
    }
    const kettle = encoding.tokens.indexOf('kettle');
    expect(text.slice(...encoding.offsets[kettle])).toBe('Kettle');
    expect(encoding.sequenceIds[kettle]).toBe(0);
    expect(encoding.sequenceIds.at(-2)).toBe(1);
    expect([encoding.sequenceIds.at(-1), encoding.wordIds.at(-1)]).toEqual([null, null]);
    expect(encoding.tokens).toBe(encoding.tokens);
  });

  it('leaves special tokens out on request', () => {
    const encoding = wordpiece.encode('the boat', { textPair: 'the', addSpecialTokens: false });
    expect(encoding.tokens).toEqual(['the', 'boat', 'the']);
    expect(encoding.typeIds).toEqual([0, 0, 1]);
  });

  it('gives segments where the inputs of its model name them', async () => {
    const segments = async (config: object): Promise<number[]> =>
      (await load('wordpiece', config)).encode('the', { textPair: 'boat' }).typeIds;
    const names = ['input_ids', 'attention_mask'];
    expect(await segments({ model_input_names: ['token_type_ids', ...names] })).toEqual([0, 0, 0, 1, 1]);
    expect(await segments({ model_input_names: names })).toEqual([0, 0, 0, 0, 0]);
    // as transformers 4.57 and 5.24 have it, where nothing names them
    expect(await segments({ tokenizer_class: 'PreTrainedTokenizerFast' })).toEqual([0, 0, 0, 1, 1]);
    expect(await segments({ tokenizer_class: 'TokenizersBackend' })).toEqual([0, 0, 0, 0, 0]);
  });

  it('cuts only when asked', async () => {
    const text = 'the boat the boat the boat';
    expect(wordpiece.count(text)).toBe(8);
    expect(wordpiece.count(text, { maxLength: 4 })).toBe(8);
    expect(wordpiece.encode(text, { truncation: true, maxLength: 4 }).tokens).toEqual([
      '[CLS]',
      'the',
      'boat',
      '[SEP]',
    ]);
    expect(wordpiece.encode(text, { truncation: true, maxLength: 2 }).tokens).toEqual(['[CLS]', '[SEP]']);
    expect((await load('wordpiece', { model_max_length: 5 })).count(text, { truncation: true })).toBe(5);
    expect((await load('wordpiece', { model_max_length: 5 })).count(text)).toBe(8);
  });

  it('refuses what is not text', () => {
    for (const bad of [null, undefined, 5, ['a'], {}]) {
      fails(() => wordpiece.encode(bad as unknown as string), 'INVALID_ARGUMENT', /not a string/);
      if (bad !== undefined) {
        fails(
          () => wordpiece.encode('a', { textPair: bad as unknown as string }),
          'INVALID_ARGUMENT',
          /textPair is .*not a string/,
        );
      }
    }
    for (const bad of ['\ud83d', 'a\udc00b', '😀\ud83d']) {
      fails(() => wordpiece.encode(bad), 'INVALID_ARGUMENT', /lone surrogate at unit/);
    }
    expect(wordpiece.encode('😀').length).toBe(3);
  });

  it('refuses lengths that cannot be kept', () => {
    const options = (maxLength?: number) => ({ truncation: true, maxLength });
    fails(
      () => wordpiece.encode('a', options(1)),
      'INVALID_ARGUMENT',
      /maxLength 1 has no room for the 2 special tokens/,
    );
    fails(() => wordpiece.encode('a', options(0)), 'INVALID_ARGUMENT', /maxLength is 0/);
    fails(() => wordpiece.encode('a', options(2.5)), 'INVALID_ARGUMENT', /maxLength is 2.5/);
    fails(() => wordpiece.encode('a', options()), 'INVALID_ARGUMENT', /needs maxLength/);
    fails(() => wordpiece.encode('a b c', { truncation: 'only_second', maxLength: 3 }), 'INVALID_ARGUMENT', /textPair/);
    fails(
      () => wordpiece.encode('a', { textPair: 'a b c d', truncation: 'only_first', maxLength: 5 }),
      'INVALID_ARGUMENT',
      /remove 3 tokens from a text of 1/,
    );
    fails(
      () => wordpiece.encode('a', { truncation: 'longest' as 'only_first', maxLength: 5 }),
      'INVALID_ARGUMENT',
      /truncation is "longest"/,
    );
  });
});

describe('encodeWindows', () => {
  const context = 'the red kettle sings while the small boat waits by the green river';

  it('covers the long text and repeats the question', () => {
    const windows = wordpiece.encodeWindows('why', context, { maxLength: 14, stride: 2 });
    expect(windows.length).toBeGreaterThan(2);
    const question = wordpiece.encode('why', { addSpecialTokens: false }).ids;
    const covered = new Set<number>();
    for (const window of windows) {
      expect(window.length).toBeLessThanOrEqual(14);
      expect(window.ids.slice(1, 1 + question.length)).toEqual(question);
      expect(window.typeIds.every((type, i) => type === (window.sequenceIds[i] ?? type))).toBe(true);
      window.offsets.forEach(([start, end], i) => {
        if (window.sequenceIds[i] === 1) for (let k = start; k < end; k++) covered.add(k);
      });
    }
    expect([...context].every((char, i) => char === ' ' || covered.has(i))).toBe(true);
  });

  it('gives one window where everything fits', () => {
    const [only, ...more] = wordpiece.encodeWindows('why', context, { maxLength: 200, stride: 3 });
    expect(more).toEqual([]);
    expect(only.ids).toEqual(wordpiece.encode('why', { textPair: context }).ids);
    expect(wordpiece.encodeWindows(context, null, { maxLength: 200 })[0].ids).toEqual(wordpiece.encode(context).ids);
  });

  it('refuses windows without room', () => {
    fails(
      () => wordpiece.encodeWindows('why', context, { maxLength: 8, stride: 5 }),
      'INVALID_ARGUMENT',
      /stride of 5/,
    );
    fails(
      () => wordpiece.encodeWindows(context, 'why', { maxLength: 8 }),
      'INVALID_ARGUMENT',
      /room for 0 tokens of the second/,
    );
    fails(
      () => wordpiece.encodeWindows('why', context, { maxLength: 14, stride: -1 }),
      'INVALID_ARGUMENT',
      /stride is -1/,
    );
    fails(
      () => wordpiece.encodeWindows('why', null, { maxLength: 14, truncation: 'only_second' }),
      'INVALID_ARGUMENT',
      /textPair/,
    );
  });
});

describe('decode', () => {
  it('leaves special tokens out unless asked', () => {
    const { ids } = wordpiece.encode('the boat [MASK]');
    expect(wordpiece.decode(ids)).toBe('the boat');
    expect(wordpiece.decode(Int32Array.from(ids), { skipSpecialTokens: false })).toBe('[CLS] the boat [MASK] [SEP]');
    expect(bytebpe.decode(bytebpe.encode('Ångström 😀').ids)).toBe(' Ångström 😀');
  });

  it('gives nothing for nothing, leaves out ids without a token, refuses what is not an id', () => {
    expect(wordpiece.decode([])).toBe('');
    expect(wordpiece.decode([2, 3])).toBe('');
    expect(wordpiece.decode([wordpiece.tokenToId('the')!, 1_000_000, -1])).toBe('the');
    fails(() => wordpiece.decode([1.5]), 'INVALID_ARGUMENT', /ids\[0\] is 1.5/);
    fails(() => wordpiece.decode([null as unknown as number]), 'INVALID_ARGUMENT', /ids\[0\] is null/);
    fails(() => wordpiece.decode([1, Number.NaN]), 'INVALID_ARGUMENT', /ids\[1\] is NaN/);
    fails(() => wordpiece.decode([1, Infinity]), 'INVALID_ARGUMENT', /ids\[1\] is Infinity/);
    const holes = new Array<number>(2);
    fails(() => wordpiece.decode(holes), 'INVALID_ARGUMENT', /ids\[0\] is undefined/);
    fails(() => wordpiece.decode([5n] as unknown as number[]), 'INVALID_ARGUMENT', /ids\[0\] is the bigint "5"/);
    for (const bad of [null, undefined, 7, {}, 'the']) {
      fails(() => wordpiece.decode(bad as unknown as number[]), 'INVALID_ARGUMENT', /ids are .*expected an array/);
      if (bad !== 7) fails(() => wordpiece.decodeStream().push(bad as number[]), 'INVALID_ARGUMENT', /ids are/);
    }
    fails(() => wordpiece.decodeStream({ context: [0.5] }), 'INVALID_ARGUMENT', /ids\[0\] is 0.5/);
  });

  it('gives the later of two tokens with one id', async () => {
    const vocab = { '[UNK]': 0, kettle: 1, boat: 1 };
    const tokenizer = await Tokenizer.fromJson({ model: { type: 'WordPiece', vocab } });
    expect([tokenizer.encode('kettle').ids, tokenizer.encode('boat').ids, tokenizer.decode([1])]).toEqual([
      [1],
      [1],
      'boat',
    ]);
  });

  it('cleans up spaces on request or as the configuration says', async () => {
    const ids = [3, 17, 3].map(() => bytebpe.tokenToId('Ġ')!).concat(bytebpe.tokenToId('.')!);
    expect(bytebpe.decode(ids)).toBe('   .');
    expect(bytebpe.decode(ids, { cleanUpTokenizationSpaces: true })).toBe('  .');
    expect((await load('bytebpe', { clean_up_tokenization_spaces: true })).decode(ids)).toBe('  .');
  });
});

describe('vocabulary and special tokens', () => {
  it('maps tokens and ids both ways', () => {
    expect(wordpiece.tokenToId('[MASK]')).toBe(4);
    expect(wordpiece.idToToken(4)).toBe('[MASK]');
    expect(wordpiece.tokenToId('no such token')).toBeUndefined();
    expect(wordpiece.idToToken(wordpiece.vocabSize)).toBeUndefined();
    expect(wordpiece.idToToken(wordpiece.vocabSize - 1)).toBeTypeOf('string');
    expect(unigram.idToToken(unigram.tokenToId('lighthouse')!)).toBe('lighthouse');
  });

  it('finds special tokens by name where no configuration says', () => {
    expect(wordpiece.specialTokens).toEqual({ pad: '[PAD]', unk: '[UNK]', cls: '[CLS]', sep: '[SEP]', mask: '[MASK]' });
    expect([wordpiece.padTokenId, wordpiece.maskTokenId, wordpiece.eosTokenId]).toEqual([0, 4, undefined]);
    expect(bytebpe.specialTokens).toMatchObject({ bos: '<s>', eos: '</s>', cls: '<s>', sep: '</s>', mask: '<mask>' });
    expect([bytebpe.clsTokenId, bytebpe.sepTokenId]).toEqual([0, 2]);
  });

  it('follows the configuration', async () => {
    const tokenizer = await load('unigram', {
      eos_token: { content: '</s>' },
      pad_token: '</s>',
      bos_token: null,
      model_max_length: 1e30,
    });
    expect([tokenizer.eosTokenId, tokenizer.padToken, tokenizer.bosToken]).toEqual([1, '</s>', undefined]);
    expect(tokenizer.modelMaxLength).toBeUndefined();
    expect((await load('unigram', { model_max_length: 512 })).modelMaxLength).toBe(512);
  });
});

describe('long input', () => {
  it('takes long words of any kind', () => {
    for (const text of ['a'.repeat(60_000), '😀'.repeat(30_000), 'é\u0323'.repeat(20_000), ' '.repeat(60_000)]) {
      for (const tokenizer of [wordpiece, bytebpe, unigram]) {
        const encoding = tokenizer.encode(text);
        const [from, to] = tokenizer === unigram ? [0, -1] : [1, -1];
        const starts = encoding.offsets.slice(from, to).map(([start]) => start);
        expect(starts.every((start, i) => start <= text.length && (i === 0 || start >= starts[i - 1]))).toBe(true);
      }
    }
  });

  it('does not run out of stack on one word of 400,000 characters', () => {
    expect(unigram.encode('a'.repeat(400_000)).length).toBeGreaterThan(100_000);
  });
});

describe('long words', () => {
  // however a word is cut, its pieces are those that the merges give one by one
  const merged = (word: string, merges: readonly [string, string][]): string[] => {
    let symbols = Array.from(word);
    for (;;) {
      const ranks = symbols.slice(1).map((right, i) => merges.findIndex(([a, b]) => a === symbols[i] && b === right));
      const least = Math.min(...ranks.filter((rank) => rank >= 0));
      if (!Number.isFinite(least)) return symbols;
      const at = ranks.indexOf(least);
      symbols = [...symbols.slice(0, at), symbols[at] + symbols[at + 1], ...symbols.slice(at + 2)];
    }
  };

  it('merge as short ones do, also where later merges rank lower', async () => {
    const letters = ['a', 'b', 'c', 'd', '▁'];
    const pairsOf = fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        pairsOf,
        fc.string({ unit: fc.constantFrom(...letters), maxLength: 200 }),
        async (pairs, word) => {
          const vocab = [...letters];
          const merges: [string, string][] = [];
          for (const [a, b] of pairs) {
            const [left, right] = [vocab[a % vocab.length], vocab[b % vocab.length]];
            if (vocab.includes(left + right)) continue;
            vocab.push(left + right);
            merges.unshift([left, right]);
          }
          const tokenizer = await Tokenizer.fromJson({
            model: { type: 'BPE', vocab: Object.fromEntries(vocab.map((token, id) => [token, id])), merges },
          });
          expect(tokenizer.encode(word).tokens).toEqual(merged(word, merges));
        },
      ),
    );
  });
});

describe('fromJson', () => {
  const change = (name: string, edit: (json: Json) => void) => () => {
    const json = tinyJson(name);
    edit(json);
    return Tokenizer.fromJson(json, {}, 'dir/tokenizer.json');
  };

  it('reads text and objects', async () => {
    const json = tinyJson('wordpiece');
    expect((await Tokenizer.fromJson(JSON.stringify(json))).encode('boat').ids).toEqual(wordpiece.encode('boat').ids);
  });

  it('guesses the type of old files that name none', async () => {
    for (const [name, whole] of [
      ['wordpiece', wordpiece],
      ['bytebpe', bytebpe],
      ['unigram', unigram],
    ] as const) {
      const old = await change(name, (json) => delete json.model.type)();
      expect(old.encode('the boat').ids).toEqual(whole.encode('the boat').ids);
    }
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'broken JSON',
      () => Tokenizer.fromJson('{"model":', {}, 'dir/tokenizer.json'),
      /dir\/tokenizer\.json: not valid JSON/,
    ],
    ['not an object', () => Tokenizer.fromJson('[]'), /tokenizer\.json: expected an object, found an array/],
    ['null', () => Tokenizer.fromJson('null'), /expected an object, found null/],
    ['no model', () => Tokenizer.fromJson({}), /has no "model"/],
    [
      'unknown model',
      change('wordpiece', (j) => (j.model.type = 'Morse')),
      /model\.type: unknown model type "Morse".*WordPiece, BPE/,
    ],
    ['no vocabulary', change('wordpiece', (j) => delete j.model.vocab), /model\.vocab: expected an object/],
    ['wrong ids', change('bytebpe', (j) => (j.model.vocab = { a: -1 })), /the id of "a" is -1/],
    ['huge ids', change('bytebpe', (j) => (j.model.vocab = { a: 2 ** 40 })), /the id of "a" is/],
    [
      'unknown token missing',
      change('wordpiece', (j) => (j.model.unk_token = '[X]')),
      /"\[X\]" is not in the vocabulary/,
    ],
    ['merge of nothing', change('bytebpe', (j) => (j.model.merges = ['a'])), /merges\[0\]: expected two tokens/],
    ['merge unknown', change('bytebpe', (j) => (j.model.merges = [['a', '€']])), /token "€" is not in the vocabulary/],
    ['no merges', change('bytebpe', (j) => delete j.model.merges), /merges: expected an array/],
    ['no scores', change('unigram', (j) => (j.model.vocab = ['a'])), /vocab\[0\]: expected a token and its score/],
    ['no unknown id', change('unigram', (j) => (j.model.unk_id = 9999)), /beyond the vocabulary/],
    [
      'normalizer',
      change('unigram', (j) => (j.normalizer = { type: 'Rot13' })),
      /normalizer: unknown normalizer type "Rot13"/,
    ],
    [
      'charsmap',
      change('unigram', (j) => (j.normalizer = { type: 'Precompiled', precompiled_charsmap: '!!' })),
      /not valid base64/,
    ],
    [
      'cut charsmap',
      change('unigram', (j) => (j.normalizer = { type: 'Precompiled', precompiled_charsmap: 'AAEAAA==' })),
      /truncated/,
    ],
    [
      'nested',
      change(
        'unigram',
        (j) => (j.pre_tokenizer = { type: 'Sequence', pretokenizers: [{ type: 'Digits' }, { type: 'X' }] }),
      ),
      /pre_tokenizer\.pretokenizers\[1\]: unknown pre-tokenizer type "X"/,
    ],
    [
      'expression',
      change('unigram', (j) => (j.pre_tokenizer = { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' })),
      /regular expression \( is not supported/,
    ],
    ['post-processor', change('unigram', (j) => (j.post_processor = { type: 'X' })), /unknown post-processor type "X"/],
    [
      'template',
      change('unigram', (j) => (j.post_processor = { type: 'TemplateProcessing', single: [{}], pair: [] })),
      /single\[0\]/,
    ],
    ['decoder', change('unigram', (j) => (j.decoder = { type: 'X' })), /decoder: unknown decoder type "X"/],
    [
      'added tokens',
      change('unigram', (j) => (j.added_tokens = [{ id: 'x', content: 'a' }])),
      /added_tokens\[0\]\.id: expected a token id/,
    ],
  ])('refuses %s', async (_, run, message) => {
    await expect(run()).rejects.toEqual(errorLike('INVALID_TOKENIZER', message));
  });
});
