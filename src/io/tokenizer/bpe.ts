// Byte-pair encoding of one word. Replaces the library's, which keys its merges by JSON text: slow to load, and much worse than
// linear on long words.

import { PieceList, fallbackBytes, readUnknown, readVocab, type Pieces, type WordModel } from './pieces.js';
import { asArray, asFlag, asString, invalidTokenizer, type JsonObject } from './json.js';

// A rank with a position, packed into one exact number.
const POSITION_RANGE = 0x10000000;

/** Merges by pair of ids: an open-addressed table, several times faster to fill than a Map with numbers beyond 31 bits. */
class Merges {
  private readonly left: Int32Array;
  private readonly right: Int32Array;
  private readonly ranks: Int32Array;
  /** The id that the merge of each rank makes. */
  readonly result: Int32Array;

  constructor(count: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * count + 2));
    this.left = new Int32Array(slots).fill(-1);
    this.right = new Int32Array(slots);
    this.ranks = new Int32Array(slots);
    this.result = new Int32Array(count);
  }

  /** Of two merges of one pair the later counts. */
  set(left: number, right: number, rank: number, result: number): void {
    const slot = this.slot(left, right);
    this.left[slot] = left;
    this.right[slot] = right;
    this.ranks[slot] = rank;
    this.result[rank] = result;
  }

  /** Rank of the pair, -1 if it does not merge. */
  rank(left: number, right: number): number {
    const slot = this.slot(left, right);
    return this.left[slot] < 0 ? -1 : this.ranks[slot];
  }

  /** Where the pair is, or the free place where it would go. */
  private slot(left: number, right: number): number {
    const mask = this.left.length - 1;
    const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    let slot = (mixed ^ (mixed >>> 15)) & mask;
    while (this.left[slot] >= 0 && (this.left[slot] !== left || this.right[slot] !== right)) slot = (slot + 1) & mask;
    return slot;
  }
}

/** Builds a `model` entry of type BPE. */
export function createBpe(config: JsonObject, where: string): WordModel {
  const entries = readVocab(config, where);
  const ids = new Map<string, number>();
  const vocab: string[] = [];
  for (const token in entries) {
    ids.set(token, entries[token]);
    vocab[entries[token]] = token;
  }
  const unknown = readUnknown(config, ids, where);
  const unknownId = unknown === undefined ? undefined : ids.get(unknown);
  const fuse = asFlag(config.fuse_unk, false, `${where}.fuse_unk`);
  const fallback = asFlag(config.byte_fallback, false, `${where}.byte_fallback`);
  const ignoreMerges = asFlag(config.ignore_merges, false, `${where}.ignore_merges`);
  const suffix = asString(config.end_of_word_suffix ?? '', `${where}.end_of_word_suffix`);
  const prefix = asString(config.continuing_subword_prefix ?? '', `${where}.continuing_subword_prefix`);
  const byPiece = asFlag(config.merges_by_piece, false, `${where}.merges_by_piece`);
  const merges = readMerges(config.merges, ids, vocab, prefix, byPiece, `${where}.merges`);

  /** The characters of the word as tokens, before any merge. */
  const letters = (word: string): Symbols => {
    const symbols = new Symbols();
    const chars = Array.from(word);
    let at = 0;
    let afterUnknown = false;
    for (const [i, char] of chars.entries()) {
      const token = (i > 0 ? prefix : '') + char + (i === chars.length - 1 ? suffix : '');
      const end = at + char.length;
      const id = ids.get(token);
      const bytes = id === undefined && fallback ? fallbackBytes(token, ids) : null;
      if (id !== undefined) symbols.add(id, at, end);
      else if (bytes) for (const byte of bytes) symbols.add(ids.get(byte)!, at, end);
      else if (unknownId === undefined)
        continue; // the reference drops the character, and does not count it either
      else if (fuse && afterUnknown) symbols.ends[symbols.ends.length - 1] = end;
      else symbols.add(unknownId, at, end);
      afterUnknown = id === undefined && !bytes;
      at = end;
    }
    return symbols;
  };

  return {
    tokenToId: ids,
    unknownToken: unknown,
    endOfWordSuffix: suffix,
    encode(word): Pieces {
      const pieces = new PieceList();
      const whole = ignoreMerges ? ids.get(word) : undefined;
      if (whole !== undefined) {
        pieces.add(whole, word, 0, word.length);
        return pieces;
      }
      const symbols = letters(word);
      mergeAll(symbols, merges);
      for (let i = 0; i < symbols.ids.length && i >= 0; i = symbols.next[i]) {
        pieces.add(symbols.ids[i], vocab[symbols.ids[i]], symbols.starts[i], symbols.ends[i]);
      }
      return pieces;
    },
  };
}

