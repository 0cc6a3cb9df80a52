// Strips of attention: where they lie in scratch memory, and what becomes of one before, between and after its two products.
import * as R from '../abi/records';
import { addRelative, addSlope, exponentials, hide, scaleColumn } from './attention-rows';
import { addRow, scaleRow } from './elementwise';
import { packStrip, stripRows } from './strips';

/** Strips that pass over the pages together; src/ops/attention.ts sizes the scratch memory by it. */
export const STRIPS = 2;

// Scratch begins with a description of every strip, then 1 / sum of its rows.
export const ST_ROWS: usize = 0;
const ST_FIRST: usize = 4; // its first row
export const ST_FROM: usize = 8; // keys [from, end) are all that its rows see; from is a multiple of 8
export const ST_END: usize = 12;
export const ST_Q: usize = 16; // addresses of its queries [size][rows], scores, probabilities [key][rows], results
export const ST_SCORES: usize = 20;
export const ST_WEIGHTS: usize = 24;
export const ST_OUT: usize = 28;
const ST_FACTORS: usize = 32;
export const ST_AHEAD: usize = 56; // of the first strip: a touch list (tile.ts)
export const ST_BYTES: usize = 80;

/** Adds the biases to a strip's scores, hides what its rows do not see, and takes the exponentials. */
function softmaxStrip(record: usize, segment: usize, head0: i32, group: i32, strip: usize, stride: usize): void {
  const rows = load<i32>(strip, ST_ROWS),
    from = load<i32>(strip, ST_FROM),
    end = load<i32>(strip, ST_END);
  const scores = <usize>load<u32>(strip, ST_SCORES),
    columns = (end - from + 7) & ~7,
    n = end - from;
  const queries = load<i32>(segment, R.SEG_QUERIES),
    keys = load<i32>(segment, R.SEG_KEYS);
  const causal = load<i32>(record, R.AT_CAUSAL) != 0,
    window = load<i32>(record, R.AT_WINDOW),
    distance = load<i32>(record, R.AT_DISTANCE);
  const relative = <usize>load<u32>(record, R.AT_RELATIVE),
    slopes = <usize>load<u32>(record, R.AT_SLOPES),
    mask = <usize>load<u32>(record, R.AT_MASK);
  const first = load<i32>(strip, ST_FIRST);
  let query = first / group,
    head = head0 + first - query * group,
    x = scores;
  for (let r = 0; r < rows; r++) {
    const position = keys - queries + query;
    if (relative) {
      addRelative(x, from, n, position, relative + ((<usize>head * (2 * distance + 1)) << 2), distance);
    }
    if (slopes) addSlope(x, from, n, slopes + ((<usize>head) << 2));
    if (mask) {
      const at =
        load<u32>(segment, R.SEG_MASK) +
        head * load<i32>(record, R.AT_MASK_HEAD) +
        query * load<i32>(record, R.AT_MASK_QUERY) +
        from;
      addRow(x, mask + ((<usize>at) << 2), n);
    }
    const seen = causal ? max(0, min(n, position + 1 - from)) : n;
    if (window) hide(x, 0, min(seen, position + 1 - window - from));
    hide(x, seen, columns);
    x += stride;
    if (++head == head0 + group) {
      head = head0;
      query++;
    }
  }
  exponentials(rows, scores, stride, columns, <usize>load<u32>(strip, ST_WEIGHTS), strip + ST_FACTORS);
}

export function softmaxStrips(record: usize, segment: usize, head0: i32, group: i32, count: i32, scratch: usize): void {
  const stride = scoreStride(count, scratch);
  for (let s = 0; s < count; s++) softmaxStrip(record, segment, head0, group, scratch + <usize>s * ST_BYTES, stride);
}

/** Columns [column0, column1) of a strip's rows of the result, and with the first the rows of the maps if they are kept. */
function writeStrip(
  record: usize,
  segment: usize,
  head0: i32,
  group: i32,
  strip: usize,
  column0: i32,
  column1: i32,
): void {
  const rows = load<i32>(strip, ST_ROWS),
    from = load<i32>(strip, ST_FROM),
    end = load<i32>(strip, ST_END),
    first = load<i32>(strip, ST_FIRST);
  const queries = load<i32>(segment, R.SEG_QUERIES),
    keys = load<i32>(segment, R.SEG_KEYS);
  const sizeV = load<i32>(record, R.AT_SIZE_V);
  const outStride = (<usize>load<u32>(record, R.AT_OUT_STRIDE)) << 2,
    step = (<usize>((sizeV + 7) & ~7)) << 2;
  let query = first / group,
    head = head0 + first - query * group;
  let row = <usize>load<u32>(record, R.AT_OUT) + <usize>(load<i32>(segment, R.SEG_QUERY) + query) * outStride,
    o = <usize>load<u32>(strip, ST_OUT),
    weights = <usize>load<u32>(strip, ST_WEIGHTS);
  const maps = <usize>load<u32>(record, R.AT_MAP);
  for (let r = 0; r < rows; r++) {
    const factor = load<f32>(strip + ((<usize>r) << 2), ST_FACTORS);
    scaleRow(o + ((<usize>column0) << 2), column1 - column0, factor, row + ((<usize>(head * sizeV + column0)) << 2));
    if (maps != 0 && column0 == 0) {
      const map = maps + ((<usize>load<u32>(segment, R.SEG_MAP) + <usize>(head * queries + query) * keys) << 2);
      memory.fill(map, 0, (<usize>from) << 2);
      scaleColumn(weights, (<usize>rows) << 2, end - from, factor, map + ((<usize>from) << 2));
      memory.fill(map + ((<usize>end) << 2), 0, (<usize>(keys - end)) << 2);
    }
    o += step;
    weights += 4;
    if (++head == head0 + group) {
      head = head0;
      query++;
      row += outStride;
    }
  }
}

