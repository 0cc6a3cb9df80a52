// The pre-tokenizers of tokenizers that split words into bytes or pieces of any kind, and those that few tokenizers have.

import { Characters, type Aligned, type Span } from './aligned.js';
import { asFlag, asId, asString, invalidTokenizer, type JsonObject } from './json.js';
import { compilePattern, escapePattern } from './pattern.js';
import { replaceUnit } from './subword-bytes.js';
import { gptWords, NUMERIC, punctuation } from './unicode.js';
import { textOf, wholeOf, words, type PreTokenizer } from './words.js';

/** Compiles a pre-tokenizer of one of these types. Throws INVALID_TOKENIZER for others. */
export async function createPreTokenizer(config: JsonObject, where: string): Promise<PreTokenizer> {
  switch (config.type) {
    case 'Metaspace':
      return metaspace(config, where);
    case 'ByteLevel':
      return byteLevel(config, where);
    case 'Split': {
      const pattern = compilePattern(config.pattern, `${where}.pattern`);
      const invert = asFlag(config.invert, false, `${where}.invert`);
      const behavior = readBehavior(config.behavior, `${where}.behavior`);
      return pattern ? divide(pattern, invert, behavior) : (span, visit) => visit(span);
    }
    case 'Punctuation':
      return characterSplit(punctuation(), readBehavior(config.behavior ?? 'Isolated', `${where}.behavior`));
    case 'Digits': {
      const individual = asFlag(config.individual_digits, false, `${where}.individual_digits`);
      return characterSplit(NUMERIC, individual ? 'Isolated' : 'Contiguous');
    }
    case 'CharDelimiterSplit': {
      const delimiter = escapePattern(asString(config.delimiter, `${where}.delimiter`));
      return characterSplit(new RegExp(delimiter, 'u'), 'Removed');
    }
    case 'FixedLength':
      return fixedLength(asId(config.length ?? 5, `${where}.length`), where);
    case 'UnicodeScripts':
      return (await import('./scripts.js')).unicodeScripts;
    default:
      return invalidTokenizer(where, `unknown pre-tokenizer type ${JSON.stringify(config.type)}`);
  }
}

const GPT_WORDS_ASCII = /'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+/g;

function byteLevel(config: JsonObject, where: string): PreTokenizer {
  const prefix = asFlag(config.add_prefix_space, true, `${where}.add_prefix_space`);
  const split = words(gptWords, GPT_WORDS_ASCII, true);
  const useRegex = asFlag(config.use_regex, true, `${where}.use_regex`);
  return (span, visit) => {
    const whole = prefix && span.source.text[span.from] !== ' ' ? prepended(span, ' ') : span;
    if (useRegex) split(whole, visit);
    else visit(whole);
  };
}

function metaspace(config: JsonObject, where: string): PreTokenizer {
  const replacement = asString(config.replacement ?? '\u2581', `${where}.replacement`);
  const written = asString(config.str_rep ?? replacement, `${where}.str_rep`);
  const legacyNever = config.add_prefix_space === false;
  const scheme = asString(config.prepend_scheme ?? (legacyNever ? 'never' : 'always'), `${where}.prepend_scheme`);
  if (!['always', 'never', 'first'].includes(scheme)) {
    return invalidTokenizer(`${where}.prepend_scheme`, `unknown scheme ${JSON.stringify(scheme)}`);
  }
  const split = asFlag(config.split, true, `${where}.split`);
  const cut = divide(new RegExp(escapePattern(replacement), 'gu'), false, 'MergedWithNext');
  return (span, visit) => {
    let whole = span;
    const text = textOf(span.source, span.from, span.to);
    if (text.includes(' ')) {
      if (written.length === 1) {
        whole = wholeOf(shifted(span, replaceUnit(text, ' ', written)));
      } else {
        const chars = new Characters(span);
        chars.replaceAll(/ /g, written);
        whole = wholeOf(chars.finish());
      }
    }
    const first = scheme === 'always' || (scheme === 'first' && span.source.start(span.from) === 0);
    if (first && !whole.source.text.startsWith(replacement, whole.from)) whole = prepended(whole, written);
    if (split) cut(whole, visit);
    else visit(whole);
  };
}

function fixedLength(length: number, where: string): PreTokenizer {
  if (length === 0) return invalidTokenizer(`${where}.length`, 'expected at least 1');
  return divide(new RegExp(`[^]{1,${length}}`, 'gu'), false, 'Isolated');
}

function characterSplit(pattern: RegExp, behavior: Behavior): PreTokenizer {
  return divide(new RegExp(pattern.source, 'gu'), false, behavior);
}

const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
type Behavior = (typeof BEHAVIORS)[number];

function readBehavior(value: unknown, where: string): Behavior {
  const found = BEHAVIORS.find((behavior) => behavior === value);
  return found ?? invalidTokenizer(where, `expected one of ${BEHAVIORS.join(', ')}, found ${JSON.stringify(value)}`);
}

/** Cuts at the matches of a global expression, and joins the parts by the rule for delimiters. Without matches the span stays whole. */
function divide(pattern: RegExp, invert: boolean, behavior: Behavior): PreTokenizer {
  return ({ source, from, to }, visit) => {
    const text = textOf(source, from, to);
    /** The part that the next one may still be joined to. */
    let held: Span | null = null;
    let isMatch = false;
    const release = (): void => {
      if (held && held.to > held.from) visit(held);
      held = null;
    };
    const take = (start: number, end: number, match: boolean): void => {
      const joins =
        behavior === 'Contiguous'
          ? match === isMatch
          : behavior === 'MergedWithPrevious'
            ? match && !isMatch
            : behavior === 'MergedWithNext' && !match && isMatch;
      isMatch = match;
      if (joins && held) {
        held.to = from + end;
        return;
      }
      release();
      if (behavior !== 'Removed' || !match) held = { source, from: from + start, to: from + end };
    };
    let done = 0;
    for (const match of text.matchAll(pattern)) {
      if (match.index > done) take(done, match.index, invert);
      done = match.index + match[0].length;
      take(match.index, done, !invert);
    }
    if (done < text.length) take(done, text.length, invert);
    release();
  };
}

/** The span with other text of the same length. */
function shifted(span: Span, text: string): Aligned {
  const { source, from } = span;
  return source.derive(text, from, 0);
}

/** The span with `prefix` before it, which shares the first character's place. */
function prepended(span: Span, prefix: string): Span {
  return wholeOf(span.source.derive(prefix + textOf(span.source, span.from, span.to), span.from, prefix.length));
}
