// The paged cache of keys and values: memory grows with the text, and sequences share the pages of a common beginning.
//
//   page      64 tokens of every layer; [layer][kv head]: keys, then values (assembly/kernels/store-kv.ts)
//   sequence  a list of pages; a fork shares them all and copies the last one before either writes to it
import type { Core } from '../core/core';
import { kvBytes } from '../ops/store-kv';
import type { CacheShape } from '../models/model';
import { PAGE_TOKENS } from './segments';

interface Page {
  readonly address: number;
  /** Sequences that hold it. */
  users: number;
}

/** Gives out the pages of one model. */
export class PagePool {
  /** Where each layer lies in a page, in bytes. */
  readonly offsets: readonly number[];
  private readonly bytes: number;
  private readonly free: number[] = [];

  constructor(
    private readonly core: Core,
    shapes: readonly CacheShape[],
  ) {
    let at = 0;
    this.offsets = shapes.map(({ kvHeads, sizeK, sizeV }) => {
      const offset = at;
      at += kvBytes(kvHeads, sizeK, sizeV, PAGE_TOKENS);
      return offset;
    });
    this.bytes = at;
  }

  /** Throws OUT_OF_MEMORY. */
  take(): Page {
    return { address: this.free.pop() ?? this.core.memory.alloc(this.bytes, 'a page of the KV cache', 'kv'), users: 1 };
  }

  /** A page of one's own with the same content. */
  copy({ address }: Page): Page {
    const page = this.take();
    const { memory } = this.core;
    memory.u8(page.address, this.bytes).set(memory.u8(address, this.bytes));
    return page;
  }

  release(page: Page): void {
    if (--page.users === 0) this.free.push(page.address);
  }

  /** Gives the memory of unused pages back. */
  trim(): void {
    for (const address of this.free) this.core.memory.free(address);
    this.free.length = 0;
  }
}

/** The cached tokens of one sequence. */
export class CachedSequence {
  private readonly pages: Page[] = [];
  private tokens = 0;

  constructor(private readonly pool: PagePool) {}

  /** Tokens whose keys and values are stored. */
  get length(): number {
    return this.tokens;
  }

  /** Makes room for `count` more tokens, on pages of its own. Throws OUT_OF_MEMORY; the content stays as it was. */
  reserve(count: number): void {
    const last = Math.floor(this.tokens / PAGE_TOKENS);
    if (this.tokens % PAGE_TOKENS > 0 && this.pages[last].users > 1) {
      const own = this.pool.copy(this.pages[last]);
      this.pool.release(this.pages[last]);
      this.pages[last] = own;
    }
    while (this.pages.length * PAGE_TOKENS < this.tokens + count) this.pages.push(this.pool.take());
  }

  /** `count` tokens were stored behind the others, where `reserve` made room. */
  advance(count: number): void {
    this.tokens += count;
  }

  /** Another sequence with the same beginning. */
  fork(): CachedSequence {
    const twin = new CachedSequence(this.pool);
    twin.tokens = this.tokens;
    for (const page of this.pages.slice(0, Math.ceil(this.tokens / PAGE_TOKENS))) {
      page.users++;
      twin.pages.push(page);
    }
    return twin;
  }

  /** Forgets all but the first `length` tokens. */
  truncate(length: number): void {
    this.tokens = Math.min(this.tokens, length);
    const needed = Math.ceil(this.tokens / PAGE_TOKENS);
    for (const page of this.pages.splice(needed)) this.pool.release(page);
  }

  /** Entries of the sequence's page table for its tokens and `count` new ones. */
  writeTable(table: Int32Array, at: number, count: number): number {
    const n = Math.ceil((this.tokens + count) / PAGE_TOKENS);
    for (let i = 0; i < n; i++) table[at + i] = this.pages[i].address;
    return n;
  }

  dispose(): void {
    this.truncate(0);
  }
}
