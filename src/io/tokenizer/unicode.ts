// Character classes and canonical ordering as the reference tokenizers see them, on top of JavaScript's own Unicode data.

/** An expression that is made when it is first needed: V8 takes half a millisecond for one with many classes of characters. */
export function lazily(make: () => RegExp): () => RegExp {
  let made: RegExp | undefined;
  return () => (made ??= make());
}

/** Only ASCII: every table below is then trivial and the fast paths apply. */
export const ASCII_ONLY = /^\p{ASCII}*$/u;

/** A surrogate without its partner (with the `u` flag a pair is one character and does not match). */
export const LONE_SURROGATE = /\p{Surrogate}/u;

export const WHITE_SPACE = /\p{White_Space}/u;
export const NUMERIC = /\p{N}/u;

/** `\w` of the reference's regular expressions. */
export const WORD_CLASS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

// The reference's tables are from an older Unicode (8.0 for categories) than JavaScript's: what was added or changed since counts
// there as nothing special. As text, since it is half of what the ranges themselves would take: for each range how far it starts
// from the end of the one before, and, if it is more than one character, how many follow; in base 36.
function codePointClass(ranges: string): string {
  let at = 0;
  return ranges.replace(/(\w+)(?:-(\w+))? ?/g, (_, gap: string, more = '0') => {
    const first = at + parseInt(gap, 36);
    at = first + parseInt(more as string, 36);
    return `\\u{${first.toString(16)}}-\\u{${at.toString(16)}}`;
  });
}

/** Punctuation to JavaScript only. */
const LATER_PUNCTUATION =
  '17h rk 3d e9 d 2x6-1 1a-2 3pg-c 3-b 1829 8v z 3p-4 19-3 uj-1 2-1 37-4 b-1 2 eb-c 25 aq 7d-2 4c 2l-7 2c-2 ' +
  '2-4 2m-9 60 2o-4 17-1 hy-1 23-c 4w 35e-1 c57-2 88-3 94 nbx nz-1';

/** Non-spacing marks to JavaScript only. */
const LATER_NONSPACING =
  '1kt 4a-8 17-n 7x 70-5 2e 4v 1k 5g 1n-1 1x 8p k 1tt 3a-1 ft-u 3-b ln-5 rap 49 1m 5a jmv-3 1u-4 8u-1 26-5 ' +
  '1z-a 1e-3 6j 3-1 26 7b 6 33 3 6y 3k-5 e 2 2 f-1 2e-7 3-2 2 o r5-8 2-1 75-1 2 5 41-3 3-1 5 x-9 15-5 3-3 9 ' +
  'a-5 3-2 1b-c 2-1 5j 2-2 2 5m-6 2-5 2 2b-l 3-6 2-1 2-1 3f-5 4 2-1 2-6 2 21-1 4 2 9o-1 c-1 1h-4 6 2 o 44m 7-e ' +
  '8uh-b 4-2 2sg 45 isc-19 3-m 3ay-6 2-g 3-6 2-1 2-4 2t 4h-6 ag 1q-3 e5-3 73-1 6s 3 8-1 6 gf-6';

/** Characters with a decomposition in JavaScript only. */
const LATER_DECOMPOSITIONS = 'a2n n3m-3 ol huo r bh-4 2-15 2-8 2bt 2 9 3 1g 2-1 12o e7d-7 2f4-2 iuk-z 3sn-1p 3cv 22s-9';

/** Letters, digits and marks to JavaScript only: these are from Unicode 17. */
const LATER_WORD =
  '1ov r1 3k 2r7-e 3-b rtv-1 3 2 t j7z-p 12k-2 1f-1 2g5-7 g9-17 5-9 fxz-o 3-o 7z-4 4qq-7 zu-l 2q-36 hji-u 2-l ' +
  '9-1 154r-5 4mb-b gsj-3bd';

/** ASCII punctuation of BERT: also symbols such as `$`, `+` and `^` that Unicode does not count as punctuation. */
export const ASCII_PUNCTUATION_CLASS = '!-\\/:-@\\[-`{-~';
const punctuationSource = (): string =>
  `(?![${codePointClass(LATER_PUNCTUATION)}])[${ASCII_PUNCTUATION_CLASS}\\p{P}\\u166D\\u{111C9}]`;
export const punctuation = lazily(() => new RegExp(punctuationSource(), 'u'));

