// Scaled dot-product attention over a ragged batch.
import * as R from '../../assembly/abi/records';
import { WasmformerError } from '../errors';
import { countOf, LONGEST, MAP, rowStrideOf, type Op, type Operand, type Sym, type Value } from '../core/graph';
import { check } from './check';
import { isInArena, type KeyValues } from './store-kv';

export interface AttentionOptions {
  /** Query heads; a multiple of the key heads, which groups of them share. */
  heads: number;
  /** Scores are multiplied by it. Default: 1 / sqrt(head size). */
  scale?: number;
  /** Query i of n sees the first keys - n + i + 1 keys. */
  causal?: boolean;
  /** A query sees only the last so many of the keys that causal leaves it, its own included; implies causal. */
  window?: number;
  /** Added to the scores, f32; where a sequence's mask starts stands in the segment table. */
  mask?: { value: Value; headStride: number; queryStride: number } | null;
  /** ALiBi, f32 [heads]: slopes[h] * (index of the key in its sequence) is added. */
  slopes?: Operand | null;
  /** T5's bias, f32 [heads, 2 * distance + 1]: table[h][clamp(key - query, -distance, distance) + distance] is added; the query's
   *  index is that among the keys, keys - n + i. */
  relative?: { table: Operand; distance: number } | null;
  /** Keep the attention maps: the second output, [mapSize] elements. */
  maps?: boolean;
  /** Default: the symbol `map`. */
  mapSize?: Sym;
}

interface AttentionAttrs {
  heads: number;
  kvHeads: number;
  sizeK: number;
  sizeV: number;
  scale: number;
  causal: boolean;
  window: number;
  distance: number;
  maps: boolean;
  headStride: number;
  queryStride: number;
  /** Byte offset of the layer in the pages of a cache; null: keys and values are in the arena. */
  cacheOffset: number | null;
}

/** Bytes of scratch memory that a thread needs (assembly/kernels/attention-strips.ts). */
export function attentionScratch(sizeK: number, sizeV: number, keys: number): number {
  const [strips, rows] = [2, 6];
  const width = Math.ceil(keys / 8) * 8 + 8;
  const operands = rows * ((strips + 1) * sizeK + strips * Math.ceil(sizeV / 8) * 8);
  return strips * 80 + 4 * (operands + 2 * strips * rows * width);
}

const attentionOp: Op<AttentionAttrs> = {
  name: 'attention',
  opcode: R.OP_ATTENTION,
  recordSize: R.AT_SIZE,
  encode(record, { inputs: [q, kv, segments, mask, slopes, relative], outputs: [out, maps], attrs }) {
    record.setAddress(R.AT_Q, q);
    record.set(R.AT_Q_STRIDE, rowStrideOf(q!));
    if (attrs.cacheOffset === null) record.setAddress(R.AT_BASE, kv);
    else record.set(R.AT_BASE, attrs.cacheOffset);
    record.setAddress(R.AT_OUT, out);
    record.set(R.AT_OUT_STRIDE, rowStrideOf(out));
    record.setAddress(R.AT_SEGMENTS, segments);
    record.setCell(R.AT_SEQUENCES, countOf(segments!.dims.slice(0, 1)));
    record.set(R.AT_HEADS, attrs.heads);
    record.set(R.AT_KV_HEADS, attrs.kvHeads);
    record.set(R.AT_SIZE_K, attrs.sizeK);
    record.set(R.AT_SIZE_V, attrs.sizeV);
    record.setFloat(R.AT_SCALE, attrs.scale);
    record.set(R.AT_CAUSAL, attrs.causal ? 1 : 0);
    record.set(R.AT_WINDOW, attrs.window);
    record.setAddress(R.AT_MASK, mask);
    record.set(R.AT_MASK_HEAD, attrs.headStride);
    record.set(R.AT_MASK_QUERY, attrs.queryStride);
    record.setAddress(R.AT_SLOPES, slopes);
    record.setAddress(R.AT_RELATIVE, relative);
    record.set(R.AT_DISTANCE, attrs.distance);
    record.setAddress(R.AT_MAP, attrs.maps ? maps : null);
  },
  cost({ inputs: [q], attrs }, size) {
    const tokens = size(countOf(q!.dims.slice(0, 1)));
    const keys = size(countOf([LONGEST]));
    return tokens * attrs.heads * keys * ((attrs.sizeK + attrs.sizeV) / 18 + 0.5);
  },
  scratch: ({ attrs }, size) => attentionScratch(attrs.sizeK, attrs.sizeV, size(countOf([LONGEST]))),
};

/** softmax(scale q k^T + biases) v per head; "Attention is all you need", 3.2.
 *  @param q [tokens, heads * sizeK]: rows may be views of wider rows
 *  @param kv what storeKv or cachedKv gave
 *  @param segments i32 [sequences, 8], with page tables
 *  @returns out [tokens, heads * sizeV], and the maps if asked for */
export function attention(
  q: Value,
  kv: KeyValues,
  segments: Value,
  options: AttentionOptions,
): { out: Value; maps: Value | null } {
  const { heads, causal = false, window = 0, mask = null, slopes = null, relative = null, maps = false } = options;
  const { kvHeads, sizeK, sizeV } = kv;
  if (heads % kvHeads !== 0)
    throw new WasmformerError('INVALID_SHAPE', `attention: ${heads} heads cannot share ${kvHeads} key heads evenly`);
  check(q.dims[1] === heads * sizeK, 'attention', `q must have ${heads} heads of ${sizeK}`, q.dims);
  const attrs: AttentionAttrs = {
    heads,
    kvHeads,
    sizeK,
    sizeV,
    scale: options.scale ?? 1 / Math.sqrt(sizeK),
    causal: causal || window > 0,
    window,
    distance: relative?.distance ?? 0,
    maps,
    headStride: mask?.headStride ?? 0,
    queryStride: mask?.queryStride ?? 0,
    cacheOffset: isInArena(kv) ? null : kv.base,
  };
  const out = q.graph.add(
    attentionOp,
    [q, kv.value, segments, mask?.value ?? null, slopes, relative?.table ?? null],
    attrs,
    [q.dims[0], heads * sizeV],
    maps ? [[options.mapSize ?? MAP]] : [],
  );
  return { out, maps: maps ? out.node!.outputs[1] : null };
}
