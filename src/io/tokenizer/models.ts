// From words to tokens: the models, with each token's place in its word. All but BERT's have files of their own, which are loaded on
// demand.

import { asId, asObject, asString, invalidTokenizer, type JsonObject, type Pause } from './json.js';
import { PieceList, readVocab, type WordModel } from './pieces.js';

const MODEL_TYPES = ['WordPiece', 'BPE', 'Unigram', 'WordLevel'];

/** Builds the `model` entry. Throws INVALID_TOKENIZER for types and options that are not known here. */
export async function createModel(json: unknown, where: string, pause: Pause): Promise<WordModel> {
  const config = asObject(json, where);
  const type = config.type ?? guessType(config);
  switch (type) {
    case 'WordPiece':
      return wordPiece(config, where);
    case 'BPE': {
      // BERTs do without
      const { createBpe } = await import('./bpe.js');
      return createBpe(config, where, pause);
    }
    case 'Unigram': {
      const { createUnigram } = await import('./unigram.js');
      return createUnigram(config, where, pause);
    }
    case 'WordLevel': {
      const { createWordLevel } = await import('./word-level.js');
      return createWordLevel(config, where);
    }
    case 'SentencePiece': {
      const { createPieceModel } = await import('./piece-model.js');
      return createPieceModel(config, await createModel(config.model, `${where}.model`, pause), where);
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

/** The longest token that begins the rest of the word, again and again; a word with a rest that none begins is unknown. */
function wordPiece(config: JsonObject, where: string): WordModel {
  const ids = readVocab(config, where);
  const unknown = asString(config.unk_token ?? '[UNK]', `${where}.unk_token`);
  const prefix = asString(config.continuing_subword_prefix ?? '##', `${where}.continuing_subword_prefix`);
  const limit = asId(config.max_input_chars_per_word ?? 100, `${where}.max_input_chars_per_word`);
  const unknownId = ids.get(unknown);
  if (unknownId === undefined) {
    return invalidTokenizer(`${where}.unk_token`, `${JSON.stringify(unknown)} is not in the vocabulary`);
  }
  let longest = 0;
  let size = 0;
  ids.forEach((id, token) => {
    if (token.length > longest) longest = token.length;
    if (id >= size) size = id + 1;
  });

  /** Where the longest token from `start` on ends, and its id; null if there is none. */
  const next = (word: string, start: number): { id: number; end: number } | null => {
    const mark = start > 0 ? prefix : '';
    for (let end = Math.min(word.length, start + longest - mark.length); end > start; end--) {
      const id = ids.get(mark + word.slice(start, end));
      if (id !== undefined) return { id, end };
    }
    return null;
  };
  return {
    tokenToId: ids,
    size,
    unknownToken: unknown,
    encode(word) {
      const pieces = new PieceList();
      // in characters, of which so many units have one too many for certain
      const isTooLong = word.length > limit && [...word.slice(0, 2 * limit + 1)].length > limit;
      for (let start = 0; start < word.length;) {
        const piece = isTooLong ? null : next(word, start);
        if (!piece) return { ids: [unknownId], starts: [0], ends: [word.length] };
        pieces.add(piece.id, start, piece.end);
        start = piece.end;
      }
      return pieces;
    },
  };
}
