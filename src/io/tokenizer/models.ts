// From words to tokens: the library's models, with each token's place in its word, and a cache in front.

import { BPE, Unigram, WordPiece, type Model } from '@huggingface/tokenizers';
import { asArray, asFlag, asId, asObject, asString, invalidTokenizer, type JsonObject } from './json.js';

/** The tokens of one word. Token `i` covers units `[starts[i], ends[i])` of the word as the model saw it. */
export interface Pieces {
  ids: readonly number[];
  tokens: readonly string[];
  starts: readonly number[];
  ends: readonly number[];
}

/** A model with what the tokenizer needs of it. */
export interface WordModel {
  /** The library's `model` entry for its decoder. */
  config: JsonObject;
  tokenToId: ReadonlyMap<string, number>;
  unknownToken: string | undefined;
  encode(word: string): Pieces;
}

const MODEL_TYPES = ['WordPiece', 'BPE', 'Unigram', 'WordLevel'];

/** Builds the `model` entry. Throws INVALID_TOKENIZER for types and options that are not known here. */
export function createModel(json: unknown, where: string): WordModel {
  const config = asObject(json, where);
  const type = config.type ?? guessType(config);
  switch (type) {
    case 'WordPiece':
      return wordPiece(config, where);
    case 'BPE':
      return bpe(config, where);
    case 'Unigram':
      return unigram(config, where);
    case 'WordLevel':
      return wordLevel(config, where);
    default:
      return invalidTokenizer(
        `${where}.type`,
        `unknown model type ${JSON.stringify(type)}; the types known here are ${MODEL_TYPES.join(', ')}`,
      );
  }
}

/** Old files name no type. */
function guessType(config: JsonObject): string | undefined {
  if (Array.isArray(config.vocab)) return 'Unigram';
  if ('merges' in config) return 'BPE';
  return 'continuing_subword_prefix' in config ? 'WordPiece' : undefined;
}

/** Checks a `{ token: id }` vocabulary. */
function readVocab(config: JsonObject, where: string): Record<string, number> {
  const vocab = asObject(config.vocab, `${where}.vocab`);
  for (const token in vocab) {
    const id = vocab[token];
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > 0xffffff) {
      return invalidTokenizer(`${where}.vocab`, `the id of ${JSON.stringify(token)} is ${String(id)}, not an integer from 0`);
    }
  }
  return vocab as Record<string, number>;
}

/** An optional token name that has to be in the vocabulary. */
function readUnknown(config: JsonObject, vocab: Record<string, number>, where: string): string | undefined {
  if (config.unk_token === undefined || config.unk_token === null) return undefined;
  const token = asString(config.unk_token, `${where}.unk_token`);
  return Object.hasOwn(vocab, token) ? token : undefined;
}

