// Byte-pair encoding of one word. Long words are first cut where no merge can reach across; what cannot be cut is merged rank by
// rank, so that the time stays proportional to the length whatever the text.

import { bytesOf, byteUnits } from './bytes.js';
import { inBlocks } from './in-blocks.js';
import { ByteTokens, PieceArrays } from './long-pieces.js';
import { MergeTable } from './merges.js';
import { readVocab, type Pieces, type WordModel } from './pieces.js';
import { WordCache } from './word-cache.js';
import { readUnknown } from './word-level.js';
import { asArray, asFlag, asString, invalidTokenizer, type JsonObject, type Pause } from './json.js';

/** Words of more units than this are cut first. */
const CUT_LENGTH = 32;

/** Builds a `model` entry of type BPE. */
export async function createBpe(config: JsonObject, where: string, pause: Pause): Promise<WordModel> {
  const ids = readVocab(config, where);
  await pause();
  const vocab: string[] = [];
  ids.forEach((id, token) => {
    vocab[id] = token;
  });
  const unknown = readUnknown(config, ids, where);
  const unknownId = unknown === undefined ? undefined : ids.get(unknown);
  const fuse = asFlag(config.fuse_unk, false, `${where}.fuse_unk`);
  const fallback = asFlag(config.byte_fallback, false, `${where}.byte_fallback`);
  const ignoreMerges = asFlag(config.ignore_merges, false, `${where}.ignore_merges`);
  const suffix = asString(config.end_of_word_suffix ?? '', `${where}.end_of_word_suffix`);
  const prefix = asString(config.continuing_subword_prefix ?? '', `${where}.continuing_subword_prefix`);
  const byPiece = asFlag(config.merges_by_piece, false, `${where}.merges_by_piece`);
  const { merges, isPart } = await readMerges(config.merges, ids, vocab, prefix, byPiece, `${where}.merges`, pause);
  const letters = new Letters(ids);
  const bytes = fallback ? new ByteTokens(ids) : null;
  // Cutting looks at characters: these tokens stand for others than those in their names, and a last character with its suffix may be
  // unknown and join an unknown one before it.
  const canCut =
    prefix === '' &&
    !(fuse && suffix !== '') &&
    ![unknownId, ...(bytes?.ids ?? [])].some((id) => id !== undefined && isPart[id]);
  const hasBytes = bytes?.ids.size === 256;
  const symbols = new PieceArrays();
  let joints: Joints | null = null;

  /** The characters of the word, or of a section of it with another behind, as tokens before any merge. */
  const spell = (word: string, isWhole: boolean, inBytes = false): PieceArrays => {
    symbols.clear(word.length);
    let at = 0;
    let afterUnknown = false;
    for (let i = 0; i < word.length;) {
      const code = word.codePointAt(i)!;
      const width = code > 0xffff ? 2 : 1;
      const mark = i > 0 ? prefix : '';
      i += width;
      const tail = i === word.length && isWhole ? suffix : '';
      const isPlain = mark === '' && tail === '';
      const token = isPlain ? '' : mark + String.fromCodePoint(code) + tail;
      const id = isPlain ? letters.id(code) : (ids.get(token) ?? -1);
      const end = at + (inBytes ? bytesOf(code) : width);
      const spelt = id < 0 && bytes ? bytes.encode(isPlain ? String.fromCodePoint(code) : token) : null;
      if (id >= 0) symbols.add(id, at, end);
      else if (spelt) for (const byte of spelt) symbols.add(byte, at, end);
      else if (unknownId === undefined) {
        // the reference drops the character, and lays the bytes of what is left end to end
        if (!inBytes) return spell(word, isWhole, true);
        continue;
      } else if (fuse && afterUnknown) symbols.ends[symbols.length - 1] = end;
      else symbols.add(unknownId, at, end);
      afterUnknown = id < 0 && !spelt;
      at = end;
    }
    if (inBytes) placeInUnits(symbols, word);
    return symbols;
  };

  const sections = new WordCache((text) => merges.apply(spell(text, false)));

  return {
    tokenToId: ids,
    size: vocab.length,
    unknownToken: unknown,
    endOfWordSuffix: suffix,
    encode(word): Pieces {
      const whole = ignoreMerges ? ids.get(word) : undefined;
      if (whole !== undefined) return { ids: [whole], starts: [0], ends: [word.length] };
      if (word.length <= CUT_LENGTH || !canCut || (unknownId === undefined && !letters.knowsAll(word)))
        return merges.apply(spell(word, true));
      joints ??= new Joints(ids.keys(), fuse && !hasBytes ? letters : null);
      const pieces = new PieceArrays(word.length >> 1);
      let from = 0;
      for (let cut = joints.next(word, 0); ; cut = joints.next(word, cut)) {
        const isEnd = cut === word.length;
        const text = word.slice(from, cut);
        const part = isEnd && (suffix !== '' || from === 0) ? merges.apply(spell(text, true)) : sections.get(text);
        if (isEnd && from === 0) return part;
        pieces.append(part, from);
        if (isEnd) return pieces.finish();
        from = cut;
      }
    },
  };
}

