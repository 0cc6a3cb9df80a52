// Scaled dot-product attention over a ragged batch, its keys and values in pages.
//
//   out[q, h] = softmax(scale * q k^T + biases) v       per sequence and head; key heads are shared by groups of query heads
//
//   q, out     rows of tokens, row strides free; head h at column h * size
//   segments   per sequence: its query rows, its keys and page table, where its maps and its mask start (abi/records.ts)
//   pages      K panels [P / 8][sizeK][8] and V panels [ceil(sizeV / 8)][P][8] a key head (store-kv.ts)
//   causal     query i of n sees keys 0 .. keys - n + i; with a window only the last so many of these
//   relative   table[h][clamp(key - query, -distance, distance) + distance] is added, query counted among the keys
//   slopes     slope[h] * key is added
//   mask       added: [head][query][key] a sequence, head and query strides free; -inf masks a key
//   maps       the probabilities, [head][query][key] a sequence
//
// The rows of a key head are its (query, head of the group) pairs. They are cut into strips of a register tile's height,
// and 2 strips at a time pass over the pages together, 4 panels at a time (8 KB at size 64, in the first-level cache):
//
//   Q [size][rows] scaled -> S = Q K [rows][keys] -> exp(S - max) [keys][rows] and its sums -> O = P V [rows][size] -> out
//
// A step of decoding is the same with few rows: the pages are read once for all heads of a group. Where there are many, the
// tiles touch the four pages that come after the present four: main memory delivers half as much again when it is read in
// four places at once.
//
// Order: q.k is one chain over the head size ascending, then relative, slope and mask are added; the sum of exponentials
// runs in four chains (key mod 4), added as (0 + 1) + (2 + 3); p v is one chain over the keys ascending; the division comes
// last. A hidden key is an exact zero, so whether it is skipped changes nothing; a query without any key gives zeros.
// Nothing read behind a sequence's last key reaches a result.
// Error: 1e-6 relative to max |v| while |scores| <= 30 (score errors grow with |q||k| u).
// Threads share (sequence, key head, strip) units, weighted by keys. Behind many keys a step of one text has few units: heads that
// are left when each thread has as many as the others are shared by all of them, who meet four times. SmolLM's 3 key heads on 2
// threads: a step behind 4096 keys takes 15.5 ms for 19.3 with weights in f16, 23.8 for 27.2 in f32.
// Speed, one thread of a busy EPYC that does 49 GFLOP/s, least of many: 12 heads of 32 and 128 tokens take 0.94 ms with the
// storing, 0.82 without; the kernel before, which packed keys and values at every call, 0.95 in the same run. 12 heads of 64:
// 34 GFLOP/s at 128 keys. A step of decoding, 8 key heads of 64, reads 38-46 GB/s in groups of 1 and 16-19 in groups of 3 and
// 4 as long as the caches hold them; from main memory (4096 keys of 90 heads) 17 in groups of 1 and 15 in groups of 3 and 4,
// where it was 10 with pages read one after the other; since what is touched is not added up and the exponentials' constants are
// kept in registers, 4096 keys in groups of 3 take 12 % less. 4 strips at a time instead of 2 were 2-8 % slower. Groups of 3 with
// two panels at a time (12 chains for 6) were 5-8 % faster in the caches, but 10 % slower behind main memory, which then delivers
// two short runs; as one row that brings a page in and two that follow they were 15-20 % slower.
import { C_NO_TOUCHES } from '../abi/constants';
import * as R from '../abi/records';
import { CTL_PARTS, CTL_TILE_PANELS, CTL_TILE_ROWS, ZEROS } from '../abi/layout';
import { scratchOf, shareStart } from '../share';
import { barrier } from '../sync';
import {
  STRIPS,
  ST_AHEAD,
  ST_BYTES,
  ST_END,
  ST_FROM,
  ST_OUT,
  ST_Q,
  ST_ROWS,
  ST_SCORES,
  ST_WEIGHTS,
  prepare,
  scoreStride,
  softmaxStrips,
  writeStrips,
} from './attention-strips';
import { stripCount } from './strips';
import { TOUCH_STEP, TOUCH_STRETCH, multiply16, multiply8, row1x32 } from './tile';

/** Keys of a page that a tile of p v takes at a time, so that its operands stay in the first-level cache. */
const KEY_BLOCK = 256;
/** Keys from which on threads share heads: meeting costs microseconds. */
const SHARED_KEYS = 1024;
/** Pages that are brought in together while as many are computed with. */
const AHEAD = 4;

