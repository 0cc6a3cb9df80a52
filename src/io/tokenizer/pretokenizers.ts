// The pre-tokenizers of tokenizer.json: they cut a normalised section into words, keeping the words' places in it.

import { Aligned, Characters, type Span } from './aligned.js';
import { utf8Characters } from './bytes.js';
import { compilePattern, escapePattern } from './pattern.js';
import { ASCII_ONLY, ASCII_PUNCTUATION_CLASS, NUMERIC, bertWords, gptWords, punctuation, wordRuns } from './unicode.js';
import { asFlag, asId, asString, invalidTokenizer, parts, type JsonObject } from './json.js';

type Visit = (span: Span) => void;

/** Cuts one span, and hands on the parts in order; none of them is empty. A text may have too many words for a list of them. */
type PreTokenizer = (span: Span, visit: Visit) => void;

export interface PreTokenization {
  /** Calls back for the words of a section. */
  split(section: Aligned, from: number, to: number, visit: Visit): void;
  /** The words still have to be written in the byte alphabet before the model sees them. */
  bytes: boolean;
}

/** Compiles the `pre_tokenizer` entry. */
export function compilePreTokenizer(config: unknown, where: string): PreTokenization {
  const entries = parts(config, 'pretokenizers', where);
  const last = entries.at(-1);
  const bytes = last?.config.type === 'ByteLevel';
  const steps = entries.flatMap((part) => {
    const step = create(part.config, part.where);
    // Where byte-level comes last its alphabet is left to the caller, who can then look words up by their plain text.
    return part.config.type === 'ByteLevel' && part !== last ? [step, toBytes] : [step];
  });
  return {
    bytes,
    split(source, from, to, visit) {
      const chain = steps.reduceRight<Visit>((next, step) => (span) => step(span, next), visit);
      chain({ source, from, to });
    },
  };
}

function create(config: JsonObject, where: string): PreTokenizer {
  switch (config.type) {
    case 'BertPreTokenizer':
      return words(bertWords, BERT_WORDS_ASCII);
    case 'Whitespace':
      return words(wordRuns, /\w+|[^\w\s]+/g);
    case 'WhitespaceSplit':
      return words(() => /\P{White_Space}+/gu, /\S+/g);
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
    default:
      return invalidTokenizer(where, `unknown pre-tokenizer type ${JSON.stringify(config.type)}`);
  }
}

const BERT_WORDS_ASCII = new RegExp(`[^\\s${ASCII_PUNCTUATION_CLASS}]+|[${ASCII_PUNCTUATION_CLASS}]`, 'g');

/** The matches of an expression are the words; what lies between is dropped. `ascii` is the same for ASCII text, and faster. */
function words(pattern: () => RegExp, ascii: RegExp): PreTokenizer {
  return ({ source, from, to }, visit) => {
    const text = textOf(source, from, to);
    const regex = ASCII_ONLY.test(text) ? ascii : pattern();
    // not by the expression's own place, since what is called may come back here
    for (const match of text.matchAll(regex)) {
      const start = from + match.index;
      visit({ source, from: start, to: start + match[0].length });
    }
  };
}

const GPT_WORDS_ASCII = /'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+/g;

function byteLevel(config: JsonObject, where: string): PreTokenizer {
  const prefix = asFlag(config.add_prefix_space, true, `${where}.add_prefix_space`);
  const split = words(gptWords, GPT_WORDS_ASCII);
  const useRegex = asFlag(config.use_regex, true, `${where}.use_regex`);
  return (span, visit) => {
    const whole = prefix && span.source.text[span.from] !== ' ' ? prepended(span, ' ') : span;
    if (useRegex) split(whole, visit);
    else visit(whole);
  };
}

function toBytes(span: Span, visit: Visit): void {
  const chars = new Characters(span);
  chars.expand(utf8Characters);
  visit(wholeOf(chars.finish()));
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
        whole = wholeOf(shifted(span, text.replaceAll(' ', written)));
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

function textOf(source: Aligned, from: number, to: number): string {
  return from === 0 && to === source.text.length ? source.text : source.text.slice(from, to);
}

function wholeOf(source: Aligned): Span {
  return { source, from: 0, to: source.text.length };
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
