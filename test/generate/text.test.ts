// Text pieces and stop strings: whatever the split, the pieces are the text, and no piece splits a character.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endOf, StopMatcher, TextStream } from '../../src/generate/index';
import { Tokenizer } from '../../src/io/tokenizer';
import { modelsDir } from '../support/models';

/** Bytes as ids: the plainest decoder that can split characters. 256 is a special token without text. */
const bytesToText = (ids: number[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(ids.filter((id) => id < 256)));

function piecesOf(ids: readonly number[], decode: (ids: number[]) => string, cleanUp = false): string[] {
  const stream = new TextStream(decode, { cleanUp });
  const pieces = ids.map((id) => stream.push(id));
  return [...pieces, stream.flush()];
}

describe('text stream of bytes', () => {
  it('never splits a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (any) => {
        const text = any.replaceAll('\ufffd', '');
        const pieces = piecesOf([...new TextEncoder().encode(text)], bytesToText);
        expect(pieces.join('')).toBe(text);
        for (const piece of pieces) expect(/\p{Surrogate}|\ufffd/u.test(piece)).toBe(false);
      }),
    );
  });

  it('gives what decoding all at once gives, also of broken bytes and special tokens', () => {
    const byte = fc.oneof(fc.constantFrom(0xe2, 0x82, 0xac, 0xf0, 0x9f, 0xff, 0x80, 0x41, 256), fc.nat(256));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 150 }), (ids) => {
        expect(piecesOf(ids, bytesToText).join('')).toBe(bytesToText(ids));
      }),
    );
  });

  it.each([
    ['broken bytes', 0xff],
    ['special tokens', 256],
    ['letters', 0x41],
  ])('decodes few ids a token after many %s', (_, id) => {
    let most = 0;
    const decode = (ids: number[]): string => {
      most = Math.max(most, ids.length);
      return bytesToText(ids);
    };
    const ids = [0x41, ...new Array<number>(500).fill(id)];
    expect(piecesOf(ids, decode).join('')).toBe(bytesToText(ids));
    expect(most).toBeLessThanOrEqual(48);
  });

  it('sends a character as soon as it is whole', () => {
    expect(piecesOf([...new TextEncoder().encode('a€b')], bytesToText)).toEqual(['a', '', '', '€', 'b', '']);
    expect(piecesOf([0x61, 0xe2, 0x82], bytesToText)).toEqual(['a', '', '', '\ufffd']);
  });
});

/** SentencePiece's rule: the first token loses its leading space. */
const WORDS = ['▁the', '▁', 's', '▁a', '.', '▁n', "'t", '<s>', 'é'];
const wordsToText = (ids: number[]): string => {
  const text = ids
    .filter((id) => WORDS[id] !== '<s>')
    .map((id) => WORDS[id].replaceAll('▁', ' '))
    .join('');
  return text.startsWith(' ') ? text.slice(1) : text;
};

describe('text stream of words', () => {
  it('keeps the spaces', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(WORDS.length - 1), { maxLength: 80 }), (ids) => {
        expect(piecesOf(ids, wordsToText).join('')).toBe(wordsToText(ids));
      }),
    );
  });

  it('continues the text of a prompt with its space', () => {
    const stream = new TextStream(wordsToText, { context: [0, 2] });
    expect(stream.push(3)).toBe(' a');
    expect(new TextStream(wordsToText).push(3)).toBe('a');
  });
});

const folder = new URL('../golden/tokenizers/', import.meta.url);
const stored = ['tiny-bytebpe', 'tiny-unigram', 'tiny-wordpiece'].map((name): [string, () => Promise<Tokenizer>] => [
  name,
  () => Tokenizer.fromJson(readFileSync(new URL(`${name}.tokenizer.json`, folder), 'utf8')),
]);
const real = ['gpt2', 't5-legal-fr-en', 'bart-roberta'].flatMap((name): [string, () => Promise<Tokenizer>][] => {
  const file = join(modelsDir, 'tokenizers', name, 'tokenizer.json');
  return existsSync(file) ? [[name, () => Tokenizer.fromJson(readFileSync(file, 'utf8'))]] : [];
});

describe('text stream of tokenizers', () => {
  it.each([...stored, ...real])('%s: random ids', async (_, load) => {
    const tokenizer = await load();
    for (const cleanUp of [false, true]) {
      const decode = (ids: number[]): string => tokenizer.decode(ids, { cleanUpTokenizationSpaces: cleanUp });
      fc.assert(
        fc.property(fc.array(fc.nat(tokenizer.vocabSize - 1), { maxLength: 60 }), (ids) => {
          expect(piecesOf(ids, decode, cleanUp).join('')).toBe(decode(ids));
        }),
        { numRuns: 60 },
      );
    }
  });

  it.each([...stored, ...real])('%s: texts', async (_, load) => {
    const tokenizer = await load();
    for (const cleanUp of [false, true]) {
      const decode = (ids: number[]): string => tokenizer.decode(ids, { cleanUpTokenizationSpaces: cleanUp });
      for (const text of ["Hello, I don't know . 😀👩‍👩‍👧 ' quoted ' , we 've !", ' naïve  façade\n\n日本語 text', 'a']) {
        const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
        expect(piecesOf([...ids], decode, cleanUp).join('')).toBe(decode([...ids]));
      }
    }
  });
});

describe('stop strings', () => {
  /** By definition: the first end of a stop string, of those that end there the longest. */
  function cutOf(text: string, strings: readonly string[]): string {
    for (let end = 1; end <= text.length; end++) {
      const found = strings.filter((string) => text.slice(0, end).endsWith(string)).map(({ length }) => length);
      if (found.length > 0) return text.slice(0, end - Math.max(...found));
    }
    return text;
  }

  const letters = (least: number, most: number) =>
    fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: least, maxLength: most }).map((list) => list.join(''));

  it('are found however the text is split', () => {
    fc.assert(
      fc.property(
        fc.array(letters(0, 4), { maxLength: 12 }),
        fc.array(letters(1, 5), { minLength: 1, maxLength: 3 }),
        (pieces, strings) => {
          const matcher = new StopMatcher(strings);
          let sent = '';
          const expected = cutOf(pieces.join(''), strings);
          for (const piece of pieces) {
            sent += matcher.push(piece);
            // nothing is ever sent that must be taken back
            expect(expected.startsWith(sent)).toBe(true);
          }
          expect(sent + matcher.flush()).toBe(expected);
          expect(matcher.found !== null).toBe(strings.some((string) => pieces.join('').includes(string)));
        },
      ),
    );
  });

  it('hold back only what may become one', () => {
    const matcher = new StopMatcher(['\n\nUser:', 'END']);
    expect(['Hi E', 'N', 'd\n', '\nUse', 'r'].map((piece) => matcher.push(piece))).toEqual(['Hi ', '', 'ENd', '', '']);
    expect(matcher.push(': more')).toBe('');
    expect(matcher.found).toBe('\n\nUser:');
    expect(matcher.push('x') + matcher.flush()).toBe('');
  });
});

describe('end of a sequence', () => {
  it('is an eos id, else the length', () => {
    expect(endOf(2, 9, [1, 2], 9)).toBe('eos');
    expect(endOf(3, 9, [1, 2], 9)).toBe('length');
    expect(endOf(3, 8, [1, 2], 9)).toBe(null);
  });
});
