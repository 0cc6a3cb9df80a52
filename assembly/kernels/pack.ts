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
import { element } from './convert';
import { encode, UNHELD } from './halves';

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
    for (let column = begin; column < end; column++) {
      for (let row = k0; row < k0 + k;) {
        const count = min((row & ~(K_BLOCK - 1)) + K_BLOCK, k0 + k) - row;
        const whole = packedOffset(column, row, columns8, depth);
        const to = dst + (held == TYPE_F32 ? whole : ((whole & ~31) >> 1) + halfColumn(column));
        if (column >= total) clearColumn(count, to, held);
        else if (packColumn(src + <usize>(column - n0) * sn + <usize>(row - k0) * sk, type, sk, count, to, held) != 0)
          store<i32>(record, 1, PK_UNHELD);
        row += count;
      }
    }
  }
}
