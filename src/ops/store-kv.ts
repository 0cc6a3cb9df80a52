// Keys and values in pages, as attention reads them (assembly/kernels/store-kv.ts).
import * as R from '../../assembly/abi/records';
import { countOf, rowStrideOf, SLOTS, type Op, type Sym, type Value } from '../core/graph';
import { check } from './check';

/** Where the keys and values of one attention layer lie. */
export interface KeyValues {
  /** What attention has to wait for: storage in the arena [slots, width], a token [1] of pages of a cache, or nothing. */
  readonly value: Value | null;
  /** Byte offset of the layer in a page of the cache. */
  readonly base: number;
  readonly kvHeads: number;
  readonly sizeK: number;
  readonly sizeV: number;
}

interface StoreAttrs {
  kvHeads: number;
  sizeK: number;
  sizeV: number;
  /** undefined: the output is the storage. */
  cacheOffset: number | undefined;
}

const storeOp: Op<StoreAttrs> = {
  name: 'storeKv',
  opcode: R.OP_STORE_KV,
  recordSize: R.SK_SIZE,
  encode(record, { inputs: [k, v, segments], outputs: [out], attrs }) {
    record.setAddress(R.SK_K, k);
    record.set(R.SK_K_STRIDE, rowStrideOf(k!));
    record.setAddress(R.SK_V, v);
    record.set(R.SK_V_STRIDE, rowStrideOf(v!));
    if (attrs.cacheOffset === undefined) record.setAddress(R.SK_BASE, out);
    else record.set(R.SK_BASE, attrs.cacheOffset);
    record.setAddress(R.SK_SEGMENTS, segments);
    record.setCell(R.SK_SEQUENCES, countOf(segments!.dims.slice(0, 1)));
    record.set(R.SK_KV_HEADS, attrs.kvHeads);
    record.set(R.SK_SIZE_K, attrs.sizeK);
    record.set(R.SK_SIZE_V, attrs.sizeV);
  },
  cost: ({ inputs: [k], attrs }, size) =>
    size(countOf(k!.dims.slice(0, 1))) * attrs.kvHeads * (attrs.sizeK + attrs.sizeV) * 0.5,
};

/** Floats of one token of one layer. */
function kvWidth(kvHeads: number, sizeK: number, sizeV: number): number {
  return kvHeads * (sizeK + Math.ceil(sizeV / 8) * 8);
}

/** Bytes of one layer in a page of so many tokens, a multiple of 8. */
export function kvBytes(kvHeads: number, sizeK: number, sizeV: number, tokens: number): number {
  return 4 * tokens * kvWidth(kvHeads, sizeK, sizeV);
}

/** Stores the rows of every sequence's queries behind the keys that it has already.
 *  @param k [tokens, kvHeads * sizeK], v [tokens, kvHeads * sizeV]: rows may be views of wider rows
 *  @param segments i32 [sequences, 8], with page tables
 *  @param options cacheOffset: byte offset of the layer in the pages of a cache. Without it the storage is part of the arena: each
 *  sequence has one page of its tokens rounded up to 8, its table's entry the byte offset of that page. slots: how many places all
 *  of them take together. */
export function storeKv(
  k: Value,
  v: Value,
  segments: Value,
  { kvHeads, cacheOffset, slots = SLOTS }: { kvHeads: number; cacheOffset?: number; slots?: Sym },
): KeyValues {
  const sizeK = (k.dims[1] as number) / kvHeads;
  const sizeV = (v.dims[1] as number) / kvHeads;
  for (const { dims } of [k, v]) {
    check(
      Number.isInteger((dims[1] as number) / kvHeads),
      'attention',
      `the widths of k and v must be multiples of their ${kvHeads} heads`,
      dims,
    );
  }
  const value = k.graph.add(
    storeOp,
    [k, v, segments],
    { kvHeads, sizeK, sizeV, cacheOffset },
    cacheOffset === undefined ? [slots, kvWidth(kvHeads, sizeK, sizeV)] : [1],
  );
  return { value, base: cacheOffset ?? 0, kvHeads, sizeK, sizeV };
}

/** Keys and values that an earlier plan has stored. */
export function cachedKv(options: { kvHeads: number; sizeK: number; sizeV: number; cacheOffset: number }): KeyValues {
  const { kvHeads, sizeK, sizeV, cacheOffset } = options;
  return { value: null, base: cacheOffset, kvHeads, sizeK, sizeV };
}

/** Whether a layer's keys and values are part of the arena. */
export function isInArena({ value }: KeyValues): boolean {
  return value !== null && value.dims[0] !== 1;
}
