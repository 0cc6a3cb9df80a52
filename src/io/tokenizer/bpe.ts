// Byte-pair encoding of one word. Replaces the library's, which keys its merges by JSON text: slow to load, and much worse than
// linear on long words.

import { PieceList, fallbackBytes, readUnknown, readVocab, type Pieces, type WordModel } from './pieces.js';
import { asArray, asFlag, asString, invalidTokenizer, type JsonObject } from './json.js';

// A pair of ids, and a rank with a position, each packed into one exact number.
const ID_RANGE = 0x1000000;
const POSITION_RANGE = 0x10000000;

/** Merges by pair of ids. */
interface Merges {
  rank: ReadonlyMap<number, number>;
  /** The id that a merge of this rank makes. */
  result: Int32Array;
}

/** Builds a `model` entry of type BPE. */
export function createBpe(config: JsonObject, where: string): WordModel {
  const { vocab, ids } = readVocab(config, where);
  const unknown = readUnknown(config, ids, where);
  const unknownId = unknown === undefined ? undefined : ids.get(unknown);
  const fuse = asFlag(config.fuse_unk, false, `${where}.fuse_unk`);
  const fallback = asFlag(config.byte_fallback, false, `${where}.byte_fallback`);
  const ignoreMerges = asFlag(config.ignore_merges, false, `${where}.ignore_merges`);
  const suffix = asString(config.end_of_word_suffix ?? '', `${where}.end_of_word_suffix`);
  const prefix = asString(config.continuing_subword_prefix ?? '', `${where}.continuing_subword_prefix`);
  const merges = readMerges(config.merges, ids, prefix, `${where}.merges`);

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
      else if (unknownId === undefined) continue; // the reference drops the character, and does not count it either
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

function readMerges(json: unknown, ids: ReadonlyMap<string, number>, prefix: string, where: string): Merges {
  const list = asArray(json, where);
  const rank = new Map<number, number>();
  const result = new Int32Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const entry: unknown = list[i];
    const pair: unknown = typeof entry === 'string' ? entry.split(' ') : entry;
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string' || typeof pair[1] !== 'string') {
      return invalidTokenizer(`${where}[${i}]`, 'expected two tokens');
    }
    const [left, right] = [pair[0], pair[1]];
    const merged = left + right.slice(prefix.length);
    const [a, b, made] = [ids.get(left), ids.get(right), ids.get(merged)];
    if (a === undefined || b === undefined || made === undefined) {
      const missing = a === undefined ? left : b === undefined ? right : merged;
      return invalidTokenizer(`${where}[${i}]`, `token ${JSON.stringify(missing)} is not in the vocabulary`);
    }
    rank.set(a * ID_RANGE + b, i);
    result[i] = made;
  }
  return { rank, result };
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
    const rank = merges.rank.get(ids[at] * ID_RANGE + ids[next[at]]);
    if (rank !== undefined) queue.push(rank * POSITION_RANGE + at);
  };
  for (let at = 0; at + 1 < ids.length; at++) offer(at);
  for (let top = queue.pop(); top >= 0; top = queue.pop()) {
    const rank = Math.floor(top / POSITION_RANGE);
    const at = top - rank * POSITION_RANGE;
    const right = next[at];
    // Entries whose pair has changed since are stale.
    if (removed[at] === 1 || right < 0) continue;
    const now = merges.rank.get(ids[at] * ID_RANGE + ids[right]);
    if (now === undefined || merges.result[now] !== merges.result[rank]) continue;
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
