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
  PK_TYPE,
  TYPE_BF16,
  TYPE_F16,
} from '../abi/records';
import { K_BLOCK } from '../abi/layout';
import { halfToFloat } from './convert';

/** Bytes before panel `column / 8` of the block of k. */
// @ts-ignore: decorator
@inline
export function packedOffset(column: i32, k: i32, columns8: i32, depth: i32): usize {
  const block = k & ~(K_BLOCK - 1),
    kc = min(K_BLOCK, depth - block);
  return (
    ((<usize>block * columns8 + <usize>(column >> 3) * (kc << 3)) << 2) +
    ((k & (K_BLOCK - 1)) << 5) +
    ((column & 7) << 2)
  );
}

// @ts-ignore: decorator
@inline
function element(from: usize, type: i32): f32 {
  if (type == TYPE_F16) return halfToFloat(load<u16>(from));
  if (type == TYPE_BF16) return reinterpret<f32>((<u32>load<u16>(from)) << 16);
  return load<f32>(from);
}

/** One column of a piece, within one block of k. */
function packColumn(from: usize, type: i32, step: usize, count: i32, to: usize): void {
  for (let i = 0; i < count; i++) {
    store<f32>(to, element(from, type));
    from += step;
    to += 32;
  }
}

export function pack(record: usize, ith: i32, nth: i32): void {
  const type = load<i32>(record, PK_TYPE);
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
        const to = dst + packedOffset(column, row, columns8, depth);
        if (column < total) {
          packColumn(src + <usize>(column - n0) * sn + <usize>(row - k0) * sk, type, sk, count, to);
        } else {
          for (let i = 0; i < count; i++) store<f32>(to + (i << 5), 0);
        }
        row += count;
      }
    }
  }
}