/** `count` neighbouring panels, `panel` bytes apart, times a strip: C = A B, or C += A B. `ahead`: a touch list, of whose four blocks
 *  each panel's tile touches its share from `offset` on, or C_NO_TOUCHES. */
function tiles(
  rows: i32,
  count: i32,
  a: usize,
  b: usize,
  panel: usize,
  k: i32,
  resume: bool,
  c: usize,
  stride: usize,
  ahead: usize,
  offset: usize,
): void {
  const step = resume ? stride : 0;
  if (ahead == C_NO_TOUCHES) {
    if (rows == 1) {
      for (; count >= 4; count -= 4, b += panel << 2, c += 128) row1x32(a, b, panel, k, resume ? c : ZEROS, c);
    } else if (rows == 2 || load<i32>(CTL_TILE_PANELS) == 2) {
      for (; count >= 2; count -= 2, b += panel << 1, c += 64)
        multiply16(rows, a, b, panel, k, resume ? c : ZEROS, step, c, stride, C_NO_TOUCHES, 0);
    }
  }
  for (; count > 0; count--, b += panel, c += 32, offset += panel / AHEAD)
    multiply8(rows, a, b, k, resume ? c : ZEROS, step, c, stride, ahead, offset);
}

/** A touch list of pages [p, p + 4), or of the last one in their stead: while a tile reads 256 bytes of its panel, a line of each. */
function lookAhead(base: usize, pages: usize, p: i32, last: i32, ahead: usize): void {
  for (let i = 0; i < AHEAD; i++) {
    store<u32>(ahead + ((<usize>i) << 2), <u32>base + load<u32>(pages + ((<usize>min(p + i, last)) << 2)));
  }
  store<u32>(ahead, 64, TOUCH_STEP);
  store<u32>(ahead, 256, TOUCH_STRETCH);
}

/** S = Q K of `count` strips, over share `ith` of `nth` of the pages that they see. `ahead`: room for a touch list, or C_NO_TOUCHES. */
function multiplyKeys(
  record: usize,
  segment: usize,
  base: usize,
  count: i32,
  scratch: usize,
  ith: i32,
  nth: i32,
  ahead: usize,
): void {
  const page = load<i32>(segment, R.SEG_PAGE),
    pages = <usize>load<u32>(segment, R.SEG_PAGES),
    sizeK = load<i32>(record, R.AT_SIZE_K);
  const panelK = (<usize>sizeK) << 5,
    keyBytes = (<usize>(page * sizeK)) << 2;
  const stripsEnd = scratch + <usize>count * ST_BYTES,
    from = load<i32>(scratch, ST_FROM),
    end = load<i32>(stripsEnd - ST_BYTES, ST_END),
    stride = scoreStride(count, scratch);
  const first = from / page,
    all = (end - 1) / page + 1 - first,
    p0 = first + shareStart(all, ith, nth),
    last = first + shareStart(all, ith + 1, nth) - 1;
  // many pages: each is read from main memory
  const isLong = ahead != C_NO_TOUCHES && last - p0 >= AHEAD;
  for (let p = p0; p <= last; p++) {
    const start = p * page,
      limit = min(end, start + page),
      turn = (p - p0) % AHEAD;
    const k = base + <usize>load<u32>(pages + ((<usize>p) << 2));
    if (isLong && turn == 0) {
      if (p + AHEAD <= last) lookAhead(base, pages, p + AHEAD, last, ahead);
      else lookAhead(base + keyBytes, pages, p0, last, ahead);
    }
    for (let key = max(from, start); key < limit; key += 32) {
      const stop = min(key + 32, limit);
      for (let strip = scratch; strip < stripsEnd; strip += ST_BYTES) {
        const a = max(key, load<i32>(strip, ST_FROM)),
          b = min(stop, load<i32>(strip, ST_END));
        if (a >= b) continue;
        const panel = (a - start) >> 3,
          scores = <usize>load<u32>(strip, ST_SCORES) + ((<usize>(a - load<i32>(strip, ST_FROM))) << 2);
        tiles(
          load<i32>(strip, ST_ROWS),
          (b - a + 7) >> 3,
          <usize>load<u32>(strip, ST_Q),
          k + <usize>panel * panelK,
          panelK,
          sizeK,
          false,
          scores,
          stride,
          isLong && strip == scratch ? ahead : C_NO_TOUCHES,
          <usize>(turn * (page >> 3) + panel) * (panelK / AHEAD),
        );
      }
    }
  }
}

/** O = P V of `count` strips, panels [panel0, panel1) of it. `next`: what lies behind V and is read next, or 0; `ahead` as for
 *  multiplyKeys. */
