// The WordLevel model, of which a word is one token, and what it and others than BERT's ask of a vocabulary.

import { asString, type JsonObject } from './json.js';
import { PieceList, readVocab, type WordModel } from './pieces.js';

/** Builds a `model` entry of type WordLevel. */
export function createWordLevel(config: JsonObject, where: string): WordModel {
  const ids = readVocab(config, where);
  const unknown = readUnknown(config, ids, where);
  const unknownId = unknown === undefined ? undefined : ids.get(unknown);
  return {
    tokenToId: ids,
    size: sizeOf(ids),
    unknownToken: unknown,
    encode(word) {
      const pieces = new PieceList();
      const id = ids.get(word) ?? unknownId;
      if (id !== undefined) pieces.add(id, 0, word.length);
      return pieces;
    },
  };
}

/** The highest id plus one. */
export function sizeOf(ids: ReadonlyMap<string, number>): number {
  let size = 0;
  for (const id of ids.values()) size = Math.max(size, id + 1);
  return size;
}

/** The unknown token, undefined if there is none or the vocabulary lacks it. */
export function readUnknown(config: JsonObject, ids: ReadonlyMap<string, number>, where: string): string | undefined {
  if (config.unk_token === undefined || config.unk_token === null) return undefined;
  const token = asString(config.unk_token, `${where}.unk_token`);
  return ids.has(token) ? token : undefined;
}
