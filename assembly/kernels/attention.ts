// Scaled dot-product attention over a ragged batch.
//
//   out[q, h] = softmax(scale * q k^T + mask) v       per sequence and head; key heads are shared by groups of query heads
//
//   q, k, v, out   rows of tokens, row strides free (one row may hold q, k and v); head h at column h * size
//   segments       per sequence: its query rows, its key rows, where its maps and its mask start (abi/records.ts)
//   mask           added to the scores: [head][query][key] a sequence, head and query strides free; -inf masks a key
//   causal         query i of n sees keys 0 .. keys - n + i
//   maps           the probabilities, [head][query][key] a sequence
//
// A head's keys are packed once as strips [strip][size][rows] and its values as [strip of size][key][rows]; then, for
// strips of 8 queries, everything runs transposed, a lane a query, so that nothing is ever summed across lanes:
//
//   Q' [size][8] scaled -> S' = K Q' [keys][8] -> exp(S' - max) and its sum down the columns -> O' = V' P [size][8] -> rows
//
// Order: q.k is one chain over the head size ascending; the sum of exponentials runs in four chains (key mod 4), added
// as (0 + 1) + (2 + 3); p v is one chain over the keys ascending; the division comes last. A masked key is an exact zero,
// a query without any key gives zeros.
// Error: 1e-6 relative to max |v| while |scores| <= 30 (score errors grow with |q||k| u).
// Threads share (sequence, head, strip of 8 queries) units, weighted by keys; two that share a head both pack it.
// Speed: 38-40 of 49 GFLOP/s at 128 and more keys and head size 64.
import {
  AT_CAUSAL,
  AT_HEADS,
  AT_K,
  AT_KV_HEADS,
  AT_K_STRIDE,
  AT_MAP,
  AT_MASK,
  AT_MASK_HEAD,
  AT_MASK_QUERY,
  AT_OUT,
  AT_OUT_STRIDE,
  AT_Q,
  AT_Q_STRIDE,
  AT_SCALE,
  AT_SEGMENTS,
  AT_SEQUENCES,
  AT_SIZE_K,
  AT_SIZE_V,
  AT_V,
  AT_V_STRIDE,
  SEG_BYTES,
  SEG_KEY,
  SEG_KEYS,
  SEG_MAP,
  SEG_MASK,
  SEG_QUERIES,
  SEG_QUERY,
} from '../abi/records';
import { C_NEG_INF, C_ONE } from '../abi/constants';
import { CTL_TILE_ROWS, ZEROS } from '../abi/layout';
import { expNonPositive4 } from '../math';
import { splat } from '../simd';
import { packEight, packStrip, stripCount, stripRows, unpackEight } from './strips';
import { multiply8 } from './tile';

/** Packs `rows` neighbouring values of every key: [keys][rows]. */
function packValues(rows: i32, from: usize, stride: usize, keys: i32, to: usize): void {
  const step = (<usize>rows) << 2;
  for (let i = 0; i < keys; i++) {
    if (rows >= 4) {
      v128.store(to, v128.load(from));
      if (rows == 5) store<f32>(to, load<f32>(from, 16), 16);
      if (rows == 6) store<u64>(to, load<u64>(from, 16), 16);
    } else {
      for (let r: usize = 0; r < step; r += 4) store<f32>(to + r, load<f32>(from + r));
    }
    from += stride;
    to += step;
  }
}

/** Adds the mask's rows to scores [keys][8]; lanes beyond `queries` are left alone. */
function addMask(scores: usize, keys: i32, queries: i32, mask: usize, queryStride: usize): void {
  for (let lane = 0; lane < queries; lane++) {
    let p = scores + ((<usize>lane) << 2),
      m = mask + <usize>lane * queryStride;
    for (let i = 0; i < keys; i++) {
      store<f32>(p, load<f32>(p) + load<f32>(m));
      p += 32;
      m += 4;
    }
  }
}

/** Scores of keys that come after a lane's query become -inf: lane 0 sees `visible` keys (none if it is negative), each
 *  next one more. */
function hideFuture(scores: usize, keys: i32, visible: i32): void {
  for (let i = max(0, visible); i < keys; i++) {
    const lanes = min(8, i - visible + 1);
    for (let lane = 0; lane < lanes; lane++)
      store<f32>(scores + ((<usize>i) << 5) + ((<usize>lane) << 2), -f32.MAX_VALUE * 2);
  }
}

