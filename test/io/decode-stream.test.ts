// Decoding piece by piece: the pieces joined are what decoding at once gives, for every kind of decoder, and no piece splits a character.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tokenizer, type DecodeOptions } from '../../src/io/tokenizer.js';
import { modelsDir } from '../support/models.js';

const OPTIONS: DecodeOptions[] = [true, false].flatMap((skipSpecialTokens) =>
  [true, false].map((cleanUpTokenizationSpaces) => ({ skipSpecialTokens, cleanUpTokenizationSpaces })),
);

function piecesOf(tokenizer: Tokenizer, ids: readonly number[], options: DecodeOptions = {}): string[] {
  const stream = tokenizer.decodeStream(options);
  return [...ids.map((id) => stream.push(id)), stream.flush()];
}

/** Pieces joined are the whole, and none but the last ends within a character. */
function checkPieces(tokenizer: Tokenizer, ids: readonly number[]): void {
  for (const options of OPTIONS) {
    const pieces = piecesOf(tokenizer, ids, options);
    const whole = tokenizer.decode(ids, options);
    expect(pieces.join('')).toBe(whole);
    if (whole.includes('\ufffd')) continue;
    for (const piece of pieces) expect(/\p{Surrogate}|\ufffd/u.test(piece)).toBe(false);
  }
}

const VOCAB = [
  "▁the ▁ s ▁a . ▁n n't 't ' é é ##ing ## the</w> </w> x</w>y <0xE2> <0x82> <0xAC> <0xF0> <0x9F> <0x41> <0xZZ> | <pad> Ġa Ġ ð ðŁ Ĥ Ĭ Ģ âĤ ¬ 😀",
  '▁▁ ▁▁the ab aab b! !',
]
  .join(' ')
  .split(' ');
VOCAB.push(' ', ' .', ' do not', "  ' ", 'a b', '');

function withDecoder(decoder: object | null, suffix?: string): Promise<Tokenizer> {
  const vocab = Object.fromEntries(VOCAB.map((token, id) => [token, id]));
  return Tokenizer.fromJson({
    model:
      suffix === undefined
        ? { type: 'WordLevel', vocab }
        : { type: 'BPE', vocab, merges: [], end_of_word_suffix: suffix },
    decoder,
    added_tokens: [
      { id: VOCAB.length, content: '<s>', special: true },
      { id: VOCAB.length + 1, content: ' added ', special: false },
      { id: VOCAB.length + 2, content: 'é€', special: false },
    ],
  });
}

const replace = (pattern: object, content: string) => ({ type: 'Replace', pattern, content });
const sequence = (...decoders: object[]) => ({ type: 'Sequence', decoders });
const strip = (content: string, start: number, stop: number) => ({ type: 'Strip', content, start, stop });
const [byteLevel, byteFallback, fuse] = ['ByteLevel', 'ByteFallback', 'Fuse'].map((type) => ({ type }));

const decoders: [name: string, decoder: object | null][] = [
  ['none', null],
  ['ByteLevel', byteLevel],
  ['ByteFallback', byteFallback],
  ['Fuse', fuse],
  ['WordPiece', { type: 'WordPiece', prefix: '##', cleanup: true }],
  ['WordPiece untidy', { type: 'WordPiece', prefix: '##', cleanup: false }],
  ['Metaspace', { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }],
  ['Metaspace never', { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never', split: true }],
  ['BPEDecoder', { type: 'BPEDecoder', suffix: '</w>' }],
  ['CTC', { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: true }],
  ['Strip', strip('a', 1, 1)],
  ['Replace text', replace({ String: 'ab' }, '$&')],
  ['Replace pattern', replace({ Regex: 'a+b?' }, '-')],
  ['Llama', sequence(replace({ String: '▁' }, ' '), byteFallback, fuse, strip(' ', 1, 0))],
  ['fused, then stripped', sequence(fuse, strip(' ', 2, 3), strip('▁', 3, 1))],
  ['fused, then replaced', sequence(fuse, replace({ String: 'aab' }, 'b'), replace({ String: '▁▁the' }, 'ab'))],
  ['fused, then by pattern', sequence(fuse, replace({ Regex: '(the|▁)+' }, ' '))],
  ['byte level, then words', sequence(byteLevel, { type: 'WordPiece', prefix: '##', cleanup: true })],
];

describe('every decoder', () => {
  it.each(decoders)('%s: random ids', async (_, decoder) => {
    const tokenizer = await withDecoder(decoder);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: VOCAB.length + 3 }), { maxLength: 60 }), (ids) => {
        checkPieces(tokenizer, ids);
      }),
    );
  });

  it('a suffix that the decoder does not know: random ids', async () => {
    const tokenizer = await withDecoder(byteLevel, '</w>');
    fc.assert(fc.property(fc.array(fc.nat(VOCAB.length + 2), { maxLength: 60 }), (ids) => checkPieces(tokenizer, ids)));
    const ids = ['the</w>', 'x</w>y'].map((token) => tokenizer.tokenToId(token)!);
    expect(tokenizer.decode([...ids, ids[0]])).toBe('the x ythe');
  });
});