function multiplyValues(
  segment: usize,
  base: usize,
  count: i32,
  scratch: usize,
  panels: i32,
  panel0: i32,
  panel1: i32,
  next: usize,
  ahead: usize,
): void {
  const page = load<i32>(segment, R.SEG_PAGE),
    pages = <usize>load<u32>(segment, R.SEG_PAGES);
  const panelV = (<usize>page) << 5,
    oStride = (<usize>panels) << 5;
  const stripsEnd = scratch + <usize>count * ST_BYTES,
    from = load<i32>(scratch, ST_FROM),
    end = load<i32>(stripsEnd - ST_BYTES, ST_END),
    p0 = from / page,
    last = (end - 1) / page;
  const isLong = ahead != C_NO_TOUCHES && last - p0 >= AHEAD,
    share = <usize>panel0 * panelV;
  for (let p = p0; p <= last; p++) {
    const start = p * page,
      limit = min(end, start + page),
      turn = (p - p0) % AHEAD;
    if (isLong && turn == 0) {
      if (p + AHEAD > last && next != 0) lookAhead(next, pages, p0, last, ahead);
      else lookAhead(base, pages, p + AHEAD, last, ahead);
    }
    const v = base + <usize>load<u32>(pages + ((<usize>p) << 2));
    for (let key = max(from, start); key < limit; key += KEY_BLOCK) {
      const stop = min(key + KEY_BLOCK, limit);
      for (let j = panel0; j < panel1; j += 4) {
        for (let strip = scratch; strip < stripsEnd; strip += ST_BYTES) {
          const rows = load<i32>(strip, ST_ROWS),
            a = max(key, load<i32>(strip, ST_FROM)),
            b = min(stop, load<i32>(strip, ST_END));
          if (a >= b) continue;
          tiles(
            rows,
            min(4, panel1 - j),
            <usize>load<u32>(strip, ST_WEIGHTS) + ((<usize>((a - load<i32>(strip, ST_FROM)) * rows)) << 2),
            v + <usize>j * panelV + ((<usize>(a - start)) << 5),
            panelV,
            b - a,
            true,
            <usize>load<u32>(strip, ST_OUT) + ((<usize>j) << 5),
            oStride,
            isLong && strip == scratch ? ahead : C_NO_TOUCHES,
            share + <usize>(turn * (panel1 - panel0) + j - panel0) * (panelV / AHEAD),
          );
        }
      }
    }
  }
}

/** What the page table's entries are added to for the keys of a key head. */
function keysOf(record: usize, segment: usize, kvHead: i32): usize {
  const page = <usize>load<u32>(segment, R.SEG_PAGE),
    columns = load<i32>(record, R.AT_SIZE_K) + ((load<i32>(record, R.AT_SIZE_V) + 7) & ~7);
  return <usize>load<u32>(record, R.AT_BASE) + <usize>(kvHead * columns) * (page << 2);
}

/** The same for its values, which lie behind the keys. */
function valuesOf(record: usize, segment: usize, kvHead: i32): usize {
  return (
    keysOf(record, segment, kvHead) + ((<usize>(load<i32>(segment, R.SEG_PAGE) * load<i32>(record, R.AT_SIZE_K))) << 2)
  );
}

/** Strips [strip0, strip1) of the rows of one key head of one sequence. */
function head(record: usize, segment: usize, kvHead: i32, strip0: i32, strip1: i32, strips: i32, scratch: usize): void {
  const group = load<i32>(record, R.AT_HEADS) / load<i32>(record, R.AT_KV_HEADS),
    head0 = kvHead * group,
    sizeV = load<i32>(record, R.AT_SIZE_V),
    panelsV = (sizeV + 7) >> 3;
  const keys = keysOf(record, segment, kvHead),
    values = valuesOf(record, segment, kvHead),
    next = kvHead + 1 < load<i32>(record, R.AT_KV_HEADS) ? keysOf(record, segment, kvHead + 1) : 0,
    ahead = strips <= STRIPS ? scratch + ST_AHEAD : C_NO_TOUCHES; // where one pass reads each page once
  for (let s0 = strip0; s0 < strip1; s0 += STRIPS) {
    const count = min(STRIPS, strip1 - s0);
    prepare(record, segment, head0, group, strips, s0, count, scratch);
    multiplyKeys(record, segment, keys, count, scratch, 0, 1, ahead);
    softmaxStrips(record, segment, head0, group, count, scratch);
    multiplyValues(segment, values, count, scratch, panelsV, 0, panelsV, next, ahead);
    writeStrips(record, segment, head0, group, count, scratch, 0, sizeV);
  }
}

