// The pre-tokenizers of tokenizer.json: they cut a normalised section into words, keeping the words' places in it.

import { Aligned, Characters, type Span } from './aligned.js';
import { utf8Characters } from './bytes.js';
import { compilePattern, escapePattern } from './pattern.js';
import { ASCII_ONLY, ASCII_PUNCTUATION_CLASS, BERT_WORDS, GPT_WORDS, NUMERIC, PUNCTUATION, WORDS } from './unicode.js';
import { asFlag, asId, asString, invalidTokenizer, parts, type JsonObject } from './json.js';

/** Cuts one span; the result has no empty spans. */
type PreTokenizer = (span: Span) => Span[];

export interface PreTokenization {
  /** The words of a section. */
  split(section: Aligned, from: number, to: number): Span[];
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
    split(source, from, to) {
      let spans: Span[] = [{ source, from, to }];
      for (const step of steps) spans = spans.length === 1 ? step(spans[0]) : spans.flatMap(step);
      return spans;
    },
  };
}

function create(config: JsonObject, where: string): PreTokenizer {
  switch (config.type) {
    case 'BertPreTokenizer':
      return words(BERT_WORDS, BERT_WORDS_ASCII);
    case 'Whitespace':
      return words(WORDS, /\w+|[^\w\s]+/g);
    case 'WhitespaceSplit':
      return words(/\P{White_Space}+/gu, /\S+/g);
    case 'Metaspace':
      return metaspace(config, where);
    case 'ByteLevel':
      return byteLevel(config, where);
    case 'Split': {
      const pattern = compilePattern(config.pattern, `${where}.pattern`);
      const invert = asFlag(config.invert, false, `${where}.invert`);
      const behavior = readBehavior(config.behavior, `${where}.behavior`);
      return (span) => divide(span, pattern ? matches(span, pattern, invert) : [], behavior);
    }
    case 'Punctuation':
      return characterSplit(PUNCTUATION, readBehavior(config.behavior ?? 'Isolated', `${where}.behavior`));
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
function words(pattern: RegExp, ascii: RegExp): PreTokenizer {
  return (span) => {
    const text = spanText(span);
    const regex = ASCII_ONLY.test(text) ? ascii : pattern;
    const out: Span[] = [];
    regex.lastIndex = 0;
    for (let match = regex.exec(text); match; match = regex.exec(text)) {
      const from = span.from + match.index;
      out.push({ source: span.source, from, to: from + match[0].length });
    }
    return out;
  };
}

const GPT_WORDS_ASCII = /'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+/g;

function byteLevel(config: JsonObject, where: string): PreTokenizer {
  const prefix = asFlag(config.add_prefix_space, true, `${where}.add_prefix_space`);
  const split = words(GPT_WORDS, GPT_WORDS_ASCII);
  const useRegex = asFlag(config.use_regex, true, `${where}.use_regex`);
  return (span) => {
    const whole = prefix && span.source.text[span.from] !== ' ' ? prepended(span, ' ') : span;
    return useRegex ? split(whole) : [whole];
  };
}

function toBytes(span: Span): Span[] {
  const chars = new Characters(span);
  chars.expand(utf8Characters);
  return [wholeOf(chars.finish())];
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
  const delimiter = new RegExp(escapePattern(replacement), 'gu');
  return (span) => {
    let whole = span;
    const text = spanText(span);
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
    return split ? divide(whole, matches(whole, delimiter, false), 'MergedWithNext') : [whole];
  };
}

function fixedLength(length: number, where: string): PreTokenizer {
  if (length === 0) return invalidTokenizer(`${where}.length`, 'expected at least 1');
  const pattern = new RegExp(`[^]{1,${length}}`, 'gu');
  return (span) => divide(span, matches(span, pattern, false), 'Isolated');
}

function characterSplit(pattern: RegExp, behavior: Behavior): PreTokenizer {
  const global = new RegExp(pattern.source, 'gu');
  return (span) => divide(span, matches(span, global, false), behavior);
}

const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
type Behavior = (typeof BEHAVIORS)[number];

function readBehavior(value: unknown, where: string): Behavior {
  const found = BEHAVIORS.find((behavior) => behavior === value);
  return found ?? invalidTokenizer(where, `expected one of ${BEHAVIORS.join(', ')}, found ${JSON.stringify(value)}`);
}

interface Part {
  from: number;
  to: number;
  match: boolean;
}

/** The span cut into matches and what lies between them. */
function matches(span: Span, pattern: RegExp, invert: boolean): Part[] {
  const text = spanText(span);
  const found: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > done) found.push({ from: done, to: match.index, match: invert });
    done = match.index + match[0].length;
    found.push({ from: match.index, to: done, match: !invert });
  }
  if (done < text.length) found.push({ from: done, to: text.length, match: invert });
  return found;
}

/** Joins the parts by the rule for delimiters. Without parts the span stays whole. */
function divide(span: Span, found: Part[], behavior: Behavior): Span[] {
  if (found.length === 0) return [span];
  const joined: Part[] = [];
  let previous = false;
  if (behavior === 'MergedWithNext') found.reverse();
  for (const part of found) {
    const last = joined.at(-1);
    const merge =
      behavior === 'Contiguous'
        ? part.match === previous
        : (behavior === 'MergedWithPrevious' || behavior === 'MergedWithNext') && part.match && !previous;
    previous = part.match;
    if (behavior === 'Removed' && part.match) continue;
    if (!merge || !last) joined.push({ ...part });
    else if (behavior === 'MergedWithNext') last.from = part.from;
    else last.to = part.to;
  }
  if (behavior === 'MergedWithNext') joined.reverse();
  return joined
    .filter((part) => part.to > part.from)
    .map((part) => ({ source: span.source, from: span.from + part.from, to: span.from + part.to }));
}

function spanText(span: Span): string {
  const { source, from, to } = span;
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
  return wholeOf(span.source.derive(prefix + spanText(span), span.from, prefix.length));
}