const folder = new URL('../golden/tokenizers/', import.meta.url);
const stored = ['tiny-bytebpe', 'tiny-unigram', 'tiny-wordpiece', 'tiny-spbpe'].map((name): [string, string | URL] => [
  name,
  new URL(`${name}.tokenizer.json`, folder),
]);
const real = ['all-MiniLM-L6-v2', 'tokenizers/gpt2', 'tokenizers/t5-legal-fr-en', 'tokenizers/bart-roberta']
  .map((name): [string, string | URL] => [name, join(modelsDir, name, 'tokenizer.json')])
  .filter(([, file]) => existsSync(file));

const TEXTS = [
  "Hello, I don't know . 😀👩‍👩‍👧 ' quoted ' , we 've !",
  ' naïve  façade\n\n日本語 text',
  'a',
  '한국어 नमस्ते \u{1f1eb}\u{1f1f7}  end ',
];

describe.each([...stored, ...real])('%s', (_, file) => {
  it('random ids and texts', async () => {
    const tokenizer = await Tokenizer.fromJson(readFileSync(file, 'utf8'));
    const id = fc.oneof(fc.nat(tokenizer.vocabSize - 1), fc.nat(Math.min(300, tokenizer.vocabSize) - 1));
    fc.assert(
      fc.property(fc.array(id, { maxLength: 60 }), (ids) => checkPieces(tokenizer, ids)),
      { numRuns: 60 },
    );
    for (const text of TEXTS) checkPieces(tokenizer, tokenizer.encode(text).ids);
  });
});

describe('a stream', () => {
  const bytes = (text: string, tokenizer: Tokenizer) =>
    Array.from(new TextEncoder().encode(text), (byte) => {
      const token = String.fromCharCode(byte === 0x20 ? 0x120 : byte);
      return tokenizer.tokenToId(token) ?? -1;
    });

  it('sends a character as soon as it is whole', async () => {
    const tokenizer = await withDecoder(byteLevel);
    const ids = ['Ġa', 'âĤ', '¬', 'ð', '|'].map((token) => tokenizer.tokenToId(token)!);
    expect(piecesOf(tokenizer, ids)).toEqual([' a', '', '€', '', '\ufffd|', '']);
    expect(piecesOf(tokenizer, ids.slice(0, 2))).toEqual([' a', '', '\ufffd']);
  });

  it('takes several ids at once, and begins again after flush', async () => {
    const tokenizer = await Tokenizer.fromJson(readFileSync(stored[0][1], 'utf8'));
    const ids = bytes('x y', tokenizer);
    const stream = tokenizer.decodeStream();
    expect(stream.push(ids) + stream.push([]) + stream.flush()).toBe('x y');
    expect(stream.push(Int32Array.from(ids)) + stream.flush() + stream.flush()).toBe('x y');
    expect(() => stream.push(1.5)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(() => stream.push(Number.NaN)).toThrow(/ids\[0\] is NaN/);
  });

  it('continues the text of a prompt with its space', async () => {
    const metaspace = await withDecoder({ type: 'Metaspace', replacement: '▁' });
    const [the, a, s] = ['▁the', '▁a', 's'].map((token) => metaspace.tokenToId(token)!);
    expect(metaspace.decodeStream({ context: [the, s] }).push(a)).toBe(' a');
    expect(metaspace.decodeStream().push(a)).toBe('a');

    const suffixed = await withDecoder({ type: 'BPEDecoder', suffix: '</w>' });
    const word = suffixed.tokenToId('the</w>')!;
    const stream = suffixed.decodeStream({ context: [word] });
    expect([stream.push(word), stream.push(word), stream.flush()]).toEqual([' ', 'the ', 'the']);
  });

  it('gives a character to the text if the prompt ended within it', async () => {
    const tokenizer = await withDecoder(byteLevel);
    const [start, end] = ['âĤ', '¬'].map((token) => tokenizer.tokenToId(token)!);
    expect(tokenizer.decodeStream({ context: [start] }).push(end)).toBe('€');
  });

  it('gives what decoding gives of many ids', async () => {
    const tokenizer = await withDecoder(sequence(replace({ String: '▁' }, ' '), byteFallback, fuse, strip(' ', 1, 0)));
    const ids = Array.from({ length: 100_000 }, (_, i) => (i * i) % VOCAB.length);
    const stream = tokenizer.decodeStream();
    let text = '';
    for (const id of ids) text += stream.push(id);
    expect(text + stream.flush()).toBe(tokenizer.decode(ids));
  });
});
