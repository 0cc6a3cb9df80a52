// Segment tables: where each sequence's queries, keys, pages and maps lie (assembly/abi/records.ts).
import {
  SEG_BYTES,
  SEG_KEYS,
  SEG_MAP,
  SEG_MASK,
  SEG_PAGE,
  SEG_PAGES,
  SEG_QUERIES,
  SEG_QUERY,
} from '../../assembly/abi/records';
import type { CachedSequence } from './kv-cache';

/** 32-bit words of one row. */
export const SEG_WORDS = SEG_BYTES / 4;

/** Tokens in a page of the cache. */
export const PAGE_TOKENS = 64;

/** Fills a segment table and the page tables that it points to, sequence by sequence. Both are views of wasm memory. */
export class SegmentWriter {
  private row = 0;
  private page = 0;
  private map = 0;

  constructor(
    private readonly table: Int32Array,
    private readonly pages: Int32Array,
  ) {}

  /** A sequence whose keys are in the cache.
   *  @param query row of its first query
   *  @param added how many of its keys this run stores
   *  @param heads query heads, by which maps are laid out */
  add(cache: CachedSequence, query: number, queries: number, added: number, heads: number): void {
    const keys = cache.length + added;
    const first = this.page;
    this.page += cache.writeTable(this.pages, first, added);
    this.write(query, queries, keys, first, PAGE_TOKENS, heads);
  }

  /** A sequence whose keys live for this run only: one page of its own, `slot` places behind the first one's.
   *  @param options keys: how many there are, if they are not those of the queries; mask: its sequence's first element */
  addOwn(
    query: number,
    queries: number,
    slot: number,
    bytesPerSlot: number,
    heads: number,
    { keys = queries, mask = 0 }: { keys?: number; mask?: number } = {},
  ): void {
    const first = this.page++;
    this.pages[first] = slot * bytesPerSlot;
    this.table[this.row + SEG_MASK / 4] = mask;
    this.write(query, queries, keys, first, slots(keys), heads);
  }

  private write(query: number, queries: number, keys: number, page: number, pageTokens: number, heads: number): void {
    const { table, row: at } = this;
    table[at + SEG_QUERY / 4] = query;
    table[at + SEG_QUERIES / 4] = queries;
    table[at + SEG_KEYS / 4] = keys;
    table[at + SEG_PAGES / 4] = this.pages.byteOffset + page * 4;
    table[at + SEG_PAGE / 4] = pageTokens;
    table[at + SEG_MAP / 4] = this.map;
    this.row += SEG_WORDS;
    this.map += heads * queries * keys;
  }
}

/** Places that a sequence of n tokens takes where its keys live for one run: panels hold 8. */
export function slots(n: number): number {
  return (n + 7) & ~7;
}