function readMerges(
  json: unknown,
  ids: ReadonlyMap<string, number>,
  vocab: readonly string[],
  prefix: string,
  byPiece: boolean,
  where: string,
): Merges {
  const list = asArray(json, where);
  const merges = new Merges(list.length);
  let made: number | undefined = -1;
  let rank = -1;
  for (let i = 0; i < list.length; i++) {
    const [left, right] = readPair(list[i], `${where}[${i}]`);
    const tail = prefix === '' ? right : right.slice(prefix.length);
    // Ids mostly follow the ranks: trying the next one spares joining and hashing the text.
    const guess: string | undefined = vocab[made + 1];
    const next: boolean =
      guess !== undefined &&
      guess.length === left.length + tail.length &&
      guess.startsWith(left) &&
      guess.endsWith(tail);
    made = next ? made + 1 : ids.get(left + tail);
    const a = ids.get(left);
    const b = ids.get(right);
    if (a === undefined || b === undefined || made === undefined) {
      const missing = a === undefined ? left : b === undefined ? right : left + tail;
      return invalidTokenizer(`${where}[${i}]`, `token ${JSON.stringify(missing)} is not in the vocabulary`);
    }
    // SentencePiece ranks pieces: whatever makes the same piece comes leftmost first.
    if (!byPiece || rank < 0 || merges.result[rank] !== made) rank = i;
    merges.set(a, b, rank, made);
  }
  return merges;
}

/** A merge is two tokens, or in older files their texts with a space between. */
function readPair(entry: unknown, where: string): readonly [string, string] {
  if (typeof entry === 'string') {
    const space = entry.indexOf(' ');
    if (space > 0 && entry.indexOf(' ', space + 1) < 0) return [entry.slice(0, space), entry.slice(space + 1)];
  } else if (Array.isArray(entry) && entry.length === 2) {
    const [left, right]: unknown[] = entry;
    if (typeof left === 'string' && typeof right === 'string') return [left, right];
  }
  return invalidTokenizer(where, 'expected two tokens');
}

/** A word as a doubly linked list of tokens. */
class Symbols {
  readonly ids: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  readonly next: number[] = [];
  readonly previous: number[] = [];

  add(id: number, start: number, end: number): void {
    const at = this.ids.length;
    if (at > 0) this.next[at - 1] = at;
    this.previous.push(at - 1);
    this.next.push(-1);
    this.ids.push(id);
    this.starts.push(start);
    this.ends.push(end);
  }
}

/** Merges the pair of lowest rank, leftmost first, until none is left. O(n log n). */
function mergeAll(symbols: Symbols, merges: Merges): void {
  const { ids, next, previous, ends } = symbols;
  const queue = new Heap();
  const removed = new Uint8Array(ids.length);
  const offer = (at: number): void => {
    const rank = merges.rank(ids[at], ids[next[at]]);
    if (rank >= 0) queue.push(rank * POSITION_RANGE + at);
  };
  for (let at = 0; at + 1 < ids.length; at++) offer(at);
  for (let top = queue.pop(); top >= 0; top = queue.pop()) {
    const rank = Math.floor(top / POSITION_RANGE);
    const at = top - rank * POSITION_RANGE;
    const right = next[at];
    // Entries whose pair has changed since are stale.
    if (removed[at] === 1 || right < 0) continue;
    const now = merges.rank(ids[at], ids[right]);
    if (now < 0 || merges.result[now] !== merges.result[rank]) continue;
    ids[at] = merges.result[rank];
    ends[at] = ends[right];
    removed[right] = 1;
    next[at] = next[right];
    if (next[at] >= 0) previous[next[at]] = at;
    if (previous[at] >= 0) offer(previous[at]);
    if (next[at] >= 0) offer(at);
  }
}

/** A binary heap of numbers, least first. */
class Heap {
  private readonly items: number[] = [];

  push(item: number): void {
    const { items } = this;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent] <= item) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  /** The least item, -1 if there is none. */
  pop(): number {
    const { items } = this;
    const least = items[0];
    const item = items.pop();
    if (least === undefined || item === undefined) return -1;
    const size = items.length;
    if (size === 0) return least;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && items[child + 1] < items[child]) child++;
      if (items[child] >= item) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = item;
    return least;
  }
}
