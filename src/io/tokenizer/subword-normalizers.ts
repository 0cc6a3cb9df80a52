// The normalizers that BERT's tokenizer does without.

import { AlignedBuilder, type Characters } from './aligned.js';
import { utf8Characters } from './bytes.js';
import { asFlag, asString, invalidTokenizer, isObject, type JsonObject } from './json.js';
import type { LocalStep, Normalizer } from './normalizer.js';
import { compilePattern } from './pattern.js';
import { replaceUnit } from './subword-bytes.js';
import { decomposeInto, isIn, lowercase, lowerInPlace, type Form } from './unicode-forms.js';
import { WHITE_SPACE, compareClasses, isStarter } from './unicode.js';

/** Compiles a normalizer of one of these types. Throws INVALID_TOKENIZER for others. */
export function createNormalizer(config: JsonObject, where: string): Normalizer | LocalStep {
  switch (config.type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return unicodeForm(config.type);
    case 'Lowercase':
      return { inPlace: lowerInPlace, apply: lowercase };
    case 'StripAccents':
      return {
        inPlace: (text) => (/\p{M}/u.test(text) ? null : text),
        apply: (text) => text.filter((char) => !/\p{M}/u.test(char)),
      };
    case 'Strip':
      return strip(asFlag(config.strip_left, true, where), asFlag(config.strip_right, true, where));
    case 'Replace':
      return replace(config, where);
    case 'Prepend': {
      const prefix = asString(config.prepend, `${where}.prepend`);
      return (source) => (source.text === '' ? source : source.derive(prefix + source.text, 0, prefix.length));
    }
    case 'Nmt':
      return { inPlace: (text) => (/^[ -~]*$/.test(text) ? text : null), apply: nmt };
    case 'ByteLevel':
      return {
        inPlace: (text) => (/^[!-~]*$/.test(text) ? text : null),
        apply: (text) => text.expand(utf8Characters),
      };
    default:
      return invalidTokenizer(where, `unknown normalizer type ${JSON.stringify(config.type)}`);
  }
}

function strip(left: boolean, right: boolean): Normalizer {
  return (source) => {
    const { text } = source;
    let from = 0;
    let to = text.length;
    while (left && from < to && WHITE_SPACE.test(text[from])) from++;
    while (right && to > from && WHITE_SPACE.test(text[to - 1])) to--;
    return to - from === text.length ? source : source.derive(text.slice(from, to), from, 0);
  };
}

function replace(config: JsonObject, where: string): Normalizer {
  const content = asString(config.content, `${where}.content`);
  const regex = compilePattern(config.pattern, `${where}.pattern`);
  if (regex === null) return (source) => source;
  // one unit for one: all stay where they are
  const search = isObject(config.pattern) ? config.pattern.String : undefined;
  if (typeof search === 'string' && search.length === 1 && content.length === 1) {
    return (source) =>
      source.text.includes(search) ? source.derive(replaceUnit(source.text, search, content), 0, 0) : source;
  }
  return (source) => {
    const builder = new AlignedBuilder(source);
    let done = 0;
    for (const match of source.text.matchAll(regex)) {
      builder.keep(source.text.slice(done, match.index), done);
      done = match.index + match[0].length;
      // the new text stands for the last character replaced; a match of nothing, for the one before
      const last = source.text.codePointAt(done - 2)! > 0xffff ? 2 : 1;
      builder.insert(content, Math.max(0, done - last), done);
    }
    builder.keep(source.text.slice(done), done);
    return builder.finish();
  };
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

function unicodeForm(form: Form): LocalStep {
  return {
    inPlace: (text) => (isIn(form, text) ? text : null),
    apply(text) {
      const isComposed = form === 'NFC' || form === 'NFKC';
      decomposeInto(text, form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD', isComposed ? recompose : undefined);
    },
  };
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

/** The canonical composition of two characters, or undefined. */
function compose(a: string, b: string): string | undefined {
  const composed = (a + b).normalize('NFC');
  const length = composed.codePointAt(0)! > 0xffff ? 2 : 1;
  return composed.length === length ? composed : undefined;
}
