// The one layout of a matmul's right operand: written once when a checkpoint is loaded, read by every product.
//
//   source element (n, k): weight row n (an output column), column k, as f32, f16 or bf16, any strides
//   packed: blocks of 512 k (K_BLOCK), in each block panels of 8 columns, in each panel [kc][8] f32
//
//       k 0..511    | n 0..7: k0 [8] k1 [8] ... | n 8..15: ... |  ...
//       k 512..1023 | n 0..7: ...
//
//   offset(n, k) = (block * 512 * N8 + (n / 8) * kc * 8 + (k % 512) * 8 + n % 8) * 4,
//   block = k / 512, kc = min(512, K - 512 block), N8 = N rounded up to 8; columns N..N8 are zero.
//
// Held in 16 bits (halves.ts), all of this takes half the bytes: the 8 columns of a step of k are 4 words of 32 bits, word i with
// column i in its low half and column i + 4 in its high half.
//
// A record packs one piece (columns N0.., rows K0..), so that a file is read piece by piece. f16 and bf16 convert
// exactly. Threads share the piece's columns, 8 by 8; each writes the padding of the last panel if it owns it.
//
// Whole panels of rows or columns that are neighbours in the source are turned in registers; the rest goes element by element. Loading MiniLM in f16 (45 MB) from its file takes 0.8 of the time of reading and copying it; element
// by element alone it took 2.9.
import {
  PK_BATCH,
  PK_DST,
  PK_DST_BATCH,
  PK_K,
  PK_K0,
  PK_K_TOTAL,
  PK_N,
  PK_N0,
  PK_N_TOTAL,
  PK_SK,
  PK_SN,
  PK_SRC,
  PK_SRC_BATCH,
  PK_TO,
  PK_TYPE,
  PK_UNHELD,
  TYPE_F32,
} from '../abi/records';
import { K_BLOCK } from '../abi/layout';
import { storeColumns } from '../simd';
import { element, elements4 } from './convert';
import { encode, encode4, encode8, UNHELD } from './halves';

/** Bytes before an element held in f32. */
// @ts-ignore: decorator
@inline
function packedOffset(column: i32, k: i32, columns8: i32, depth: i32): usize {
  const block = k & ~(K_BLOCK - 1),
    kc = min(K_BLOCK, depth - block);
  return (
    ((<usize>block * columns8 + <usize>(column >> 3) * (kc << 3)) << 2) +
    ((k & (K_BLOCK - 1)) << 5) +
    ((column & 7) << 2)
  );
}

/** Bytes from the first column of a panel to another one, held in 16 bits. */
// @ts-ignore: decorator
@inline
export function halfColumn(column: i32): i32 {
  return ((column & 3) << 2) + ((column & 4) >> 1);
}

/** One column of a piece, within one block of k. Gives bit 16 if a value cannot be held. */
function packColumn(from: usize, type: i32, step: usize, count: i32, to: usize, held: i32): i32 {
  let seen = 0;
  for (let i = 0; i < count; i++, from += step) {
    const x = element(from, type);
    if (held == TYPE_F32) {
      store<f32>(to, x);
      to += 32;
    } else {
      const code = encode(held, x);
      seen |= code;
      store<u16>(to, <u16>code);
      to += 16;
    }
  }
  return seen & UNHELD;
}

/** Four neighbouring columns of an f32 panel over four k that are neighbours in the source. */
function turn4(from: usize, sn: usize, type: i32, to: usize): void {
  storeColumns(
    elements4(from, type),
    elements4(from + sn, type),
    elements4(from + 2 * sn, type),
    elements4(from + 3 * sn, type),
    to,
    32,
  );
}

/** All columns of a panel of halves over four k that are neighbours in the source. */
function turnHalves(from: usize, sn: usize, to: usize): void {
  storeColumns(pairs(from, sn), pairs(from + sn, sn), pairs(from + 2 * sn, sn), pairs(from + 3 * sn, sn), to, 16);
}

/** All columns of a panel over four k that are neighbours in the source, rounded to 16 bits. Gives all codes or'd together. */
function turnEncoded(from: usize, sn: usize, type: i32, to: usize, held: i32): v128 {
  const far = from + (sn << 2);
  const a = encode4(held, elements4(from, type)),
    b = encode4(held, elements4(from + sn, type)),
    c = encode4(held, elements4(from + 2 * sn, type)),
    d = encode4(held, elements4(from + 3 * sn, type));
  const e = encode4(held, elements4(far, type)),
    f = encode4(held, elements4(far + sn, type)),
    g = encode4(held, elements4(far + 2 * sn, type)),
    h = encode4(held, elements4(far + 3 * sn, type));
  storeColumns(words(a, e), words(b, f), words(c, g), words(d, h), to, 16);
  return v128.or(v128.or(v128.or(a, b), v128.or(c, d)), v128.or(v128.or(e, f), v128.or(g, h)));
}

// @ts-ignore: decorator
@inline
function words(low: v128, high: v128): v128 {
  return v128.bitselect(low, i32x4.shl(high, 16), i32x4.splat(0xffff));
}

