// Scaled dot-product attention over a ragged batch.
import * as R from '../../assembly/abi/records';
import { WasmformerError } from '../errors';
import { countOf, LONGEST, MAP, rowStrideOf, type Op, type Value } from '../core/graph';
import { check } from './check';

export interface AttentionOptions {
  /** Query heads. */
  heads: number;
  /** Heads of keys and values; query heads share them in groups. Default: `heads`. */
  kvHeads?: number;
  /** Scores are multiplied by it. Default: 1 / sqrt(head size). */
  scale?: number;
  /** Query i of n sees the first keys - n + i + 1 keys. */
  causal?: boolean;
  /** Added to the scores, f32; where a sequence's mask starts stands in the segment table. */
  mask?: { value: Value; headStride: number; queryStride: number } | null;
  /** Keep the attention maps: the second output, [map] elements. */
  maps?: boolean;
}

interface AttentionAttrs {
  heads: number;
  kvHeads: number;
  sizeK: number;
  sizeV: number;
  scale: number;
  causal: boolean;
  maps: boolean;
  headStride: number;
  queryStride: number;
}

const attentionOp: Op<AttentionAttrs> = {
  name: 'attention',
  opcode: R.OP_ATTENTION,
  recordSize: R.AT_SIZE,
  encode(record, { inputs: [q, k, v, segments, mask], outputs: [out, maps], attrs }) {
    record.setAddress(R.AT_Q, q);
    record.set(R.AT_Q_STRIDE, rowStrideOf(q!));
    record.setAddress(R.AT_K, k);
    record.set(R.AT_K_STRIDE, rowStrideOf(k!));
    record.setAddress(R.AT_V, v);
    record.set(R.AT_V_STRIDE, rowStrideOf(v!));
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
    record.setAddress(R.AT_MASK, mask);
    record.set(R.AT_MASK_HEAD, attrs.headStride);
    record.set(R.AT_MASK_QUERY, attrs.queryStride);
    record.setAddress(R.AT_MAP, attrs.maps ? maps : null);
  },
  cost({ inputs: [q], attrs }, size) {
    const tokens = size(countOf(q!.dims.slice(0, 1)));
    const keys = size(countOf([LONGEST]));
    return tokens * attrs.heads * keys * ((attrs.sizeK + attrs.sizeV) / 18 + 0.5);
  },
  scratch({ attrs }, size) {
    const keys = size(countOf([LONGEST]));
    return 64 + 4 * (8 * (attrs.sizeK + attrs.sizeV) + keys * (8 + attrs.sizeK + attrs.sizeV));
  },
};

/** softmax(scale q k^T + mask) v per head; "Attention is all you need", 3.2.
 *  @param q [tokens, heads * size], k [tokens, kvHeads * size], v [tokens, kvHeads * sizeV]: rows may be views of wider rows
 *  @param segments i32 [sequences, 8]
 *  @returns out [tokens, heads * sizeV], and the maps if asked for */
export function attention(
  q: Value,
  k: Value,
  v: Value,
  segments: Value,
  options: AttentionOptions,
): { out: Value; maps: Value | null } {
  const { heads, kvHeads = heads, causal = false, mask = null, maps = false } = options;
  const widthQ = q.dims[1] as number;
  const widthK = k.dims[1] as number;
  const widthV = v.dims[1] as number;
  check(widthQ % heads === 0, 'attention', `the width of q must be a multiple of its ${heads} heads`, q.dims);
  if (heads % kvHeads !== 0)
    throw new WasmformerError('INVALID_SHAPE', `attention: ${heads} heads cannot share ${kvHeads} key heads evenly`);
  const sizeK = widthQ / heads;
  const sizeV = widthV / kvHeads;
  check(widthK === kvHeads * sizeK, 'attention', `k must have ${kvHeads} heads of ${sizeK}`, q.dims, k.dims);
  check(Number.isInteger(sizeV), 'attention', `the width of v must be a multiple of its ${kvHeads} heads`, v.dims);
  const attrs: AttentionAttrs = {
    heads,
    kvHeads,
    sizeK,
    sizeV,
    scale: options.scale ?? 1 / Math.sqrt(sizeK),
    causal,
    maps,
    headStride: mask?.headStride ?? 0,
    queryStride: mask?.queryStride ?? 0,
  };
  const out = q.graph.add(
    attentionOp,
    [q, k, v, segments, mask?.value ?? null],
    attrs,
    [q.dims[0], heads * sizeV],
    maps ? [[MAP]] : [],
  );
  return { out, maps: maps ? out.node!.outputs[1] : null };
}
