// Runs attention through pages: stores the keys and values of a problem, then attends to them.
import * as R from '../../assembly/abi/records';
import { attentionScratch } from '../../src/ops/attention';
import { kvBytes } from '../../src/ops/store-kv';
import type { Attention, Segment } from '../reference/attention';
import type { Output, Raw, RawRecord } from './raw';

/** A sequence's page: tokens it holds, and where it begins in the pool, in floats. */
interface Page {
  tokens: number;
  at: number;
}

export interface Layout {
  /** Tokens a page of sequence i. */
  page: (i: number) => number;
  /** Layers that share a page, of which the last is used. Default 2. */
  layers?: number;
}

export class Paged {
  /** All pages; NaN where nothing was stored. */
  readonly pool: Output;
  readonly out: Output;
  readonly maps: Output;
  /** Of every sequence. */
  readonly pages: Page[][];
  private readonly base: (i: number) => number;
  private readonly tables: number[];
  private readonly nothing: Output;
  private readonly addresses: Record<'q' | 'k' | 'v' | 'mask' | 'slopes' | 'relative', number>;

  constructor(
    private readonly raw: Raw,
    private readonly problem: Attention,
    layout: Layout,
  ) {
    const { segments, kvHeads, sizeK, sizeV, mask, slopes, relative } = problem;
    const layers = layout.layers ?? 2;
    raw.reset();
    const longest = Math.max(0, ...segments.map(({ keys }) => keys));
    raw.scratch(attentionScratch(sizeK, sizeV, longest));
    const bytes = (tokens: number): number => kvBytes(kvHeads, sizeK, sizeV, tokens);
    // the last sequence's pages come first, its last page first of all
    let at = 0;
    this.pages = segments.map(() => []);
    [...segments.keys()].reverse().forEach((i) => {
      const tokens = layout.page(i);
      const count = Math.ceil(segments[i].keys / tokens);
      this.pages[i] = Array.from({ length: count }, (_, p) => ({
        tokens,
        at: at + ((count - 1 - p) * layers * bytes(tokens)) / 4,
      }));
      at += (count * layers * bytes(tokens)) / 4;
    });
    this.pool = raw.output(at);
    this.nothing = raw.output(1);
    this.base = (i) => (layers - 1) * bytes(layout.page(i));
    // an entry is added to the record's base: sequences with pages of another size subtract the difference
    const base = segments.length > 0 ? this.base(0) : 0;
    this.tables = this.pages.map((pages, i) =>
      raw.ints(pages.map((page) => this.pool.address + 4 * page.at + this.base(i) - base)),
    );
    this.pageTokens = segments.map((_, i) => layout.page(i));
    this.out = raw.inPlace(new Float32Array(problem.rows * problem.outStride).fill(NaN));
    this.maps = raw.output(problem.mapSize ?? 0);
    this.addresses = {
      q: raw.input(problem.q),
      k: raw.input(problem.k),
      v: raw.input(problem.v),
      mask: mask ? raw.input(mask.data) : 0,
      slopes: slopes ? raw.input(slopes) : 0,
      relative: relative ? raw.input(relative.table) : 0,
    };
  }

  private readonly pageTokens: readonly number[];

  /** The segment table: rows [query, queries) of every sequence, which has so many keys. */
  private table(rows: readonly { query: number; queries: number; keys: number; map: number; mask: number }[]): number {
    const table = rows.flatMap(({ query, queries, keys, map, mask }, i) => {
      const row = new Array<number>(R.SEG_BYTES / 4).fill(0);
      row[R.SEG_QUERY / 4] = query;
      row[R.SEG_QUERIES / 4] = queries;
      row[R.SEG_KEYS / 4] = keys;
      row[R.SEG_PAGES / 4] = this.tables[i];
      row[R.SEG_PAGE / 4] = this.pageTokens[i];
      row[R.SEG_MAP / 4] = map;
      row[R.SEG_MASK / 4] = mask;
      return row;
    });
    return this.raw.ints(table);
  }

