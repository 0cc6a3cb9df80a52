// Prompt lookup against PromptLookupCandidateGenerator, and that checked guesses give the tokens of plain decoding.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookUp, Tokens, verify } from '../../src/generate/index';
import { lookupGoldens } from './golden';

describe('prompt lookup', () => {
  it('finds the candidates of transformers', () => {
    for (const golden of lookupGoldens) {
      const found = lookUp(new Tokens(golden.ids), golden);
      // transformers cuts what goes beyond the length limit after checking it
      const room = Math.max(0, golden.maxLength - golden.ids.length - 1);
      expect([...found]).toEqual(golden.expected.slice(0, room));
    }
  });
});

describe('verify', () => {
  it('gives the tokens of plain decoding whatever is guessed', () => {
    const next = (tokens: Tokens): number => (tokens.ids[tokens.length - 1] * 5 + tokens.length) % 11;
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(10), { maxLength: 4 })), fc.nat(10), (guesses, first) => {
        const isLast = (id: number, length: number): boolean => id === 3 || length >= 20;
        const plain = new Tokens([first]);
        do plain.push(next(plain));
        while (!isLast(plain.ids[plain.length - 1], plain.length));
        const tokens = new Tokens([first]);
        for (let turn = 0; tokens.length < 2 || !isLast(tokens.ids[tokens.length - 1], tokens.length); turn++) {
          const before = tokens.length;
          // every other guess is right
          const right = new Tokens(tokens.slice());
          for (let i = 0; i < 4; i++) right.push(next(right));
          const guess = turn % 2 ? [...right.slice(before)] : (guesses[turn] ?? []);
          const rows: number[] = [];
          const added = verify(tokens, guess, (row) => (rows.push(row), next(tokens)), isLast);
          expect(added).toBe(tokens.length - before);
          expect(rows).toEqual(Array.from({ length: added }, (_, i) => i));
        }
        expect([...tokens.slice()]).toEqual([...plain.slice()]);
      }),
    );
  });

  it('accepts all that is right in one go', () => {
    const tokens = new Tokens([1, 2]);
    const next = (): number => tokens.length + 1;
    expect(verify(tokens, [3, 4, 9, 6], next, () => false)).toBe(3);
    expect([...tokens.slice()]).toEqual([1, 2, 3, 4, 5]);
    expect(verify(tokens, [6, 7], next, (id) => id === 7)).toBe(2);
  });
});