/** Scores [keys][8] become exp(score - column maximum); writes 1 / sum of every column (0 where there is none) at `inverse`. */
function exponentials(scores: usize, keys: i32, inverse: usize): void {
  const end = scores + ((<usize>keys) << 5);
  let m0 = splat(C_NEG_INF),
    m1 = m0;
  for (let p = scores; p != end; p += 32) {
    m0 = f32x4.pmax(m0, v128.load(p));
    m1 = f32x4.pmax(m1, v128.load(p, 16));
  }
  // a column of -inf: subtract zero, so that its exponentials are zeros and not NaN
  const lowest = splat(C_NEG_INF);
  m0 = v128.andnot(m0, f32x4.eq(m0, lowest));
  m1 = v128.andnot(m1, f32x4.eq(m1, lowest));
  let a0 = splat(ZEROS),
    a1 = a0,
    b0 = a0,
    b1 = a0,
    c0 = a0,
    c1 = a0,
    d0 = a0,
    d1 = a0;
  let p = scores;
  for (; p + 128 <= end; p += 128) {
    let x = expNonPositive4(f32x4.sub(v128.load(p), m0)),
      y = expNonPositive4(f32x4.sub(v128.load(p, 16), m1));
    v128.store(p, x);
    v128.store(p, y, 16);
    a0 = f32x4.add(a0, x);
    a1 = f32x4.add(a1, y);
    x = expNonPositive4(f32x4.sub(v128.load(p, 32), m0));
    y = expNonPositive4(f32x4.sub(v128.load(p, 48), m1));
    v128.store(p, x, 32);
    v128.store(p, y, 48);
    b0 = f32x4.add(b0, x);
    b1 = f32x4.add(b1, y);
    x = expNonPositive4(f32x4.sub(v128.load(p, 64), m0));
    y = expNonPositive4(f32x4.sub(v128.load(p, 80), m1));
    v128.store(p, x, 64);
    v128.store(p, y, 80);
    c0 = f32x4.add(c0, x);
    c1 = f32x4.add(c1, y);
    x = expNonPositive4(f32x4.sub(v128.load(p, 96), m0));
    y = expNonPositive4(f32x4.sub(v128.load(p, 112), m1));
    v128.store(p, x, 96);
    v128.store(p, y, 112);
    d0 = f32x4.add(d0, x);
    d1 = f32x4.add(d1, y);
  }
  for (let i = 0; p != end; p += 32, i++) {
    const x = expNonPositive4(f32x4.sub(v128.load(p), m0)),
      y = expNonPositive4(f32x4.sub(v128.load(p, 16), m1));
    v128.store(p, x);
    v128.store(p, y, 16);
    if (i == 0) {
      a0 = f32x4.add(a0, x);
      a1 = f32x4.add(a1, y);
    } else if (i == 1) {
      b0 = f32x4.add(b0, x);
      b1 = f32x4.add(b1, y);
    } else {
      c0 = f32x4.add(c0, x);
      c1 = f32x4.add(c1, y);
    }
  }
  const one = splat(C_ONE),
    zero = splat(ZEROS);
  a0 = f32x4.add(f32x4.add(a0, b0), f32x4.add(c0, d0));
  a1 = f32x4.add(f32x4.add(a1, b1), f32x4.add(c1, d1));
  v128.store(inverse, v128.andnot(f32x4.div(one, a0), f32x4.eq(a0, zero)));
  v128.store(inverse, v128.andnot(f32x4.div(one, a1), f32x4.eq(a1, zero)), 16);
}

/** Probabilities [keys][8] to map rows [query][all keys]; keys beyond `keys` are zero. */
function writeMap(scores: usize, keys: i32, allKeys: i32, queries: i32, inverse: usize, map: usize): void {
  unpackEight(queries, scores, keys, inverse, map, (<usize>allKeys) << 2);
  for (let lane = 0; lane < queries; lane++) {
    memory.fill(map + ((<usize>lane * allKeys + keys) << 2), 0, (<usize>(allKeys - keys)) << 2);
  }
}

