// Stop strings: whatever the split of the text.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endOf, StopMatcher } from '../../src/generate/index';

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