class PieceList implements Pieces {
  readonly ids: number[] = [];
  readonly tokens: string[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  add(id: number, token: string, start: number, end: number): void {
    this.ids.push(id);
    this.tokens.push(token);
    this.starts.push(start);
    this.ends.push(end);
  }
}

/** The library's constructors check little: what they trip over is the file's fault. */
function build<T extends Model>(where: string, create: () => T): T {
  try {
    return create();
  } catch (error) {
    return invalidTokenizer(where, 'the model cannot be built from this entry', error);
  }
}

function wordPiece(config: JsonObject, where: string): WordModel {
  const vocab = readVocab(config, where);
  const unknown = asString(config.unk_token ?? '[UNK]', `${where}.unk_token`);
  const prefix = asString(config.continuing_subword_prefix ?? '##', `${where}.continuing_subword_prefix`);
  const limit = asId(config.max_input_chars_per_word ?? 100, `${where}.max_input_chars_per_word`);
  if (!Object.hasOwn(vocab, unknown)) {
    return invalidTokenizer(`${where}.unk_token`, `${JSON.stringify(unknown)} is not in the vocabulary`);
  }
  const full = {
    type: 'WordPiece' as const,
    vocab,
    unk_token: unknown,
    continuing_subword_prefix: prefix,
    max_input_chars_per_word: limit,
  };
  const model = build(where, () => new WordPiece(full));
  const ids = model.tokens_to_ids;
  return {
    config: full,
    tokenToId: ids,
    unknownToken: unknown,
    encode(word) {
      const pieces = new PieceList();
      const tokens = model.encode([word]);
      if (tokens.length === 1) {
        pieces.add(ids.get(tokens[0])!, tokens[0], 0, word.length);
        return pieces;
      }
      let at = 0;
      for (const token of tokens) {
        const length = token.length - (at > 0 ? prefix.length : 0);
        pieces.add(ids.get(token)!, token, at, at + length);
        at += length;
      }
      return pieces;
    },
  };
}

function wordLevel(config: JsonObject, where: string): WordModel {
  const vocab = readVocab(config, where);
  const unknown = readUnknown(config, vocab, where);
  const ids = new Map(Object.entries(vocab));
  return {
    // For decoding any model with this vocabulary serves.
    config: { type: 'WordPiece', vocab, unk_token: unknown, continuing_subword_prefix: '' },
    tokenToId: ids,
    unknownToken: unknown,
    encode(word) {
      const pieces = new PieceList();
      const token = ids.has(word) ? word : unknown;
      if (token !== undefined) pieces.add(ids.get(token)!, token, 0, word.length);
      return pieces;
    },
  };
}

const utf8 = new TextEncoder();

/** The byte-fallback tokens of a text, or null where one is missing. */
function fallbackBytes(text: string, ids: ReadonlyMap<string, number>): string[] | null {
  const tokens = Array.from(utf8.encode(text), (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  return tokens.every((token) => ids.has(token)) ? tokens : null;
}

function bpe(config: JsonObject, where: string): WordModel {
  const vocab = readVocab(config, where);
  const unknown = readUnknown(config, vocab, where);
  const fuse = asFlag(config.fuse_unk, false, `${where}.fuse_unk`);
  const fallback = asFlag(config.byte_fallback, false, `${where}.byte_fallback`);
  const ignoreMerges = asFlag(config.ignore_merges, false, `${where}.ignore_merges`);
  const suffix = asString(config.end_of_word_suffix ?? '', `${where}.end_of_word_suffix`);
  if (asString(config.continuing_subword_prefix ?? '', `${where}.continuing_subword_prefix`) !== '') {
    return invalidTokenizer(`${where}.continuing_subword_prefix`, 'a prefix is not supported for BPE models');
  }
  const merges = asArray(config.merges, `${where}.merges`).map((merge, i): [string, string] => {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    if (Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string' && typeof pair[1] === 'string') {
      return [pair[0], pair[1]];
    }
    return invalidTokenizer(`${where}.merges[${i}]`, 'expected two tokens');
  });
  const full = {
    type: 'BPE' as const,
    vocab,
    merges,
    unk_token: unknown,
    end_of_word_suffix: suffix,
    ignore_merges: ignoreMerges,
  };
  const model = build(where, () => new BPE(full));
  const ids = model.tokens_to_ids;

  return {
    config: full,
    tokenToId: ids,
    unknownToken: unknown,
    encode(word) {
      const pieces = new PieceList();
      if (ignoreMerges && ids.has(word)) {
        pieces.add(ids.get(word)!, word, 0, word.length);
        return pieces;
      }
      let at = 0;
      let afterUnknown = false;
      const found = model.bpe(word);
      for (const [i, token] of found.entries()) {
        const length = token.length - (i === found.length - 1 ? suffix.length : 0);
        const id = ids.get(token);
        const bytes = id === undefined && fallback ? fallbackBytes(token, ids) : null;
        if (id !== undefined) {
          pieces.add(id, token, at, at + length);
        } else if (bytes) {
          for (const [unit, byte] of fallbackUnits(token, bytes)) pieces.add(ids.get(byte)!, byte, at + unit.from, at + unit.to);
        } else if (unknown === undefined) {
          continue; // the reference drops the character, and does not count it either
        } else if (fuse && afterUnknown) {
          pieces.ends[pieces.ends.length - 1] = at + length;
        } else {
          pieces.add(ids.get(unknown)!, unknown, at, at + length);
        }
        afterUnknown = id === undefined && !bytes;
        at += length;
      }
      return pieces;
    },
  };
}

/** Each byte-fallback token with the UTF-16 units of the character its byte is part of. */
function fallbackUnits(text: string, bytes: readonly string[]): [{ from: number; to: number }, string][] {
  const out: [{ from: number; to: number }, string][] = [];
  let from = 0;
  for (const char of text) {
    const to = from + char.length;
    for (let i = utf8.encode(char).length; i > 0; i--) out.push([{ from, to }, bytes[out.length]]);
    from = to;
  }
  return out;
}

function unigram(config: JsonObject, where: string): WordModel {
  const vocab = asArray(config.vocab, `${where}.vocab`).map((entry, i): [string, number] => {
    if (Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number') return [entry[0], entry[1]];
    return invalidTokenizer(`${where}.vocab[${i}]`, 'expected a token and its score');
  });
  if (vocab.length === 0) return invalidTokenizer(`${where}.vocab`, 'the vocabulary is empty');
  const unknown = asId(config.unk_id, `${where}.unk_id`);
  if (unknown >= vocab.length) {
    return invalidTokenizer(`${where}.unk_id`, `${unknown} is beyond the vocabulary of ${vocab.length} tokens`);
  }
  const fallback = asFlag(config.byte_fallback, false, `${where}.byte_fallback`);
  const full = { type: 'Unigram' as const, vocab, unk_id: unknown };
  // The library uses the end token for nothing but a lattice node's label.
  const model = build(where, () => new Unigram(full, ''));
  const ids = model.tokens_to_ids;

  return {
    config: full,
    tokenToId: ids,
    unknownToken: vocab[unknown][0],
    encode(word) {
      const pieces = new PieceList();
      const found = model.tokenize(word);
      for (let i = 0, at = 0; i < found.length; ) {
        let text = found[i];
        let id = ids.get(text) ?? unknown;
        // Neighbouring unknown characters are one token, whose text is looked up once more.
        for (i++; id === unknown && i < found.length && (ids.get(found[i]) ?? unknown) === unknown; i++) text += found[i];
        const end = at + text.length;
        id = ids.get(text) ?? unknown;
        const bytes = fallback && !ids.has(text) ? fallbackBytes(text, ids) : null;
        if (bytes) for (const byte of bytes) pieces.add(ids.get(byte)!, byte, at, end);
        else pieces.add(id, text, at, end);
        at = end;
      }
      return pieces;
    },
  };
}

const CACHE_WORDS = 20_000;
const CACHED_LENGTH = 64;

/** Remembers the pieces of short words; text repeats them. `write` is how the model spells the word. */
export class CachedModel {
  private words = new Map<string, Pieces>();

  constructor(
    private readonly model: WordModel,
    private readonly write: ((word: string) => string) | null,
  ) {}

  encode(word: string): Pieces {
    const known = this.words.get(word);
    if (known) return known;
    const pieces = this.model.encode(this.write ? this.write(word) : word);
    if (word.length <= CACHED_LENGTH) {
      if (this.words.size >= CACHE_WORDS) this.words = new Map();
      this.words.set(word, pieces);
    }
    return pieces;
  }
}