/** Ids of single characters. */
class Letters {
  private readonly table = new Int32Array(0x10000).fill(-2);

  constructor(private readonly ids: ReadonlyMap<string, number>) {}

  /** The character's id, -1 if the vocabulary has it not. */
  id(code: number): number {
    if (code > 0xffff) return this.ids.get(String.fromCodePoint(code)) ?? -1;
    let id = this.table[code];
    if (id === -2) id = this.table[code] = this.ids.get(String.fromCharCode(code)) ?? -1;
    return id;
  }

  knowsAll(text: string): boolean {
    for (let i = 0; i < text.length;) {
      const code = text.codePointAt(i)!;
      if (this.id(code) < 0) return false;
      i += code > 0xffff ? 2 : 1;
    }
    return true;
  }
}

/** Turns places in the bytes of a word into those of the characters that the bytes belong to. */
function placeInUnits({ starts, ends, length }: PieceArrays, word: string): void {
  const { first, last } = byteUnits(word, 0, word.length);
  for (let k = 0; k < length; k++) {
    starts[k] = first[starts[k]];
    ends[k] = last[ends[k] - 1] + 1;
  }
}

const JOINT_BITS = 21;

/**
 * Between which characters a word can be cut without any effect: those that stand side by side in no token. A merge across the
 * cut would make such a token. The set says yes of a few pairs too many, which only makes sections longer.
 */
class Joints {
  private readonly bits = new Uint8Array(2 ** JOINT_BITS / 8);

  /** `letters`: given where unknown characters are fused, so that no cut is made beside them. */
  constructor(
    tokens: Iterable<string>,
    private readonly letters: Letters | null,
  ) {
    for (const token of tokens) {
      let before = -1;
      for (const char of token) {
        const code = char.codePointAt(0)!;
        if (before >= 0) {
          const bit = hashOf(before, code);
          this.bits[bit >> 3] |= 1 << (bit & 7);
        }
        before = code;
      }
    }
  }

  /** The first place after `from` where the word can be cut; its length if there is none. */
  next(word: string, from: number): number {
    let before = word.codePointAt(from);
    if (before === undefined) return word.length;
    for (let at = from + (before > 0xffff ? 2 : 1); at < word.length;) {
      const code = word.codePointAt(at)!;
      const bit = hashOf(before, code);
      if (((this.bits[bit >> 3] >> (bit & 7)) & 1) === 0 && !this.isFused(before, code)) return at;
      before = code;
      at += code > 0xffff ? 2 : 1;
    }
    return word.length;
  }

  private isFused(a: number, b: number): boolean {
    return this.letters !== null && this.letters.id(a) < 0 && this.letters.id(b) < 0;
  }
}

function hashOf(a: number, b: number): number {
  const mixed = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> (32 - JOINT_BITS);
}

/** Merges are two tokens each, or in older files their texts with a space between. Also gives which ids are part of any. */
async function readMerges(
  json: unknown,
  ids: ReadonlyMap<string, number>,
  vocab: readonly string[],
  prefix: string,
  byPiece: boolean,
  where: string,
  pause: Pause,
): Promise<{ merges: MergeTable; isPart: Uint8Array }> {
  const list = asArray(json, where);
  const merges = new MergeTable(list.length);
  const isPart = new Uint8Array(vocab.length);
  let lastMade = -1;
  let rank = -1;
  await inBlocks(list, pause, (entry, i) => {
    let left: unknown;
    let right: unknown;
    if (typeof entry === 'string') {
      const space = entry.indexOf(' ');
      if (space > 0 && entry.indexOf(' ', space + 1) < 0) {
        left = entry.slice(0, space);
        right = entry.slice(space + 1);
      }
    } else if (Array.isArray(entry) && entry.length === 2) [left, right] = entry as unknown[];
    if (typeof left !== 'string' || typeof right !== 'string')
      return invalidTokenizer(`${where}[${i}]`, 'expected two tokens');
    const tail = prefix === '' ? right : right.slice(prefix.length);
    // Ids mostly follow the ranks: trying the next one spares joining and hashing the text.
    const guess: string | undefined = vocab[lastMade + 1];
    const next: boolean =
      guess !== undefined &&
      guess.length === left.length + tail.length &&
      guess.startsWith(left) &&
      guess.endsWith(tail);
    const made = next ? lastMade + 1 : ids.get(left + tail);
    const a = ids.get(left);
    const b = ids.get(right);
    if (a === undefined || b === undefined || made === undefined) {
      const missing = a === undefined ? left : b === undefined ? right : left + tail;
      return invalidTokenizer(`${where}[${i}]`, `token ${JSON.stringify(missing)} is not in the vocabulary`);
    }
    // SentencePiece ranks pieces: whatever makes the same piece comes leftmost first.
    if (!byPiece || rank < 0 || made !== lastMade) rank = i;
    lastMade = made;
    merges.set(a, b, rank, made);
    isPart[a] = isPart[b] = 1;
  });
  return { merges, isPart };
}
