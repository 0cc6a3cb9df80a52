// The decoders of tokenizer.json, token by token: what is pushed into a chain of stages comes out at its end as soon as nothing
// that may follow can change it. Decoding all at once is the same with everything pushed, so that both give the same text.

import { ByteJoiner, validUtf8 } from './bytes.js';
import { asArray, asFlag, asObject, asString, invalidTokenizer, isObject, type JsonObject } from './json.js';
import { compilePattern } from './pattern.js';

/**
 * A decoder at work. In Python a decoder makes a list of strings of a list of strings; here an item of the list comes in one or
 * more fragments, of which the last is marked, and `finish` ends the list.
 */
interface Stage {
  push(fragment: string, isLast: boolean): void;
  finish(): void;
}

/** Puts a decoder's stage before the next one. */
type Plan = (next: Stage) => Stage;

/** The texts of a decoder's end. */
class Sink implements Stage {
  private text = '';

  push(fragment: string): void {
    this.text += fragment;
  }

  finish(): void {
    // nothing was held back
  }

  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

/** One text being decoded. */
export class Decoding {
  private readonly sink = new Sink();
  private readonly first: Stage;

  constructor(plan: Plan) {
    this.first = plan(this.sink);
  }

  push(token: string): void {
    this.first.push(token, true);
  }

  /** No more tokens: what was held back comes out. */
  finish(): void {
    this.first.finish();
  }