/** BERT's words: runs without white space and punctuation, and single punctuation marks. */
export const bertWords = lazily(
  () =>
    new RegExp(
      `(?:[^\\p{White_Space}${ASCII_PUNCTUATION_CLASS}\\p{P}\\u166D\\u{111C9}]|[${codePointClass(LATER_PUNCTUATION)}])+|${punctuationSource()}`,
      'gu',
    ),
);

/** The words of GPT-2's byte-level BPE. */
export const gptWords = lazily(
  () =>
    new RegExp(
      `'(?:[sdmt]|ll|ve|re)| ?(?:(?![${codePointClass(LATER_WORD)}])\\p{L})+| ?(?:(?![${codePointClass(LATER_WORD)}])\\p{N})+` +
        `| ?(?:[^\\p{White_Space}\\p{L}\\p{N}]|[${codePointClass(LATER_WORD)}])+|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+`,
      'gu',
    ),
);

/** The words of the Whitespace pre-tokenizer: runs of word characters, and runs of anything else but white space. */
export const wordRuns = lazily(
  () =>
    new RegExp(
      `(?:(?![${codePointClass(LATER_WORD)}])[${WORD_CLASS}])+|(?:[^${WORD_CLASS}\\p{White_Space}]|[${codePointClass(LATER_WORD)}])+`,
      'gu',
    ),
);

/** What BERT's clean-up drops, besides U+0000 and U+FFFD and except tab, newline and carriage return. */
export const control = lazily(() => /(?![\u0890\u0891\u08E2\u{110CD}\u{13430}-\u{1343F}])[\p{Cc}\p{Cf}\p{Co}]/u);

/** The accents that BERT strips. */
export const nonspacingMark = lazily(
  () => new RegExp(`(?![${codePointClass(LATER_NONSPACING)}])[\\p{Mn}\\u1734\\u{1171E}]`, 'u'),
);

/** Characters that the Unicode forms leave alone. */
export const keptWhole = lazily(() => new RegExp(`[${codePointClass(LATER_DECOMPOSITIONS)}]`, 'u'));

/** Characters of one code point each. Linear, and cheaper than spreading a string. */
export function characters(text: string): string[] {
  return Array.from(text);
}

/** Characters that combine with nothing before them (but a newline with a carriage return): printable ASCII, tabs and line ends, and
 *  letters of the scripts that fill long texts. */
export function isBase(unit: number): boolean {
  return (
    (unit >= 0x20 && unit <= 0x7e) ||
    unit === 0x09 ||
    unit === 0x0a ||
    unit === 0x0d ||
    (unit >= 0x391 && unit <= 0x3c9) ||
    (unit >= 0x410 && unit <= 0x44f) ||
    (unit >= 0x5d0 && unit <= 0x5ea) ||
    (unit >= 0x620 && unit <= 0x64a) ||
    (unit >= 0x904 && unit <= 0x939) ||
    (unit >= 0x3041 && unit <= 0x3096) ||
    (unit >= 0x30a1 && unit <= 0x30fa) ||
    (unit >= 0x4e00 && unit <= 0x9fff) ||
    (unit >= 0xac00 && unit <= 0xd7a3)
  );
}

const MARK = /^\p{M}$/u;
const starters = new Map<string, boolean>();

/**
 * Whether the canonical combining class of `char` is 0. JavaScript has no property for it, but its NFD does reorder marks: any
 * class above 1 moves behind U+0334 (class 1), and class 1 moves before U+0345 (class 240, the highest).
 */
export function isStarter(char: string): boolean {
  if (char < '\u0300' || !MARK.test(char)) return true;
  let starter = starters.get(char);
  if (starter === undefined) {
    starter =
      (char + '\u0334').normalize('NFD') === char + '\u0334' && ('\u0345' + char).normalize('NFD') === '\u0345' + char;
    starters.set(char, starter);
  }
  return starter;
}

/** Sign of (combining class of a) - (combining class of b) for two fully decomposed marks of non-zero class. */
export function compareClasses(a: string, b: string): number {
  if (a === b) return 0;
  if ((a + b).normalize('NFD') !== a + b) return 1;
  return (b + a).normalize('NFD') !== b + a ? -1 : 0;
}

const CHINESE_RANGES = [
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0x2f800, 0x2fa1f],
] as const;

/** The ideographs that BERT puts spaces around (its own list, with its own gaps). */
export function isChinese(char: string): boolean {
  const code = char.codePointAt(0)!;
  return code >= 0x3400 && CHINESE_RANGES.some(([first, last]) => code >= first && code <= last);
}