/** Key heads from `first` on, fewer than there are threads: all threads work on each of them, a share of the keys, then one thread on
 *  the exponentials, then all on a share of the columns of values. Its strips, at most STRIPS, lie in the scratch memory of one
 *  thread. */
function shareHeads(record: usize, segment: usize, first: i32, strips: i32, ith: i32, nth: i32, own: usize): void {
  const kvHeads = load<i32>(record, R.AT_KV_HEADS),
    group = load<i32>(record, R.AT_HEADS) / kvHeads,
    sizeV = load<i32>(record, R.AT_SIZE_V),
    panelsV = (sizeV + 7) >> 3;
  const ahead = own + ST_AHEAD,
    ownHead = first + ith,
    isOwner = ownHead < kvHeads;
  if (isOwner) prepare(record, segment, ownHead * group, group, strips, 0, strips, own);
  if (!barrier(ith, nth)) return;
  for (let h = first; h < kvHeads; h++) {
    multiplyKeys(record, segment, keysOf(record, segment, h), strips, scratchOf(h - first), ith, nth, ahead);
  }
  if (!barrier(ith, nth)) return;
  if (isOwner) softmaxStrips(record, segment, ownHead * group, group, strips, own);
  if (!barrier(ith, nth)) return;
  const panel0 = shareStart(panelsV, ith, nth),
    panel1 = shareStart(panelsV, ith + 1, nth);
  for (let h = first; h < kvHeads && panel0 < panel1; h++) {
    const scratch = scratchOf(h - first);
    multiplyValues(segment, valuesOf(record, segment, h), strips, scratch, panelsV, panel0, panel1, 0, ahead);
    writeStrips(record, segment, h * group, group, strips, scratch, panel0 << 3, min(sizeV, panel1 << 3));
  }
  barrier(ith, nth); // the next record may use the scratch memory
}

export function attention(record: usize, ith: i32, nth: i32, scratch: usize): void {
  const kvHeads = load<i32>(record, R.AT_KV_HEADS),
    group = load<i32>(record, R.AT_HEADS) / kvHeads,
    height = load<i32>(CTL_TILE_ROWS);
  const segments = <usize>load<u32>(record, R.AT_SEGMENTS),
    segmentsEnd = segments + <usize>load<i32>(<usize>load<u32>(record, R.AT_SEQUENCES)) * R.SEG_BYTES;
  // a step of one text: whole heads, as many to each thread, and what is left to all
  if (ASC_FEATURE_THREADS && nth > 1 && load<i32>(CTL_PARTS) == 1 && segmentsEnd == segments + R.SEG_BYTES) {
    const strips = stripCount(load<i32>(segments, R.SEG_QUERIES) * group, height),
      window = load<i32>(record, R.AT_WINDOW),
      keys = load<i32>(segments, R.SEG_KEYS),
      whole = kvHeads - (kvHeads % nth);
    if (whole < kvHeads && strips > 0 && strips <= STRIPS && (window ? min(window, keys) : keys) >= SHARED_KEYS) {
      const last = shareStart(whole, ith + 1, nth);
      for (let h = shareStart(whole, ith, nth); h < last; h++) head(record, segments, h, 0, strips, strips, scratch);
      shareHeads(record, segments, whole, strips, ith, nth, scratch);
      return;
    }
  }
  let total: i64 = 0;
  for (let s = segments; s != segmentsEnd; s += R.SEG_BYTES) {
    total += <i64>kvHeads * stripCount(load<i32>(s, R.SEG_QUERIES) * group, height) * (load<i32>(s, R.SEG_KEYS) + 1);
  }
  // a unit belongs to the thread in whose share of the total work it starts
  const begin = (total * ith) / nth,
    end = (total * (ith + 1)) / nth;
  let at: i64 = 0;
  for (let s = segments; s != segmentsEnd && at < end; s += R.SEG_BYTES) {
    const strips = stripCount(load<i32>(s, R.SEG_QUERIES) * group, height),
      weight = <i64>(load<i32>(s, R.SEG_KEYS) + 1);
    const perHead = weight * strips;
    for (let h = 0; h < kvHeads; h++) {
      const strip0 = <i32>max<i64>(0, min<i64>(strips, (begin - at + weight - 1) / weight));
      const strip1 = <i32>max<i64>(0, min<i64>(strips, (end - at + weight - 1) / weight));
      if (strip0 < strip1) head(record, s, h, strip0, strip1, strips, scratch);
      at += perHead;
    }
  }
}
