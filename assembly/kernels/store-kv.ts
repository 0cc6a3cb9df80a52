// Keys and values to the pages that attention reads.
//
//   k [tokens, kvHeads * sizeK], v [tokens, kvHeads * sizeV], row strides free; a sequence's rows are those of its queries
//
// A page holds P tokens (a multiple of 8) of every layer; a layer's part of it is, a key head after another,
//
//   K [P / 8][sizeK][8]            panels of 8 keys: B of scores = q k^T
//   V [ceil(sizeV / 8)][P][8]      panels of 8 columns: B of out = p v
//
// so that both products of attention run on the register tiles without another copy. Token t = keys - queries + i of a
// sequence goes to slot t % P of page t / P of its table. Slots after the last token, and columns of V beyond sizeV, hold
// anything. Exact. Threads: by (sequence, key head, 8 tokens): no two write to one panel.
import * as R from '../abi/records';
import { shareStart } from '../share';
import { packEight } from './strips';

/** One key to its column of a panel [k][8]. */
function scatter(from: usize, k: i32, to: usize): void {
  const end = from + ((<usize>k) << 2);
  for (; from + 16 <= end; from += 16, to += 128) {
    const x = v128.load(from);
    v128.store32_lane(to, x, 0);
    v128.store32_lane(to, x, 1, 32);
    v128.store32_lane(to, x, 2, 64);
    v128.store32_lane(to, x, 3, 96);
  }
  for (; from < end; from += 4, to += 32) store<f32>(to, load<f32>(from));
}

/** `count` neighbouring values, 8 columns to each panel; panels are `panel` bytes apart. */
function spread(count: i32, from: usize, stride: usize, n: i32, to: usize, panel: usize): void {
  for (; n > 0; n -= 8, from += 32, to += panel) {
    let p = from,
      q = to;
    for (let i = 0; i < count; i++, p += stride, q += 32) {
      if (n >= 8) {
        v128.store(q, v128.load(p));
        v128.store(q, v128.load(p, 16), 16);
      } else {
        for (let j: usize = 0; j < (<usize>n) << 2; j += 4) store<f32>(q + j, load<f32>(p + j));
      }
    }
  }
}

export function storeKv(record: usize, ith: i32, nth: i32): void {
  const kvHeads = load<i32>(record, R.SK_KV_HEADS),
    sizeK = load<i32>(record, R.SK_SIZE_K),
    sizeV = load<i32>(record, R.SK_SIZE_V);
  const kStride = (<usize>load<u32>(record, R.SK_K_STRIDE)) << 2,
    vStride = (<usize>load<u32>(record, R.SK_V_STRIDE)) << 2;
  const base = <usize>load<u32>(record, R.SK_BASE),
    segments = <usize>load<u32>(record, R.SK_SEGMENTS);
  const end = segments + <usize>load<i32>(<usize>load<u32>(record, R.SK_SEQUENCES)) * R.SEG_BYTES;
  let total = 0;
  for (let s = segments; s != end; s += R.SEG_BYTES) {
    const keys = load<i32>(s, R.SEG_KEYS),
      first = keys - load<i32>(s, R.SEG_QUERIES);
    total += ((keys + 7) >> 3) - (first >> 3);
  }
  // a unit is one panel of one head; the heads of a panel follow one another
  let skip = shareStart(total * kvHeads, ith, nth),
    left = shareStart(total * kvHeads, ith + 1, nth) - skip;
  for (let s = segments; s != end && left > 0; s += R.SEG_BYTES) {
    const keys = load<i32>(s, R.SEG_KEYS),
      first = keys - load<i32>(s, R.SEG_QUERIES);
    const units = (((keys + 7) >> 3) - (first >> 3)) * kvHeads;
    if (first == keys) continue;
    if (skip >= units) {
      skip -= units;
      continue;
    }
    const page = load<i32>(s, R.SEG_PAGE),
      pages = <usize>load<u32>(s, R.SEG_PAGES);
    const panel = (<usize>page) << 5,
      keyBytes = (<usize>(page * sizeK)) << 2,
      headBytes = keyBytes + <usize>((sizeV + 7) >> 3) * panel;
    const row = load<i32>(s, R.SEG_QUERY) - first;
    let index = (first >> 3) + skip / kvHeads,
      head = skip % kvHeads;
    const count = min(left, units - skip);
    left -= count;
    skip = 0;
    for (let unit = 0; unit < count; unit++) {
      const from = max(first, index << 3),
        to = min(keys, (index << 3) + 8),
        slot = from % page;
      const at = base + <usize>load<u32>(pages + ((<usize>(from / page)) << 2)) + <usize>head * headBytes;
      let k = <usize>load<u32>(record, R.SK_K) + <usize>(row + from) * kStride + ((<usize>(head * sizeK)) << 2);
      const v = <usize>load<u32>(record, R.SK_V) + <usize>(row + from) * vStride + ((<usize>(head * sizeV)) << 2);
      // a panel that starts here has no keys yet: what is written behind the last one does not matter
      const keyPanel = at + ((<usize>((slot >> 3) * sizeK)) << 5);
      const isWhole = to - from > 2 && (from & 7) == 0;
      if (isWhole) packEight(to - from, k, kStride, sizeK, keyPanel);
      else {
        for (let t = from; t < to; t++, k += kStride) scatter(k, sizeK, keyPanel + ((<usize>(t & 7)) << 2));
      }
      spread(to - from, v, vStride, sizeV, at + keyBytes + ((<usize>slot) << 5), panel);
      if (++head == kvHeads) {
        head = 0;
        index++;
      }
    }
  }
}
