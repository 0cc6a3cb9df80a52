// The normalizers of tokenizer.json, keeping for every character the original span it came from.

import { Aligned, Characters } from './aligned.js';
import {
  ASCII_ONLY,
  CONTROL,
  KEPT_WHOLE,
  NONSPACING_MARK,
  WHITE_SPACE,
  compareClasses,
  compose,
  isChinese,
  isStarter,
} from './unicode.js';
import { compilePattern } from './pattern.js';
import { asFlag, asString, invalidTokenizer, parts, type JsonObject } from './json.js';
import { utf8Characters } from './bytes.js';

export interface Normalizer {
  /** The result for ASCII text if every unit keeps its place, else null. Optional shortcut. */
  ascii(text: string): string | null;
  apply(text: Characters): void;
}

/** Compiles the `normalizer` entry. The function takes a part of the original text that starts at unit `base`. */
export async function compileNormalizer(
  config: unknown,
  where: string,
): Promise<(text: string, base: number) => Aligned> {
  const steps: Normalizer[] = [];
  for (const part of parts(config, 'normalizers', where)) steps.push(await create(part.config, part.where));
  return (text, base) => {
    const plain = new Aligned(text, base);
    if (steps.length === 0) return plain;
    if (ASCII_ONLY.test(text)) {
      let short: string | null = text;
      for (const step of steps) short = short === null ? null : step.ascii(short);
      if (short !== null) return new Aligned(short, base);
    }
    const chars = new Characters({ source: plain, from: 0, to: text.length });
    for (const step of steps) step.apply(chars);
    return chars.finish();
  };
}

async function create(config: JsonObject, where: string): Promise<Normalizer> {
  switch (config.type) {
    case 'BertNormalizer':
      return bert(config, where);
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return unicodeForm(config.type);
    case 'Lowercase':
      return { ascii: (text) => text.toLowerCase(), apply: lowercase };
    case 'StripAccents':
      return { ascii: (text) => text, apply: (text) => text.filter((char) => !/\p{M}/u.test(char)) };
    case 'Strip':
      return strip(asFlag(config.strip_left, true, where), asFlag(config.strip_right, true, where));
    case 'Replace':
      return replace(config, where);
    case 'Prepend': {
      const prefix = asString(config.prepend, `${where}.prepend`);
      return { ascii: (text) => (text === '' || prefix === '' ? text : null), apply: (text) => text.prepend(prefix) };
    }
    case 'Precompiled': {
      if (config.precompiled_charsmap === null || config.precompiled_charsmap === undefined) return identity;
      const { PrecompiledMap } = await import('./precompiled.js');
      const map = new PrecompiledMap(config.precompiled_charsmap, `${where}.precompiled_charsmap`);
      return {
        ascii: (text) => (map.keepsAscii && /^[ -~]*$/.test(text) ? text : null),
        apply: (text) => map.normalize(text),
      };
    }
    case 'SentencePiece': {
      const { sentencePieceNormalizer } = await import('./sentencepiece.js');
      return sentencePieceNormalizer(config, where);
    }
    case 'Nmt':
      return { ascii: (text) => (/^[ -~]*$/.test(text) ? text : null), apply: nmt };
    case 'ByteLevel':
      return { ascii: (text) => (/^[!-~]*$/.test(text) ? text : null), apply: (text) => text.expand(utf8Characters) };
    default:
      return invalidTokenizer(where, `unknown normalizer type ${JSON.stringify(config.type)}`);
  }
}

const identity: Normalizer = { ascii: (text) => text, apply: () => undefined };

/** Spares most characters the regular expressions. */
function isPrintableAscii(char: string): boolean {
  return char >= ' ' && char <= '~' && char.length === 1;
}

function bert(config: JsonObject, where: string): Normalizer {
  const clean = asFlag(config.clean_text, true, `${where}.clean_text`);
  const chinese = asFlag(config.handle_chinese_chars, true, `${where}.handle_chinese_chars`);
  const lower = asFlag(config.lowercase, true, `${where}.lowercase`);
  const accents = asFlag(config.strip_accents, lower, `${where}.strip_accents`);
  const dropped = (char: string): boolean =>
    !isPrintableAscii(char) &&
    (char === '\0' || char === '\ufffd' || (CONTROL.test(char) && char !== '\t' && char !== '\n' && char !== '\r'));
  return {
    ascii(text) {
      let out = text;
      if (clean && !/^[ -~]*$/.test(text)) {
        if (!/^[\t\n\r -~]*$/.test(text)) return null;
        out = text.replace(/[\t\n\r]/g, ' ');
      }
      return lower ? out.toLowerCase() : out;
    },
    apply(text) {
      if (clean) {
        text.filter((char) => !dropped(char));
        text.expand((char) => (!isPrintableAscii(char) && WHITE_SPACE.test(char) ? ' ' : char));
      }
      if (chinese) {
        const next: string[] = [];
        const changes: number[] = [];
        for (const char of text.list) {
          if (isChinese(char)) {
            next.push(' ', char, ' ');
            changes.push(0, 1, 1);
          } else {
            next.push(char);
            changes.push(0);
          }
        }
        if (next.length !== text.length) text.transform(next, changes);
      }
      if (accents) {
        decomposeInto(text, 'NFD');
        text.filter((char) => char < '\u0300' || !NONSPACING_MARK.test(char));
      }
      if (lower) lowercase(text);
    },
  };
}

