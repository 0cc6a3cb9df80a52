// The merges of byte-pair encoding, and their application: always the pair of lowest rank, of those the leftmost.

import { grown } from './grown.js';
import type { PieceArrays } from './long-pieces.js';
import type { Pieces } from './pieces.js';

/** Words of at most so many symbols are searched for the lowest rank from end to end, which needs no queue. */
const FEW = 40;
/** Above all ranks. */
const NEVER = 0x7fffffff;
const ranks = new Int32Array(FEW);

/** Merges by pair of ids: an open-addressed table of (left, right, rank, id made), several times faster to fill than a Map. */
export class MergeTable {
  private readonly slots: Int32Array;
  /** The id that the merge of each rank makes. */
  private readonly made: Int32Array;

  constructor(count: number) {
    this.slots = new Int32Array(4 * 2 ** Math.ceil(Math.log2(2 * count + 2))).fill(-1);
    this.made = new Int32Array(count);
  }

  /** Of two merges of one pair the later counts. */
  set(left: number, right: number, rank: number, made: number): void {
    const { slots } = this;
    const slot = this.slot(left, right);
    slots[slot] = left;
    slots[slot + 1] = right;
    slots[slot + 2] = rank;
    this.made[rank] = made;
  }

  /** Merges until nothing is left to merge; the symbols may be changed. */
  apply(symbols: PieceArrays): Pieces {
    return symbols.length <= FEW ? this.applyToFew(symbols) : this.applyToMany(symbols);
  }

  /** Rank of the pair, -1 if it does not merge. */
  private rank(left: number, right: number): number {
    return this.slots[this.slot(left, right) + 2];
  }

  /** Where the pair is, or the free place where it would go. */
  private slot(left: number, right: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    let slot = ((mixed ^ (mixed >>> 15)) << 2) & mask;
    while (slots[slot] >= 0 && (slots[slot] !== left || slots[slot + 1] !== right)) slot = (slot + 4) & mask;
    return slot;
  }

  private applyToFew({ ids, starts, ends, length }: PieceArrays): Pieces {
    let count = length;
    for (let i = 0; i + 1 < count; i++) ranks[i] = this.rank(ids[i], ids[i + 1]);
    for (;;) {
      let at = -1;
      let least = NEVER;
      for (let i = 0; i + 1 < count; i++) {
        if (ranks[i] < 0 || ranks[i] >= least) continue;
        least = ranks[i];
        at = i;
      }
      if (at < 0) break;
      ids[at] = this.made[least];
      ends[at] = ends[at + 1];
      count--;
      for (let i = at + 1; i < count; i++) {
        ids[i] = ids[i + 1];
        starts[i] = starts[i + 1];
        ends[i] = ends[i + 1];
        ranks[i - 1] = ranks[i];
      }
      if (at > 0) ranks[at - 1] = this.rank(ids[at - 1], ids[at]);
      if (at + 1 < count) ranks[at] = this.rank(ids[at], ids[at + 1]);
    }
    const merged = { ids: new Array<number>(count), starts: new Array<number>(count), ends: new Array<number>(count) };
    for (let i = 0; i < count; i++) {
      merged.ids[i] = ids[i];
      merged.starts[i] = starts[i];
      merged.ends[i] = ends[i];
    }
    return merged;
  }

  /**
   * Keeps the places of each rank together and in order: going along them touches memory in order, and a heap is needed of ranks
   * alone. A token is a stretch of symbols: its id is at the first, how many they are at the first and at the last.
   */
  private applyToMany({ ids, starts, ends, length }: PieceArrays): Pieces {
    const spans = new Int32Array(length).fill(1);
    const places = new Map<number, Places>();
    const queue = new Heap();
    const offer = (at: number): void => {
      const rank = this.rank(ids[at], ids[at + spans[at]]);
      if (rank < 0) return;
      let found = places.get(rank);
      if (!found) places.set(rank, (found = new Places()));
      if (found.isEmpty) queue.push(rank);
      found.push(at);
    };
    let count = length;
    for (let at = 0; at + 1 < length; at++) offer(at);
    for (let rank = queue.least; rank >= 0; rank = queue.least) {
      const found = places.get(rank)!;
      const at = found.pop();
      if (found.isEmpty) {
        queue.pop();
        places.delete(rank);
      }
      const right = at + spans[at];
      // Places whose pair has changed since are stale.
      if (ids[at] === MERGED || right >= length) continue;
      const now = this.rank(ids[at], ids[right]);
      if (now < 0 || this.made[now] !== this.made[rank]) continue;
      const after = right + spans[right];
      ids[at] = this.made[rank];
      ids[right] = MERGED;
      spans[at] = spans[after - 1] = after - at;
      count--;
      if (at > 0) offer(at - spans[at - 1]);
      if (after < length) offer(at);
    }
    const merged = { ids: new Int32Array(count), starts: new Int32Array(count), ends: new Int32Array(count) };
    for (let at = 0, i = 0; at < length; at += spans[at], i++) {
      merged.ids[i] = ids[at];
      merged.starts[i] = starts[at];
      merged.ends[i] = ends[at + spans[at] - 1];
    }
    return merged;
  }
}

/** In place of the id of a symbol that became part of the token before it. */
const MERGED = -1;

/** Places in a word, least first. Those that come in order, as most do, cost nothing but the room. */
class Places {
  private list: Int32Array = new Int32Array(8);
  private count = 0;
  private taken = 0;
  private isSorted = true;
  /** What came out of order after the first was taken. */
  private late: Heap | null = null;

  get isEmpty(): boolean {
    return this.taken === this.count && (this.late === null || this.late.least < 0);
  }

  push(place: number): void {
    const { count } = this;
    if (count > 0 && place <= this.list[count - 1]) {
      if (this.taken > 0) {
        (this.late ??= new Heap()).push(place);
        return;
      }
      this.isSorted = false;
    }
    this.list = grown(this.list, count + 1);
    this.list[count] = place;
    this.count = count + 1;
  }

  pop(): number {
    if (!this.isSorted) {
      this.list.subarray(0, this.count).sort();
      this.isSorted = true;
    }
    const late = this.late ? this.late.least : -1;
    if (late >= 0 && (this.taken === this.count || late < this.list[this.taken])) return this.late!.pop();
    return this.list[this.taken++];
  }
}

/** A binary heap of numbers from 0, least first. */
class Heap {
  private readonly items: number[] = [];

  /** -1 if there is none. */
  get least(): number {
    return this.items.length > 0 ? this.items[0] : -1;
  }

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

  pop(): number {
    const { items } = this;
    const least = items[0];
    const item = items.pop()!;
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
