// Character classes and canonical ordering as the reference tokenizers see them, on top of JavaScript's own Unicode data.

/** Only ASCII: every table below is then trivial and the fast paths apply. */
export const ASCII_ONLY = /^\p{ASCII}*$/u;

/** A surrogate without its partner (with the `u` flag a pair is one character and does not match). */
export const LONE_SURROGATE = /\p{Surrogate}/u;

export const WHITE_SPACE = /\p{White_Space}/u;
export const NUMERIC = /\p{N}/u;

/** `\w` of the reference's regular expressions. */
export const WORD_CLASS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';

// The reference's tables are from an older Unicode (8.0 for categories) than JavaScript's: what was added or changed since counts
// there as nothing special. Ranges in hexadecimal, as they go into a character class.
function codePointClass(ranges: string): string {
  return ranges.replace(/[0-9a-f]+/g, '\\u{$&}').replaceAll(' ', '');
}

/** Punctuation to JavaScript only. */
const LATER_PUNCTUATION = codePointClass(
  '61d 9fd a76 c77 c84 1b4e-1b4f 1b7d-1b7f 2e43-2e4f 2e52-2e5d 10d6e 10ead 10ed0 10f55-10f59 10f86-10f89 ' +
    '113d4-113d5 113d7-113d8 1144b-1144f 1145a-1145b 1145d 11660-1166c 116b9 1183b 11944-11946 119e2 11a3f-11a46 ' +
    '11a9a-11a9c 11a9e-11aa2 11b00-11b09 11be1 11c41-11c45 11c70-11c71 11ef7-11ef8 11f43-11f4f 11fff 12ff1-12ff2 ' +
    '16d6d-16d6f 16e97-16e9a 16fe2 1e5ff 1e95e-1e95f',
);

/** Non-spacing marks to JavaScript only. */
const LATER_NONSPACING = codePointClass(
  '7fd 897-89f 8ca-8e1 9fe afa-aff b55 c04 c3c d00 d3b-d3c d81 eba ece 180f 1885-1886 1abf-1add 1ae0-1aeb ' +
    '1df6-1dfb a82c a8c5 a8ff a9bd 10d24-10d27 10d69-10d6d 10eab-10eac 10efa-10eff 10f46-10f50 10f82-10f85 11070 ' +
    '11073-11074 110c2 111c9 111cf 1123e 11241 1133b 113bb-113c0 113ce 113d0 113d2 113e1-113e2 11438-1143f ' +
    '11442-11444 11446 1145e 1182f-11837 11839-1183a 1193b-1193c 1193e 11943 119d4-119d7 119da-119db 119e0 ' +
    '11a01-11a0a 11a33-11a38 11a3b-11a3e 11a47 11a51-11a56 11a59-11a5b 11a8a-11a96 11a98-11a99 11b60 11b62-11b64 ' +
    '11b66 11c30-11c36 11c38-11c3d 11c3f 11c92-11ca7 11caa-11cb0 11cb2-11cb3 11cb5-11cb6 11d31-11d36 11d3a ' +
    '11d3c-11d3d 11d3f-11d45 11d47 11d90-11d91 11d95 11d97 11ef3-11ef4 11f00-11f01 11f36-11f3a 11f40 11f42 11f5a ' +
    '13440 13447-13455 1611e-16129 1612d-1612f 16f4f 16fe4 1cf00-1cf2d 1cf30-1cf46 1e000-1e006 1e008-1e018 ' +
    '1e01b-1e021 1e023-1e024 1e026-1e02a 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1e6e3 1e6e6 ' +
    '1e6ee-1e6ef 1e6f5 1e944-1e94a',
);

/** Characters with a decomposition in JavaScript only. */
const LATER_DECOMPOSITIONS = codePointClass(
  '32ff a7f1-a7f4 ab69 105c9 105e4 10781-10785 10787-107b0 107b2-107ba 11383 11385 1138e 11391 113c5 ' +
    '113c7-113c8 11938 16121-16128 16d68-16d6a 1ccd6-1ccf9 1e030-1e06d 1f16c 1fbf0-1fbf9',
);

/** Letters, digits and marks to JavaScript only: these are from Unicode 17. */
const LATER_WORD = codePointClass(
  '88f c5c cdc 1acf-1add 1ae0-1aeb a7ce-a7cf a7d2 a7d4 a7f1 10940-10959 10ec5-10ec7 10efa-10efb 11b60-11b67 ' +
    '11db0-11ddb 11de0-11de9 16ea0-16eb8 16ebb-16ed3 16ff2-16ff6 187f8-187ff 18d09-18d1e 18d80-18df2 1e6c0-1e6de ' +
    '1e6e0-1e6f5 1e6fe-1e6ff 2b73a-2b73f 2cea2-2cead 323b0-33479',
);

/** ASCII punctuation of BERT: also symbols such as `$`, `+` and `^` that Unicode does not count as punctuation. */
export const ASCII_PUNCTUATION_CLASS = '!-\\/:-@\\[-`{-~';
const PUNCTUATION_SOURCE = `(?![${LATER_PUNCTUATION}])[${ASCII_PUNCTUATION_CLASS}\\p{P}\\u166D\\u{111C9}]`;
export const PUNCTUATION = new RegExp(PUNCTUATION_SOURCE, 'u');

/** BERT's words: runs without white space and punctuation, and single punctuation marks. */
export const BERT_WORDS = new RegExp(
  `(?:[^\\p{White_Space}${ASCII_PUNCTUATION_CLASS}\\p{P}\\u166D\\u{111C9}]|[${LATER_PUNCTUATION}])+|${PUNCTUATION_SOURCE}`,
  'gu',
);

/** The words of GPT-2's byte-level BPE. */
export const GPT_WORDS = new RegExp(
  `'(?:[sdmt]|ll|ve|re)| ?(?:(?![${LATER_WORD}])\\p{L})+| ?(?:(?![${LATER_WORD}])\\p{N})+` +
    `| ?(?:[^\\p{White_Space}\\p{L}\\p{N}]|[${LATER_WORD}])+|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+`,
  'gu',
);

/** The words of the Whitespace pre-tokenizer: runs of word characters, and runs of anything else but white space. */
export const WORDS = new RegExp(
  `(?:(?![${LATER_WORD}])[${WORD_CLASS}])+|(?:[^${WORD_CLASS}\\p{White_Space}]|[${LATER_WORD}])+`,
  'gu',
);

/** What BERT's clean-up drops, besides U+0000 and U+FFFD and except tab, newline and carriage return. */
export const CONTROL = /(?![\u0890\u0891\u08E2\u{110CD}\u{13430}-\u{1343F}])[\p{Cc}\p{Cf}\p{Co}]/u;

/** The accents that BERT strips. */
export const NONSPACING_MARK = new RegExp(`(?![${LATER_NONSPACING}])[\\p{Mn}\\u1734\\u{1171E}]`, 'u');

/** Characters that the Unicode forms leave alone. */
export const KEPT_WHOLE = new RegExp(`[${LATER_DECOMPOSITIONS}]`, 'u');

/** Characters of one code point each. Linear, and cheaper than spreading a string. */
export function characters(text: string): string[] {
  return Array.from(text);
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

/** The canonical composition of two characters, or undefined. */
export function compose(a: string, b: string): string | undefined {
  const composed = (a + b).normalize('NFC');
  const length = composed.codePointAt(0)! > 0xffff ? 2 : 1;
  return composed.length === length ? composed : undefined;
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