/** Character by character: unlike String.toLowerCase of the whole, a final sigma stays an ordinary one. */
function lowercase(text: Characters): void {
  text.expand((char) => char.toLowerCase());
}

function strip(left: boolean, right: boolean): Normalizer {
  return {
    ascii: (text) => ((left && /^\s/.test(text)) || (right && /\s$/.test(text)) ? null : text),
    apply(text) {
      const { list } = text;
      let from = 0;
      let to = list.length;
      while (left && from < to && WHITE_SPACE.test(list[from])) from++;
      while (right && to > from && WHITE_SPACE.test(list[to - 1])) to--;
      text.filter((_, i) => i >= from && i < to);
    },
  };
}

function replace(config: JsonObject, where: string): Normalizer {
  const content = asString(config.content, `${where}.content`);
  const regex = compilePattern(config.pattern, `${where}.pattern`);
  if (regex === null) return identity;
  return {
    ascii: (text) => (text.search(regex) < 0 ? text : null),
    apply(text) {
      if (text.text.search(regex) >= 0) text.replaceAll(regex, content);
    },
  };
}

type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

function unicodeForm(form: Form): Normalizer {
  return {
    ascii: (text) => text,
    apply(text) {
      decomposeInto(text, form);
    },
  };
}

/** Applies a Unicode form, recording for each result whether it replaces an old character, is added, or swallows the next ones. */
function decomposeInto(text: Characters, form: Form): void {
  const decomposition = form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD';
  const next: string[] = [];
  const changes: number[] = [];
  let marks: { char: string; change: number }[] = [];
  const flush = (): void => {
    if (marks.length > 1) marks.sort((a, b) => compareClasses(a.char, b.char));
    for (const mark of marks) {
      next.push(mark.char);
      changes.push(mark.change);
    }
    marks = [];
  };
  for (const char of text.list) {
    let change = 0;
    if (char < '\u00a0') {
      if (marks.length > 0) flush();
      next.push(char);
      changes.push(0);
      continue;
    }
    for (const piece of decompose(char, decomposition)) {
      if (isStarter(piece)) {
        if (marks.length > 0) flush();
        next.push(piece);
        changes.push(change);
      } else {
        marks.push({ char: piece, change });
      }
      change = 1;
    }
  }
  flush();
  if (form === 'NFC' || form === 'NFKC') recompose(next, changes);
  text.transform(next, changes);
}

const decompositions = { NFD: new Map<string, string>(), NFKD: new Map<string, string>() };
const REMEMBERED_CHARACTERS = 20_000;

function decompose(char: string, form: 'NFD' | 'NFKD'): string {
  const known = decompositions[form];
  let found = known.get(char);
  if (found === undefined) {
    found = KEPT_WHOLE.test(char) ? char : char.normalize(form);
    if (known.size >= REMEMBERED_CHARACTERS) known.clear();
    known.set(char, found);
  }
  return found;
}

/** Canonical composition in place (Unicode, UAX 15). A composed character carries the changes of its parts. */
function recompose(chars: string[], changes: number[]): void {
  let out = 0;
  let starter = -1;
  let previous: string | null = null; // the last mark between the starter and here that did not compose
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i];
    const change = changes[i];
    const isMark = !isStarter(char);
    const blocked = previous !== null && (!isMark || compareClasses(previous, char) >= 0);
    if (starter >= 0 && !blocked && (isMark || previous === null)) {
      const composed = char < '\u0300' ? undefined : compose(chars[starter], char);
      if (composed !== undefined) {
        chars[starter] = composed;
        changes[starter] += change - 1;
        continue;
      }
    }
    if (isMark) {
      if (starter >= 0) previous = char;
    } else {
      starter = out;
      previous = null;
    }
    chars[out] = char;
    changes[out++] = change;
  }
  chars.length = changes.length = out;
}

// What SentencePiece's nmt rules drop and turn into spaces; inclusive ranges of code points.
const NMT_DROPPED = [
  [0x01, 0x08],
  [0x0b, 0x0b],
  [0x0e, 0x1f],
  [0x7f, 0x7f],
  [0x8f, 0x8f],
  [0x9f, 0x9f],
] as const;
const NMT_SPACE = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/;

function nmt(text: Characters): void {
  text.filter((char) => {
    const code = char.codePointAt(0)!;
    return !NMT_DROPPED.some(([first, last]) => code >= first && code <= last);
  });
  text.expand((char) => (NMT_SPACE.test(char) ? ' ' : char));
}
