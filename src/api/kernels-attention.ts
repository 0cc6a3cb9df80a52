// Attention on [batch, heads, tokens, size] tensors as the ragged kernel sees it: every head of every sequence is a
// sequence of its own, so that nothing has to be transposed.
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
import { kvBytes } from '../ops/store-kv';
import { broadcastDims, broadcastStrides } from '../ops/strides';
import { anyTensor, invalid, isInteger, shapeError } from './kernels-checks';

export interface AttentionShape {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly sizeK: number;
  readonly sizeV: number;
  readonly out: readonly number[];
  readonly maps: readonly number[];
}

/** Throws INVALID_SHAPE. */
export function attentionShape(q: readonly number[], k: readonly number[], v: readonly number[]): AttentionShape {
  const rank = q.length;
  if ((rank !== 3 && rank !== 4) || k.length !== rank || v.length !== rank) {
    shapeError(
      'attention',
      'q, k and v must all be [batch, heads, tokens, size] or all [heads, tokens, size]',
      q,
      k,
      v,
    );
  }
  const full = (dims: readonly number[]): readonly number[] => (rank === 3 ? [1, ...dims] : dims);
  const [batch, heads, queries, sizeK] = full(q);
  const [, kvHeads, keys, sizeOfK] = full(k);
  const [, , , sizeV] = full(v);
  if (full(k)[0] !== batch || full(v)[0] !== batch)
    shapeError('attention', 'q, k and v must have the same batch', q, k, v);
  if (full(v)[1] !== kvHeads || full(v)[2] !== keys)
    shapeError('attention', 'k and v must have the same heads and tokens', k, v);
  if (sizeOfK !== sizeK) shapeError('attention', 'q and k must have the same head size', q, k);
  if (sizeK === 0) shapeError('attention', 'the head size must be at least 1', q, k);
  if (heads > 0 && (kvHeads === 0 || heads % kvHeads !== 0))
    shapeError('attention', 'the heads of q must be a multiple of those of k', q, k);
  const lead = q.slice(0, -1);
  return { batch, heads, kvHeads, queries, keys, sizeK, sizeV, out: [...lead, sizeV], maps: [...lead, keys] };
}

/** A mask as the kernel adds it to the scores, and where each of its dims steps. */
export interface AdditiveMask {
  readonly data: Float32Array;
  /** Elements from one sequence, head and query to the next. */
  readonly strides: readonly [number, number, number];
}

/** Brings a mask to additive f32 with neighbouring keys. Integers: nonzero may attend. Throws INVALID_SHAPE, INVALID_ARGUMENT. */
export function attentionMask(mask: unknown, shape: AttentionShape): AdditiveMask | null {
  if (mask === undefined || mask === null) return null;
  const { data, dims, type } = anyTensor('attention', 'mask', mask);
  const { batch, heads, queries, keys } = shape;
  const scores = [batch, heads, queries, keys];
  const fits = broadcastDims(dims, scores);
  if (fits?.length !== 4 || fits.some((dim, i) => dim !== scores[i])) {
    shapeError(
      'attention',
      'the mask must broadcast to [batch, heads, queries, keys] (padding of keys is [batch, 1, 1, keys])',
      dims,
      scores,
    );
  }
  let additive: Float32Array;
  if (data instanceof Float32Array) additive = data;
  else if (isInteger(data))
    additive = Float32Array.from(data as ArrayLike<number | bigint> as ArrayLike<number>, (allowed) =>
      allowed ? 0 : -Infinity,
    );
  else
    return invalid(
      'attention',
      `the mask must be float32 (added to the scores) or integers (nonzero: may attend), not ${type}`,
    );
  const isSpread = keys === 1 || dims.at(-1) === keys;
  if (!isSpread) {
    const rows = additive;
    additive = new Float32Array(rows.length * keys);
    rows.forEach((value, i) => additive.fill(value, i * keys, (i + 1) * keys));
  }
  const [b, h, q] = broadcastStrides(isSpread ? dims : [...dims.slice(0, -1), keys], scores);
  return { data: additive, strides: [b, h, q] };
}

/** Tokens in a page: all keys of one key head of one sequence, at least 8. */
export function pageTokens({ keys }: AttentionShape): number {
  return Math.max(8, Math.ceil(keys / 8) * 8);
}

/** The page tables of all key heads of all sequences, one entry each. */
export function headPages(shape: AttentionShape): Int32Array {
  const bytes = kvBytes(1, shape.sizeK, shape.sizeV, pageTokens(shape));
  return Int32Array.from({ length: shape.batch * shape.kvHeads }, (_, unit) => unit * bytes);
}

/** Segments by which keys and values are stored: one row for every key head of every sequence (assembly/abi/records.ts). */
export function keySegments(shape: AttentionShape, pages: number): Int32Array {
  const table = new Int32Array((shape.batch * shape.kvHeads * SEG_BYTES) / 4);
  for (let unit = 0; unit < shape.batch * shape.kvHeads; unit++) {
    const row = (unit * SEG_BYTES) / 4;
    table[row + SEG_QUERY / 4] = unit * shape.keys;
    table[row + SEG_QUERIES / 4] = shape.keys;
    table[row + SEG_KEYS / 4] = shape.keys;
    table[row + SEG_PAGES / 4] = pages + 4 * unit;
    table[row + SEG_PAGE / 4] = pageTokens(shape);
  }
  return table;
}

/** Segments of attention: one row for every head of every sequence. */
export function headSegments(shape: AttentionShape, mask: AdditiveMask | null, pages: number): Int32Array {
  const { batch, heads, kvHeads, queries, keys } = shape;
  const width = SEG_BYTES / 4;
  const table = new Int32Array(batch * heads * width);
  const [maskBatch, maskHead] = mask?.strides ?? [0, 0];
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const unit = b * heads + h;
      const row = unit * width;
      table[row + SEG_QUERY / 4] = unit * queries;
      table[row + SEG_QUERIES / 4] = queries;
      table[row + SEG_KEYS / 4] = keys;
      table[row + SEG_PAGES / 4] = pages + 4 * (b * kvHeads + Math.floor(h / (heads / kvHeads)));
      table[row + SEG_PAGE / 4] = pageTokens(shape);
      table[row + SEG_MAP / 4] = unit * queries * keys;
      table[row + SEG_MASK / 4] = b * maskBatch + h * maskHead;
    }
  }
  return table;
}
