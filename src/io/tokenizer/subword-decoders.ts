// The decoders of tokenizers that split words into bytes or pieces of any kind.

import { ByteJoiner, validUtf8 } from './subword-bytes.js';
import { asFlag, asString, invalidTokenizer, isObject, type JsonObject } from './json.js';
import { compilePattern } from './pattern.js';
import { cleaned, eachItem, replaceText, type Plan } from './stages.js';

/** Compiles a decoder of one of these types. Throws INVALID_TOKENIZER for others. */
export function createDecoder(config: JsonObject, where: string): Plan {
  switch (config.type) {
    case 'ByteLevel':
      return byteLevel;
    case 'Metaspace':
      return metaspace(config, where);
    case 'BPEDecoder':
      return bpe(asString(config.suffix ?? '</w>', `${where}.suffix`));
    case 'CTC':
      return ctc(config, where);
    case 'ByteFallback':
      return byteFallback;
    case 'Strip':
      return strip(config, where);
    case 'Replace':
      return replace(config, where);
    default:
      return invalidTokenizer(where, `unknown decoder type ${JSON.stringify(config.type)}`);
  }
}

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

/** White space at the text's ends. */
export const trim: Plan = (next) => {
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