  /** What came out since the last time. */
  take(): string {
    return this.sink.take();
  }
}

/**
 * Compiles the `decoder` entry to a function that begins a text. `suffix`: the end-of-word suffix of a BPE model, which a decoder that
 * knows none leaves to be replaced here. `isClean`: remove the spaces before punctuation.
 */
export function compileDecoder(config: unknown, where: string, suffix: string): (isClean: boolean) => Decoding {
  const isNone = config === undefined || config === null;
  const decode = isNone ? joined : create(asObject(config, where), where);
  const isBare = suffix !== '' && !(isObject(config) && config.type === 'BPEDecoder');
  const plans = isBare ? [decode, fuse, replaceText(suffix, ' '), trim] : [decode];
  const plain = sequence(plans);
  const tidy = sequence([...plans, fuse, cleanUp]);
  return (isClean) => new Decoding(isClean ? tidy : plain);
}

function create(config: JsonObject, where: string): Plan {
  switch (config.type) {
    case 'ByteLevel':
      return byteLevel;
    case 'WordPiece':
      return wordPiece(config, where);
    case 'Metaspace':
      return metaspace(config, where);
    case 'BPEDecoder':
      return bpe(asString(config.suffix ?? '</w>', `${where}.suffix`));
    case 'CTC':
      return ctc(config, where);
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return fuse;
    case 'Strip':
      return strip(config, where);
    case 'Replace':
      return replace(config, where);
    case 'Sequence':
      return sequence(
        asArray(config.decoders, `${where}.decoders`).map((part, i) => {
          const at = `${where}.decoders[${i}]`;
          return create(asObject(part, at), at);
        }),
      );
    default:
      return invalidTokenizer(where, `unknown decoder type ${JSON.stringify(config.type)}`);
  }
}

function sequence(plans: readonly Plan[]): Plan {
  return (next) => plans.reduceRight((stage, plan) => plan(stage), next);
}

/** A stage that makes a text of each whole item, or none (null). `change` has the item's place in the list. */
function eachItem(change: (item: string, index: number) => string | null): Plan {
  return (next) => {
    let item = '';
    let index = 0;
    return {
      push(fragment, isLast) {
        item = item === '' ? fragment : item + fragment;
        if (!isLast) return;
        const text = change(item, index++);
        item = '';
        if (text !== null) next.push(text, true);
      },
      finish() {
        next.finish();
      },
    };
  };
}

/** Where there is no decoder. */
const joined = eachItem((item, index) => (index > 0 ? ` ${item}` : item));

const fuse: Plan = (next) => ({
  push(fragment) {
    next.push(fragment, false);
  },
  finish() {
    next.push('', true);
    next.finish();
  },
});

const byteLevel: Plan = (next) => {
  const joiner = new ByteJoiner();
  let item = '';
  return {
    push(fragment, isLast) {
      item += fragment;
      if (!isLast) return;
      next.push(joiner.push(item), false);
      item = '';
    },
    finish() {
      next.push(joiner.finish(), true);
      next.finish();
    },
  };
};

/** Words are set apart by spaces, but for the parts of one word. */
function wordPiece(config: JsonObject, where: string): Plan {
  const prefix = asString(config.prefix ?? '##', `${where}.prefix`);
  const isCleaned = asFlag(config.cleanup, true, `${where}.cleanup`);
  return eachItem((item, index) => {
    let text = item;
    if (index > 0) text = item.startsWith(prefix) ? item.slice(prefix.length) : ` ${item}`;
    return isCleaned ? cleaned(text) : text;
  });
}

function metaspace(config: JsonObject, where: string): Plan {
  const mark = asString(config.replacement ?? '\u2581', `${where}.replacement`);
  const never =
    config.prepend_scheme === 'never' || (config.prepend_scheme === undefined && config.add_prefix_space === false);
  return eachItem((item, index) => item.replaceAll(mark, index === 0 && !never ? '' : ' '));
}

/** The suffix of a word's last token becomes a space, but for the last word. */
function bpe(suffix: string): Plan {
  return (next) => {
    let held: string | null = null;
    const release = (space: string): void => {
      if (held !== null) next.push(held.replaceAll(suffix, space), true);
    };
    let item = '';
    return {
      push(fragment, isLast) {
        item += fragment;
        if (!isLast) return;
        release(' ');
        held = item;
        item = '';
      },
      finish() {
        release('');
        next.finish();
      },
    };
  };
}

/** Connectionist temporal classification: a token that comes several times in a row counts once. */
function ctc(config: JsonObject, where: string): Plan {
  const pad = asString(config.pad_token ?? '<pad>', `${where}.pad_token`);
  const delimiter = asString(config.word_delimiter_token ?? '|', `${where}.word_delimiter_token`);
  const isCleaned = asFlag(config.cleanup, true, `${where}.cleanup`);
  return (next) => {
    let before: string | null = null;
    return eachItem((item) => {
      if (item === before) return null;
      before = item;
      const text = item.replaceAll(pad, '');
      return (isCleaned ? cleaned(text).replaceAll(delimiter, ' ') : text) || null;
    })(next);
  };
}

const BYTE_TOKEN = /^<0x([\dA-Fa-f+][\dA-Fa-f])>$/;

/**
 * Byte tokens that follow one another are the UTF-8 of a text. One wrong byte makes each byte of the run a U+FFFD, so that a run
 * is held back until it ends.
 */
const byteFallback: Plan = (next) => {
  let run: number[] = [];
  const release = (): void => {
    if (run.length === 0) return;
    const text = validUtf8(Uint8Array.from(run));
    if (text !== null) next.push(text, true);
    else for (let i = 0; i < run.length; i++) next.push('\ufffd', true);
    run = [];
  };
  const stage = eachItem((item) => {
    const byte = BYTE_TOKEN.exec(item);
    if (byte) {
      run.push(parseInt(byte[1], 16));
      return null;
    }
    release();
    return item;
  })(next);
  return {
    push: stage.push.bind(stage),
    finish() {
      release();
      stage.finish();
    },
  };
};

/** Takes up to `start` and `stop` of a character from the item's ends. */
function strip(config: JsonObject, where: string): Plan {
  const content = asString(config.content, `${where}.content`);
  const start = asCount(config.start, `${where}.start`);
  const stop = asCount(config.stop, `${where}.stop`);
  return (next) => {
    let taken = 0;
    let held = '';
    return {
      push(fragment, isLast) {
        let text = held + fragment;
        for (; taken < start && text.startsWith(content) && text !== ''; taken++) text = text.slice(content.length);
        if (text !== '') taken = start;
        let end = text.length;
        for (let i = 0; i < stop && text.endsWith(content, end) && end > 0; i++) end -= content.length;
        held = isLast ? '' : text.slice(end);
        if (isLast) taken = 0;
        next.push(text.slice(0, end), isLast);
      },
      finish() {
        next.finish();
      },
    };
  };
}

function asCount(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  return invalidTokenizer(where, `expected a number of characters, found ${JSON.stringify(value)}`);
}

function replace(config: JsonObject, where: string): Plan {
  const content = asString(config.content, `${where}.content`);
  const { pattern } = config;
  const regex = compilePattern(pattern, `${where}.pattern`);
  if (regex === null) return (next) => next;
  if (isObject(pattern) && typeof pattern.String === 'string') return replaceText(pattern.String, content);
  return eachItem((item) => item.replace(regex, () => content));
}

/** Holds back what may be the beginning of `search`. */
function replaceText(search: string, content: string): Plan {
  return (next) => {
    let held = '';
    return {
      push(fragment, isLast) {
        const text = held === '' ? fragment : held + fragment;
        const end = text.lastIndexOf(search);
        if (end < 0 && isLast) {
          held = '';
          next.push(text, true);
          return;
        }
        let out = '';
        let from = 0;
        if (end >= 0) {
          for (let at = text.indexOf(search); at >= 0; at = text.indexOf(search, from)) {
            out += text.slice(from, at) + content;
            from = at + search.length;
          }
        }
        const to = isLast ? text.length : text.length - overlap(text, from, search);
        held = text.slice(to);
        next.push(out + text.slice(from, to), isLast);
      },
      finish() {
        next.finish();
      },
    };
  };
}

/** Length of the longest end of `text`, from unit `from` on, that is a beginning of `search` but not all of it. */
function overlap(text: string, from: number, search: string): number {
  for (let length = Math.min(search.length - 1, text.length - from); length > 0; length--) {
    if (text.endsWith(search.slice(0, length))) return length;
  }
  return 0;
}

/** White space at the text's ends. */
const trim: Plan = (next) => {
  let held = '';
  let hasBegun = false;
  return {
    push(fragment, isLast) {
      let text = hasBegun ? held + fragment : fragment.trimStart();
      hasBegun ||= text !== '';
      const end = text.trimEnd().length;
      held = text.slice(end);
      text = text.slice(0, end);
      next.push(text, isLast);
    },
    finish() {
      next.finish();
    },
  };
};

/** What Python's clean_up_tokenization replaces, in this order. */
const CLEANED = [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", " 's", " 've", " 're"];
const cleanUp = sequence(CLEANED.map((text) => replaceText(text, text.trim())));

/** The same for one item, where the reference's decoders also shorten "do not". */
function cleaned(item: string): string {
  if (!item.includes(' ')) return item;
  let text = item;
  for (const search of CLEANED) {
    text = text.replaceAll(search, search.trim());
    if (search === " 'm") text = text.replaceAll(' do not', " don't");
  }
  return text;
}