/** Strips [strip0, strip1) of one head of one sequence. */
function head(record: usize, segment: usize, h: i32, strip0: i32, strip1: i32, scratch: usize): void {
  const queries = load<i32>(segment, SEG_QUERIES),
    keys = load<i32>(segment, SEG_KEYS);
  const sizeK = load<i32>(record, AT_SIZE_K),
    sizeV = load<i32>(record, AT_SIZE_V);
  const kvHead = h / (load<i32>(record, AT_HEADS) / load<i32>(record, AT_KV_HEADS));
  const qStride = (<usize>load<u32>(record, AT_Q_STRIDE)) << 2,
    kStride = (<usize>load<u32>(record, AT_K_STRIDE)) << 2;
  const vStride = (<usize>load<u32>(record, AT_V_STRIDE)) << 2,
    outStride = (<usize>load<u32>(record, AT_OUT_STRIDE)) << 2;
  const query0 = <usize>load<u32>(segment, SEG_QUERY),
    key0 = <usize>load<u32>(segment, SEG_KEY);
  const q = <usize>load<u32>(record, AT_Q) + query0 * qStride + ((<usize>(h * sizeK)) << 2);
  const out = <usize>load<u32>(record, AT_OUT) + query0 * outStride + ((<usize>(h * sizeV)) << 2);
  const causal = load<i32>(record, AT_CAUSAL) != 0;
  let mask = <usize>load<u32>(record, AT_MASK),
    map = <usize>load<u32>(record, AT_MAP);
  const maskQuery = (<usize>load<u32>(record, AT_MASK_QUERY)) << 2;
  if (mask) mask += (<usize>load<u32>(segment, SEG_MASK) + <usize>h * load<u32>(record, AT_MASK_HEAD)) << 2;
  if (map) map += (<usize>load<u32>(segment, SEG_MAP) + <usize>h * queries * keys) << 2;

  const height = load<i32>(CTL_TILE_ROWS);
  const keyStrips = stripCount(keys, height),
    valueStrips = stripCount(sizeV, height);
  // scratch: 1 / sum of the 8 columns, Q', O', S', then the packed keys and values
  const inverse = scratch,
    qT = scratch + 64,
    oT = qT + ((<usize>sizeK) << 5),
    scores = oT + ((<usize>sizeV) << 5);
  const packedK = scores + ((<usize>keys) << 5),
    packedV = packedK + ((<usize>(keys * sizeK)) << 2);

  let from = <usize>load<u32>(record, AT_K) + key0 * kStride + ((<usize>(kvHead * sizeK)) << 2),
    to = packedK;
  for (let s = 0; s < keyStrips; s++) {
    const rows = stripRows(keys, keyStrips, s);
    packStrip(rows, from, kStride, sizeK, to);
    from += <usize>rows * kStride;
    to += (<usize>(rows * sizeK)) << 2;
  }
  from = <usize>load<u32>(record, AT_V) + key0 * vStride + ((<usize>(kvHead * sizeV)) << 2);
  to = packedV;
  for (let s = 0; s < valueStrips; s++) {
    const rows = stripRows(sizeV, valueStrips, s);
    packValues(rows, from, vStride, keys, to);
    from += (<usize>rows) << 2;
    to += (<usize>(rows * keys)) << 2;
  }

  for (let strip = strip0; strip < strip1; strip++) {
    const first = strip << 3,
      lanes = min(8, queries - first);
    // keys that the strip's last query sees; the first one sees `visible`
    const visible = keys - queries + first + 1;
    const seen = causal ? min(keys, max(0, keys - queries + first + lanes)) : keys;
    packEight(lanes, q + <usize>first * qStride, qStride, sizeK, qT, record + AT_SCALE);
    let a = packedK,
      s = scores,
      left = seen;
    for (let i = 0; left > 0; i++) {
      const rows = stripRows(keys, keyStrips, i);
      multiply8(rows, a, qT, sizeK, ZEROS, 0, s, 32);
      a += (<usize>(rows * sizeK)) << 2;
      s += (<usize>rows) << 5;
      left -= rows;
    }
    if (mask) addMask(scores, seen, lanes, mask + <usize>first * maskQuery, maskQuery);
    if (causal) hideFuture(scores, seen, visible);
    exponentials(scores, seen, inverse);
    if (map) writeMap(scores, seen, keys, lanes, inverse, map + ((<usize>first * keys) << 2));
    a = packedV;
    s = oT;
    for (let i = 0; i < valueStrips; i++) {
      const rows = stripRows(sizeV, valueStrips, i);
      if (seen > 0) multiply8(rows, a, scores, seen, ZEROS, 0, s, 32);
      else memory.fill(s, 0, (<usize>rows) << 5);
      a += (<usize>(rows * keys)) << 2;
      s += (<usize>rows) << 5;
    }
    unpackEight(lanes, oT, sizeV, inverse, out + <usize>first * outStride, outStride);
  }
}

export function attention(record: usize, ith: i32, nth: i32, scratch: usize): void {
  const heads = load<i32>(record, AT_HEADS),
    sequences = load<i32>(<usize>load<u32>(record, AT_SEQUENCES));
  const segments = <usize>load<u32>(record, AT_SEGMENTS),
    segmentsEnd = segments + <usize>sequences * SEG_BYTES;
  let total: i64 = 0;
  for (let s = segments; s != segmentsEnd; s += SEG_BYTES) {
    total += <i64>heads * ((load<i32>(s, SEG_QUERIES) + 7) >> 3) * (load<i32>(s, SEG_KEYS) + 1);
  }
  // a unit belongs to the thread in whose share of the total work it starts
  const begin = (total * ith) / nth,
    end = (total * (ith + 1)) / nth;
  let at: i64 = 0;
  for (let s = segments; s != segmentsEnd && at < end; s += SEG_BYTES) {
    const strips = (load<i32>(s, SEG_QUERIES) + 7) >> 3,
      weight = <i64>(load<i32>(s, SEG_KEYS) + 1);
    const perHead = weight * strips;
    for (let h = 0; h < heads; h++) {
      const strip0 = <i32>max<i64>(0, min<i64>(strips, (begin - at + weight - 1) / weight));
      const strip1 = <i32>max<i64>(0, min<i64>(strips, (end - at + weight - 1) / weight));
      if (strip0 < strip1) head(record, s, h, strip0, strip1, scratch);
      at += perHead;
    }
  }
}
