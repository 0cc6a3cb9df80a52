// A SentencePiece model whose ids are not its own: a Unigram or BPE model below, and the id that a checkpoint gives each of its
// pieces. For models converted from SentencePiece's files; no tokenizer.json has this type.

import { asArray, asFlag, asId, invalidTokenizer, type JsonObject } from './json.js';
import { ByteTokens, listOf, replaceUnknown } from './long-pieces.js';
import { readVocab, type Pieces, type WordModel } from './pieces.js';
import { sizeOf } from './word-level.js';

/** In place of the checkpoint's id. */
const UNKNOWN = -1;

/**
 * Builds a `model` entry of type SentencePiece:
 * - `model`: the entry of the model below, which has a token for every text that it can find, and one for what it does not know
 * - `ids`: for each of its ids the checkpoint's, or null where text is unknown
 * - `vocab`: ids by text
 * - `unknown`: the id of unknown text. Neighbouring unknown characters are one token, whose text is looked up once more: the
 *   vocabulary may have more than the model below
 * - `written_vocab`: ids by text for decoding, if they are others
 * - `byte_fallback`: unknown text becomes the tokens of its bytes instead, each with the place of its character above BPE, of all the
 *   unknown text above Unigram
 */
export function createPieceModel(config: JsonObject, base: WordModel, where: string): WordModel {
  const ids = asArray(config.ids, `${where}.ids`).map((id, i) =>
    id === null ? UNKNOWN : asId(id, `${where}.ids[${i}]`),
  );
  const tokenToId = readVocab(config, where);
  const written =
    config.written_vocab === undefined ? undefined : readVocab({ vocab: config.written_vocab }, `${where}: written`);
  const unknown = asId(config.unknown, `${where}.unknown`);
  const bytes = asFlag(config.byte_fallback, false, `${where}.byte_fallback`) ? new ByteTokens(tokenToId) : null;
  const isApart = bytes !== null && (config.model as JsonObject).type === 'BPE';
  for (const id of base.tokenToId.values()) {
    if (id >= ids.length) return invalidTokenizer(`${where}.ids`, `there is none for token ${id} of the model below`);
  }
  return {
    tokenToId,
    size: Math.max(sizeOf(tokenToId), written ? sizeOf(written) : 0),
    unknownToken: undefined,
    verbatimId: unknown,
    ...(base.begin ? { begin: base.begin.bind(base) } : {}),
    ...(written ? { writtenIds: written } : {}),
    encode(word): Pieces {
      const { ids: own, starts, ends } = base.encode(word);
      const known = listOf(own.length);
      let isKnown = true;
      for (let i = 0; i < own.length; i++) {
        known[i] = ids[own[i]];
        if (known[i] === UNKNOWN) isKnown = false;
      }
      const pieces = { ids: known, starts, ends };
      return isKnown ? pieces : replaceUnknown(word, pieces, UNKNOWN, !isApart, idsOfUnknown);
    },
  };

  function idsOfUnknown(text: string): readonly number[] {
    return bytes?.encode(text) ?? [tokenToId.get(text) ?? unknown];
  }
}
