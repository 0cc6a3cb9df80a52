// From words to tokens: the models, with each token's place in its word, and a cache in front. WordPiece and Unigram are the
// library's; BPE is in bpe.ts.

import { Unigram, WordPiece, type Model } from '@huggingface/tokenizers';
import { asArray, asFlag, asId, asObject, asString, invalidTokenizer, type JsonObject } from './json.js';
import { PieceList, fallbackBytes, readUnknown, readVocab, type Pieces, type WordModel } from './pieces.js';

const MODEL_TYPES = ['WordPiece', 'BPE', 'Unigram', 'WordLevel'];

/** Builds the `model` entry. Throws INVALID_TOKENIZER for types and options that are not known here. */
export async function createModel(json: unknown, where: string): Promise<WordModel> {
  const config = asObject(json, where);
  const type = config.type ?? guessType(config);
  switch (type) {
    case 'WordPiece':
      return wordPiece(config, where);
    case 'BPE': {
      // BERTs do without
      const { createBpe } = await import('./bpe.js');
      return createBpe(config, where);
    }
    case 'Unigram':
      return unigram(config, where);
    case 'WordLevel':
      return wordLevel(config, where);
    case 'SentencePiece': {
      const { createPieceModel } = await import('./piece-model.js');
      return createPieceModel(config, await createModel(config.model, `${where}.model`), where);
    }
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
  const ids = new Map(Object.entries(readVocab(config, where)));
  const unknown = readUnknown(config, ids, where);
  return {
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

function unigram(config: JsonObject, where: string): WordModel {
  const vocab = asArray(config.vocab, `${where}.vocab`).map((entry, i): [string, number] => {
    if (Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number')
      return [entry[0], entry[1]];
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
    tokenToId: ids,
    unknownToken: vocab[unknown][0],
    encode(word) {
      const pieces = new PieceList();
      const found = model.tokenize(word);
      for (let i = 0, at = 0; i < found.length;) {
        let text = found[i];
        let id = ids.get(text) ?? unknown;
        // Neighbouring unknown characters are one token, whose text is looked up once more.
        for (i++; id === unknown && i < found.length && (ids.get(found[i]) ?? unknown) === unknown; i++)
          text += found[i];
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