  private storeRecord(from: number, to: number): RawRecord {
    const p = this.problem;
    const rows = p.segments.map(({ key, keys }) => {
      const [begin, end] = [Math.min(from, keys), Math.min(to, keys)];
      return { query: key + begin, queries: end - begin, keys: end, map: 0, mask: 0 };
    });
    const fields = {
      [R.SK_K]: this.addresses.k,
      [R.SK_K_STRIDE]: p.kStride,
      [R.SK_V]: this.addresses.v,
      [R.SK_V_STRIDE]: p.vStride,
      [R.SK_BASE]: rows.length > 0 ? this.base(0) : 0,
      [R.SK_SEGMENTS]: this.table(rows),
      [R.SK_SEQUENCES]: this.raw.cell(rows.length),
      [R.SK_KV_HEADS]: p.kvHeads,
      [R.SK_SIZE_K]: p.sizeK,
      [R.SK_SIZE_V]: p.sizeV,
    };
    return { op: R.OP_STORE_KV, size: R.SK_SIZE, fields };
  }

  /** Stores all keys and values; gives the pool. */
  store(): Float32Array {
    return this.raw.runShares(this.storeRecord(0, Infinity), this.pool);
  }

  /** Stores keys [from, to) of every sequence, leaving the rest of the pool alone. */
  storePart(from: number, to: number, parts = 1): void {
    this.raw.run(this.storeRecord(from, to), this.nothing, parts);
  }

  /** The record of attention, for the problem's segments or others with the same pages. */
  private record(segments: readonly Segment[]): RawRecord {
    const p = this.problem;
    const fields = {
      [R.AT_Q]: this.addresses.q,
      [R.AT_Q_STRIDE]: p.qStride,
      [R.AT_BASE]: segments.length > 0 ? this.base(0) : 0,
      [R.AT_OUT]: this.out.address,
      [R.AT_OUT_STRIDE]: p.outStride,
      [R.AT_SEGMENTS]: this.table(segments),
      [R.AT_SEQUENCES]: this.raw.cell(segments.length),
      [R.AT_HEADS]: p.heads,
      [R.AT_KV_HEADS]: p.kvHeads,
      [R.AT_SIZE_K]: p.sizeK,
      [R.AT_SIZE_V]: p.sizeV,
      [R.AT_CAUSAL]: p.causal ? 1 : 0,
      [R.AT_WINDOW]: p.window ?? 0,
      [R.AT_MASK]: this.addresses.mask,
      [R.AT_MASK_HEAD]: p.mask?.head ?? 0,
      [R.AT_MASK_QUERY]: p.mask?.query ?? 0,
      [R.AT_SLOPES]: this.addresses.slopes,
      [R.AT_RELATIVE]: this.addresses.relative,
      [R.AT_DISTANCE]: p.relative?.distance ?? 0,
      [R.AT_MAP]: p.mapSize ? this.maps.address : 0,
    };
    return { op: R.OP_ATTENTION, size: R.AT_SIZE, fields, floats: { [R.AT_SCALE]: p.scale } };
  }

  /** Attends with 1, 2, 3 and 7 shares, which must agree. */
  attend(): { out: Float32Array; maps: Float32Array } {
    const record = this.record(this.problem.segments);
    return {
      out: this.raw.runShares(record, this.out),
      maps: this.problem.mapSize ? this.raw.runShares(record, this.maps) : new Float32Array(),
    };
  }

  /** Attends with queries [from, to) of every sequence, which have the keys up to the last of them. All of `out`; rows of other
   *  queries are NaN. */
  attendPart(from: number, to: number, parts = 1): Float32Array {
    const segments = this.problem.segments.map((segment) => {
      const [begin, end] = [Math.min(from, segment.queries), Math.min(to, segment.queries)];
      return {
        ...segment,
        query: segment.query + begin,
        queries: end - begin,
        keys: segment.keys - segment.queries + end,
      };
    });
    return this.raw.run(this.record(segments), this.out, parts);
  }
}