// prettier-ignore
export function writeStrips(record: usize, segment: usize, head0: i32, group: i32, count: i32, scratch: usize, column0: i32, column1: i32): void {
  for (let s = 0; s < count; s++) writeStrip(record, segment, head0, group, scratch + <usize>s * ST_BYTES, column0, column1);
}

/** Bytes from one row of the scores of `count` strips to the next. */
export function scoreStride(count: i32, scratch: usize): usize {
  // later strips see later keys; 8 floats more than there are keys: rows a power of two apart would meet in one set of the cache
  const from = load<i32>(scratch, ST_FROM),
    end = load<i32>(scratch + <usize>(count - 1) * ST_BYTES, ST_END);
  return (<usize>(((end - from + 7) & ~7) + 8)) << 2;
}

/** Finds room in scratch memory for what `count` strips compute: the strips' descriptions, a tile of query rows and Q, which are
 *  there, O, then S and P of each strip. */
function place(record: usize, count: i32, scratch: usize): void {
  const oStride = (<usize>((load<i32>(record, R.AT_SIZE_V) + 7) & ~7)) << 2,
    stride = scoreStride(count, scratch),
    stripsEnd = scratch + <usize>count * ST_BYTES;
  let at =
    scratch + <usize>STRIPS * ST_BYTES + ((<usize>(6 * load<i32>(record, R.AT_SIZE_K))) << 2) * <usize>(STRIPS + 1);
  for (let strip = scratch; strip < stripsEnd; strip += ST_BYTES) {
    const rows = <usize>load<i32>(strip, ST_ROWS);
    store<u32>(strip, <u32>at, ST_OUT);
    memory.fill(at, 0, rows * oStride);
    at += rows * oStride;
  }
  for (let strip = scratch; strip < stripsEnd; strip += ST_BYTES) {
    const rows = <usize>load<i32>(strip, ST_ROWS);
    store<u32>(strip, <u32>at, ST_SCORES);
    at += rows * stride;
    store<u32>(strip, <u32>at, ST_WEIGHTS);
    at += rows * stride;
  }
}

/** Describes strips [s0, s0 + count) of `strips`, packs their queries, and finds room for what they compute. */
export function prepare(
  record: usize,
  segment: usize,
  head0: i32,
  group: i32,
  strips: i32,
  s0: i32,
  count: i32,
  scratch: usize,
): void {
  const queries = load<i32>(segment, R.SEG_QUERIES),
    keys = load<i32>(segment, R.SEG_KEYS),
    sizeK = load<i32>(record, R.AT_SIZE_K);
  const causal = load<i32>(record, R.AT_CAUSAL) != 0,
    window = load<i32>(record, R.AT_WINDOW),
    all = queries * group,
    short = all / strips;
  const qStride = (<usize>load<u32>(record, R.AT_Q_STRIDE)) << 2,
    scale = load<f32>(record, R.AT_SCALE);
  let first = s0 * short + min(s0, all - short * strips),
    query = first / group,
    head = head0 + first - query * group;
  let row = <usize>load<u32>(record, R.AT_Q) + <usize>(load<i32>(segment, R.SEG_QUERY) + query) * qStride;
  const buffer = scratch + <usize>STRIPS * ST_BYTES,
    rowBytes = (<usize>sizeK) << 2;
  let q = buffer + 6 * rowBytes;
  for (let s = 0; s < count; s++) {
    const strip = scratch + <usize>s * ST_BYTES,
      rows = stripRows(all, strips, s0 + s);
    store<i32>(strip, rows, ST_ROWS);
    store<i32>(strip, first, ST_FIRST);
    const low = window ? max(0, keys - queries + query + 1 - window) : 0;
    store<i32>(strip, low & ~7, ST_FROM);
    const single = rows == 1;
    let to = single ? q : buffer;
    for (let r = 0; r < rows; r++) {
      scaleRow(row + ((<usize>(head * sizeK)) << 2), sizeK, scale, to);
      to += rowBytes;
      if (++head == head0 + group) {
        head = head0;
        query++;
        row += qStride;
      }
    }
    const last = head == head0 ? query - 1 : query;
    store<i32>(strip, causal ? max(0, min(keys, keys - queries + last + 1)) : keys, ST_END);
    if (!single) packStrip(rows, buffer, rowBytes, sizeK, q);
    store<u32>(strip, <u32>q, ST_Q);
    q += <usize>rows * rowBytes;
    first += rows;
  }
  place(record, count, scratch);
}