/** Columns i and i + 4 as the halves of words, over four k. */
// @ts-ignore: decorator
@inline
function pairs(from: usize, sn: usize): v128 {
  return v128.shuffle<i16>(v128.load64_zero(from), v128.load64_zero(from + (sn << 2)), 0, 8, 1, 9, 2, 10, 3, 11);
}

/** All eight columns of a panel, within one block of k, as far as vectors go: gives how many k that is. Columns or k are neighbours in
 *  the source. `record` is told of values that cannot be held. */
function packPanel(record: usize, from: usize, sn: usize, sk: usize, type: i32, count: i32, to: usize, held: i32): i32 {
  const size: usize = type == TYPE_F32 ? 4 : 2;
  let i = 0;
  if (held == TYPE_F32) {
    if (sk == size) {
      for (; i <= count - 4; i += 4, from += size << 2, to += 128) {
        turn4(from, sn, type, to);
        turn4(from + (sn << 2), sn, type, to + 16);
      }
    } else if (sn == size) {
      for (; i < count; i++, from += sk, to += 32) {
        v128.store(to, elements4(from, type));
        v128.store(to, elements4(from + (size << 2), type), 16);
      }
    }
    return i;
  }
  const start = to;
  if (held != type) {
    if (sk != size) return 0;
    let seen = i32x4.splat(0);
    for (; i <= count - 4; i += 4, from += size << 2, to += 64)
      seen = v128.or(seen, turnEncoded(from, sn, type, to, held));
    if (v128.any_true(v128.and(seen, i32x4.splat(UNHELD)))) store<i32>(record, 1, PK_UNHELD);
    return i;
  }
  if (sk == size) {
    for (; i <= count - 4; i += 4, from += 8, to += 64) turnHalves(from, sn, to);
  } else if (sn == size) {
    for (; i < count; i++, from += sk, to += 16) {
      const x = v128.load(from);
      v128.store(to, v128.shuffle<i16>(x, x, 0, 4, 1, 5, 2, 6, 3, 7));
    }
  }
  if (encode8(type, start, start, i << 3) != 0) store<i32>(record, 1, PK_UNHELD);
  return i;
}

/** Zeros in the place of a column. */
function clearColumn(count: i32, to: usize, held: i32): void {
  for (let i = 0; i < count; i++) {
    if (held == TYPE_F32) store<f32>(to + (i << 5), 0);
    else store<u16>(to + (i << 4), 0);
  }
}

export function pack(record: usize, ith: i32, nth: i32): void {
  const type = load<i32>(record, PK_TYPE),
    held = load<i32>(record, PK_TO);
  const sn = <usize>load<u32>(record, PK_SN),
    sk = <usize>load<u32>(record, PK_SK);
  const n = load<i32>(record, PK_N),
    k = load<i32>(record, PK_K);
  const n0 = load<i32>(record, PK_N0),
    k0 = load<i32>(record, PK_K0);
  const total = load<i32>(record, PK_N_TOTAL),
    depth = load<i32>(record, PK_K_TOTAL);
  const columns8 = (total + 7) & ~7;
  // whole panels a thread, counted from the packed matrix's own panel borders
  const panel0 = n0 >> 3,
    panels = ((n0 + n + 7) >> 3) - panel0;
  const begin = max(n0, (panel0 + (panels * ith) / nth) << 3);
  let end = min(n0 + n, (panel0 + (panels * (ith + 1)) / nth) << 3);
  if (begin >= end) return;
  if (end == total) end = columns8;
  for (let b = 0; b < load<i32>(record, PK_BATCH); b++) {
    const src = <usize>load<u32>(record, PK_SRC) + <usize>b * load<u32>(record, PK_SRC_BATCH);
    const dst = <usize>load<u32>(record, PK_DST) + <usize>b * load<u32>(record, PK_DST_BATCH);
    for (let row = k0; row < k0 + k;) {
      const count = min((row & ~(K_BLOCK - 1)) + K_BLOCK, k0 + k) - row;
      const start = src + <usize>(row - k0) * sk;
      for (let column = begin; column < end;) {
        const from = start + <usize>(column - n0) * sn;
        const to = dst + address(packedOffset(column, row, columns8, depth), column, held);
        const isWhole = (column & 7) == 0 && column + 8 <= min(end, total);
        const done = isWhole ? packPanel(record, from, sn, sk, type, count, to, held) : 0;
        const panelEnd = isWhole ? column + 8 : column + 1;
        for (; column < panelEnd; column++) {
          const first = row + done;
          const rest = dst + address(packedOffset(column, first, columns8, depth), column, held);
          if (column >= total) clearColumn(count, rest, held);
          else if (
            packColumn(start + <usize>(column - n0) * sn + <usize>done * sk, type, sk, count - done, rest, held) != 0
          )
            store<i32>(record, 1, PK_UNHELD);
        }
      }
      row += count;
    }
  }
}

/** Bytes before an element as it is held. */
// @ts-ignore: decorator
@inline
function address(whole: usize, column: i32, held: i32): usize {
  return held == TYPE_F32 ? whole : ((whole & ~31) >> 1) + halfColumn(column);
}
