// Which tokenizer files are that lie alone, with no configuration that would name a class: told by the special tokens in them, where
// only one class has such.

import type { JsonObject } from '../json.js';
import type { Piece } from './protobuf.js';

/** The class of a `vocab.txt`. */
export function classOfLines(lines: string): string | undefined {
  return /^\[CLS\]\r?$/m.test(lines) ? 'BertTokenizer' : undefined;
}

/** The class of a `vocab.json` beside `merges.txt`. */
export function classOfVocab(vocab: JsonObject): string | undefined {
  const has = (...tokens: readonly string[]): boolean => tokens.every((token) => Object.hasOwn(vocab, token));
  if (has('<|startoftext|>', '<|endoftext|>')) return 'CLIPTokenizer';
  if (!has('\u0120')) return undefined; // the space of byte-level models
  if (has('<s>', '</s>', '<mask>')) return 'RobertaTokenizer';
  return has('<|endoftext|>') ? 'GPT2Tokenizer' : undefined;
}

/** The class of the pieces of a `tokenizer.model` or `spiece.model`. */
export function classOfPieces(pieces: readonly Piece[], file: string): string | undefined {
  const texts = new Set(pieces.map(({ text }) => text));
  const has = (...wanted: readonly string[]): boolean => wanted.every((text) => texts.has(text));
  if (has('[CLS]', '[MASK]')) return has('<s>') ? 'BigBirdTokenizer' : 'AlbertTokenizer';
  if (has('<cls>', '<sep>')) return 'XLNetTokenizer';
  if (has('<bos>', '<eos>')) return 'GemmaTokenizer';
  if (file === 'tokenizer.model') return has('<s>', '</s>') ? 'LlamaTokenizer' : undefined;
  return pieces[0]?.text === '<pad>' && pieces[1]?.text === '</s>' ? 'T5Tokenizer' : undefined;
}
