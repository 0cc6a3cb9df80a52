// Matrix product with packed weights.
//
//   C[b] = act(A[b] B[b] + bias) + residual[b]      A [M, K] rows, B packed (pack.ts), C [M, N] rows; strides of A, C and
//                                                   residual are free, so a slice of a wider row serves as either
//
//   for rows in blocks of up to 132
//     for k in passes of up to 1024
//       pack A's strips
//       for columns in blocks of 256
//         for k in blocks of 512                A's strips [132 x 512] and C [132 x 256] stay in the second-level cache
//           for panels: for strips: tile        the panel (16 KB) stays in the first-level cache
//         on the last of k: epilogue over the rows, still in cache
//
// Up to four strips, whose C is small, take one block of k a pass: their panels come in the order in which they lie in memory.
//
// Weights are mostly read from main memory, once a block of rows. So that it delivers while all the tiles compute, and not only
// during a panel's first, each tile touches its share of the panels that come next: four lines at a time, between stretches
// of k. A touch at every step costs the loop 5 % (the baseline's 15 %), all of a strip's touches before its tile stall it.
// Up to four strips take the panels from four runs by turns, and a touch is one line of each run: with one run the memory
// delivers half as much. More strips take panel after panel. Beside touches at every step or before the tile: 512x768x3072
// 55.5 GFLOP/s for 52.5, revectorised 110 for 92; a whole MiniLM held in f32 takes 6 % less time at 8 rows, 11 % at 16,
// 13 % at 64, 4 % at 128, held in f16 5 % at 8 and 64 and 2 % at 128, revectorised 25 % less at 3 and 16 rows.
//
// One or two rows have kernels of their own (rows.ts), which walk along several long runs of panels at once: the weights of a
// whole GPT-2 in 20 % less time than with neighbouring panels. Weights may be held in 16 bits (halves.ts): those kernels convert
// as they read, in 55 to 60 % of the time of f32. Of more rows the first strip converts, and leaves the panel in f32 for the others:
// beside panels converted before their first strip, a MiniLM takes 13 % less time at 5 to 8 rows, 5 % at 16, on V8 11 20 % and 8 %,
// a GPT-2 10 % at 4 rows, 13 % at 8. Tiles of 16 columns, whose pairs of vectors such a mixture would break up, and rows too
// large to be scaled for f16 have theirs converted before.
//
// Order: each element is one multiply-add chain, from the bias (or zero), k ascending; blocks of k resume from C. So
// neither the tile, nor the number of rows, nor the thread count can change a result.
// Error: |C - exact| <= K u (|A| |B| + |bias|), u = 2^-24 (fused) or twice that (baseline); in tests 3e-7 sqrt(K) relative
// to the row and column norms.
// Threads: by batch where there are many, else by panels of 8 columns, else by rows.
// Speed: 94-97 % of a loop of registers only, at K = 384 and more (bench/); 82 to 88 % on a Xeon (Skylake), which takes in four
// instructions a cycle. Passes of two blocks of k: 1 to 2 % there at 512 rows and more, beside all columns for each block.
import {
  ACT_NONE,
  MM_A,
  MM_ACT,
  MM_A_BATCH,
  MM_A_STRIDE,
  MM_B,
  MM_BATCH,
  MM_BIAS,
  MM_B_BATCH,
  MM_C,
  MM_C_BATCH,
  MM_C_STRIDE,
  MM_K,
  MM_M,
  MM_N,
  MM_RESIDUAL,
  MM_R_BATCH,
  MM_R_STRIDE,
  MM_TYPE,
  TYPE_F16,
  TYPE_F32,
} from '../abi/records';
import { C_CODE_SCALE, C_NO_TOUCHES, C_ONE } from '../abi/constants';
import { CTL_TILE_PANELS, CTL_TILE_ROWS, K_BLOCK, K_PASS, ROW_BLOCK, ZEROS } from '../abi/layout';
import { activateRow, addRow, scaleRow } from './elementwise';
import { loadPart } from '../simd';
import { packStrip, stripCount, stripRows } from './strips';
import { convertPanel, multiplyRows, panelsAtOnce } from './rows';
import { TOUCH_STEP, TOUCH_STRETCH, convertAndMultiply8, multiply16, multiply8 } from './tile';

/** Panels between two epilogues: C is still in the second-level cache then. */
const PANEL_BLOCK = 32;
/** Of an edge tile, or of a touch list. */
const TILE_BYTES = 256;
/** Up to so many strips, memory is the tighter limit: panels are taken from four runs. */
const FEW_STRIPS = 4;
/** The most rows that kernels of their own take. */
const FEW = 2;
/** From here on an f32 times 2^102 may be infinite. */
const SCALED_LIMIT: f32 = 67108864;

/** The last panel of a matrix whose width is no multiple of 8: through a tile of its own in scratch. */
function edge(
  rows: i32,
  a: usize,
  b: usize,
  kc: i32,
  init: usize,
  initStride: usize,
  c: usize,
  stride: usize,
  width: i32,
  tile: usize,
): void {
  if (initStride != 0) {
    // resume: C's row ends inside the tile, so nothing may be read beyond it
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < width; j++)
        store<f32>(tile + (r << 5) + (j << 2), load<f32>(c + <usize>r * stride + (j << 2)));
      for (let j = width; j < 8; j++) store<f32>(tile + (r << 5) + (j << 2), 0);
    }
    init = tile;
    initStride = 32;
  }
  multiply8(rows, a, b, kc, init, initStride, tile, 32, C_NO_TOUCHES, 0);
  for (let r = 0; r < rows; r++) {
    for (let j = 0; j < width; j++) store<f32>(c + <usize>r * stride + (j << 2), load<f32>(tile + (r << 5) + (j << 2)));
  }
}

/** Whether n floats may be multiplied by 2^102. */
function areSmall(x: usize, n: i32): bool {
  const limit = f32x4.splat(SCALED_LIMIT),
    end4 = x + ((<usize>(n & ~3)) << 2);
  let within = f32x4.eq(limit, limit);
  for (; x < end4; x += 16) within = v128.and(within, f32x4.lt(f32x4.abs(v128.load(x)), limit));
  if (n & 3) within = v128.and(within, f32x4.lt(f32x4.abs(loadPart(x, n & 3)), limit));
  return i32x4.all_true(within);
}

/** Few rows, in strips of one or of two, times the panels [from, to), cut into as many runs as the kernel takes panels at a time: it
 *  walks along all of them at once. The first strip brings the panels into the cache for the others. Gives the first panel that
 *  is left. */
function fewRows(
  rows: i32,
  strips: i32,
  type: i32,
  a: usize,
  b: usize,
  panel: usize,
  kc: i32,
  bias: usize,
  resume: bool,
  c: usize,
  stride: usize,
  from: i32,
  to: i32,
): i32 {
  const height = rows / strips,
    runs = panelsAtOnce(height, type),
    length = (to - from) / runs;
  const apart = <usize>length * panel,
    cApart = (<usize>length) << 5;
  const initStride = resume ? stride : 0,
    initApart = resume || bias != 0 ? cApart : 0;
  let w = b + <usize>from * panel,
    at = (<usize>from) << 5;
  for (let i = 0; i < length; i++) {
    let aStrip = a,
      cStrip = c + at;
    for (let s = 0; s < strips; s++) {
      const init = resume ? cStrip : bias ? bias + at : ZEROS;
      multiplyRows(height, type, aStrip, w, apart, kc, init, initStride, initApart, cStrip, stride, cApart);
      aStrip += (<usize>(height * kc)) << 2;
      cStrip += <usize>height * stride;
    }
    w += panel;
    at += 32;
  }
  return from + length * runs;
}

/** Activation and residual over finished rows [row, row + rows) x columns [j0, j1) of C. */
function epilogue(
  act: i32,
  c: usize,
  cStride: usize,
  residual: usize,
  rStride: usize,
  row: i32,
  rows: i32,
  j0: i32,
  j1: i32,
): void {
  let x = c + <usize>row * cStride + ((<usize>j0) << 2),
    y = residual + <usize>row * rStride + ((<usize>j0) << 2);
  for (let r = 0; r < rows; r++) {
    if (act != ACT_NONE) activateRow(act, x, x, j1 - j0);
    if (residual) addRow(x, y, j1 - j0);
    x += cStride;
    y += rStride;
  }
}

/** Packed rows (a block of A, `strips` strips) times panels of a block of B, from panel `from` on: `runs` runs of `length` groups
 *  of `columns` panels, which take turns. Meanwhile the tiles touch the groups of the next turn, a share each. `scale`: C_ONE, also
 *  where f16 takes its rows times 2^102, or C_CODE_SCALE where that would be too much. */
function walk(
  rows: i32,
  strips: i32,
  type: i32,
  a: usize,
  b: usize,
  panel: usize,
  bEnd: usize,
  kc: i32,
  bias: usize,
  resume: bool,
  c: usize,
  stride: usize,
  from: i32,
  runs: i32,
  length: i32,
  columns: i32,
  touches: usize,
  converted: usize,
  scale: usize,
): void {
  const full = (<usize>kc) << 5,
    group = <usize>columns * panel,
    apart = <usize>length * group,
    cApart = (<usize>(length * columns)) << 5,
    step = resume ? stride : 0;
  // four lines at a time: one of each run, or four neighbours of the only one
  const spacing = runs > 1 ? apart : 64,
    move: usize = runs > 1 ? 64 : 256,
    times = <i32>(group >> 6) / (4 * strips) + 1, // a tile
    stretch = max(1, kc / times),
    reach = <usize>((kc - 1) / stretch) * move + 3 * spacing + 4;
  // divided once: to divide takes as long as four steps of k
  const short = rows / strips,
    taller = rows - short * strips;
  const isFused = columns == 1 && rows > FEW && scale == C_ONE && type != TYPE_F32;
  store<u32>(touches, <u32>move, TOUCH_STEP);
  store<u32>(touches, (<u32>stretch) << 5, TOUCH_STRETCH);
  let turn = b + <usize>from * panel;
  for (let i = 0; i < length; i++) {
    const next = turn + group + (i + 1 < length ? 0 : <usize>(runs - 1) * apart);
    for (let n: usize = 0; n < 4; n++) store<u32>(touches + (n << 2), <u32>(next + n * spacing));
    let raw = turn,
      at = (<usize>(from + i * columns)) << 5,
      offset: usize = 0;
    for (let run = 0; run < runs; run++) {
      const bPanel = type == TYPE_F32 ? raw : converted;
      if (type != TYPE_F32 && !isFused) convertPanel(type, raw, kc * columns, converted, scale);
      let aStrip = a,
        cStrip = c + at;
      for (let s = 0; s < strips; s++) {
        const height = s < taller ? short + 1 : short,
          init = resume ? cStrip : bias ? bias + at : ZEROS;
        const ahead = next + offset + reach <= bEnd ? touches : C_NO_TOUCHES;
        if (columns == 2) multiply16(height, aStrip, bPanel, full, kc, init, step, cStrip, stride, ahead, offset);
        else if (isFused && s == 0)
          convertAndMultiply8(height, type, aStrip, raw, converted, kc, init, step, cStrip, stride, ahead, offset);
        else multiply8(height, aStrip, bPanel, kc, init, step, cStrip, stride, ahead, offset);
        aStrip += (<usize>(height * kc)) << 2;
        cStrip += <usize>height * stride;
        offset += <usize>times * move;
      }
      raw += apart;
      at += cApart;
    }
    turn += group;
  }
}

/** Packed rows times panels [from, to) of a block of B. `scale` as for walk. */
function panels(
  rows: i32,
  strips: i32,
  type: i32,
  a: usize,
  b: usize,
  bEnd: usize,
  kc: i32,
  bias: usize,
  resume: bool,
  c: usize,
  stride: usize,
  from: i32,
  to: i32,
  width: i32,
  wide: bool,
  tile: usize,
  scale: usize,
): void {
  const panel = (<usize>kc) << (type == TYPE_F32 ? 5 : 4),
    whole = min(to, width >> 3),
    converted = tile + TILE_BYTES;
  let j = from;
  if (rows <= FEW && scale == C_ONE)
    j = fewRows(rows, strips, type, a, b, panel, kc, bias, resume, c, stride, from, whole);
  while (j < whole) {
    const columns = wide && rows >= 3 * strips ? min(2, whole - j) : 1,
      groups = (whole - j) / columns,
      runs = strips <= FEW_STRIPS && groups >= 4 ? 4 : 1,
      length = groups / runs;
    walk(
      rows,
      strips,
      type,
      a,
      b,
      panel,
      bEnd,
      kc,
      bias,
      resume,
      c,
      stride,
      j,
      runs,
      length,
      columns,
      tile,
      converted,
      scale,
    );
    j += runs * length * columns;
  }
  if (j < to) {
    const at = (<usize>j) << 5,
      step = resume ? stride : 0;
    let bPanel = b + <usize>j * panel;
    if (type != TYPE_F32) {
      convertPanel(type, bPanel, kc, converted, scale);
      bPanel = converted;
    }
    let aStrip = a,
      cStrip = c + at;
    for (let s = 0; s < strips; s++) {
      const height = stripRows(rows, strips, s);
      edge(height, aStrip, bPanel, kc, bias ? bias + at : ZEROS, step, cStrip, stride, width & 7, tile);
      aStrip += (<usize>(height * kc)) << 2;
      cStrip += <usize>height * stride;
    }
  }
}

/** Rows [row0, row1) x panels [panel0, panel1) of one product. */
function product(record: usize, batch: i32, row0: i32, row1: i32, panel0: i32, panel1: i32, scratch: usize): void {
  const n = load<i32>(record, MM_N),
    depth = load<i32>(record, MM_K);
  const aStride = (<usize>load<u32>(record, MM_A_STRIDE)) << 2,
    cStride = (<usize>load<u32>(record, MM_C_STRIDE)) << 2;
  const rStride = (<usize>load<u32>(record, MM_R_STRIDE)) << 2;
  const a = <usize>load<u32>(record, MM_A) + ((<usize>batch * load<u32>(record, MM_A_BATCH)) << 2);
  const b = <usize>load<u32>(record, MM_B) + ((<usize>batch * load<u32>(record, MM_B_BATCH)) << 2);
  const c = <usize>load<u32>(record, MM_C) + ((<usize>batch * load<u32>(record, MM_C_BATCH)) << 2);
  let residual = <usize>load<u32>(record, MM_RESIDUAL);
  if (residual) residual += (<usize>batch * load<u32>(record, MM_R_BATCH)) << 2;
  const bias = <usize>load<u32>(record, MM_BIAS),
    act = load<i32>(record, MM_ACT);
  const tileRows = load<i32>(CTL_TILE_ROWS),
    wide = load<i32>(CTL_TILE_PANELS) == 2;
  const type = load<i32>(record, MM_TYPE),
    shift: usize = type == TYPE_F32 ? 2 : 1;
  // Up to FEW rows, memory is the limit: they have kernels of their own, which take `tall` rows at a time, of 16-bit weights one
  // where the compiler keeps no more than 4 rows of a tile in registers.
  const tall = type == TYPE_F32 || tileRows > 4 ? 2 : 1;
  const columns8 = (n + 7) & ~7;
  const bEnd = b + ((<usize>depth * columns8) << shift);
  // scratch: one edge tile, two panels converted to f32 if need be, the packed block of A
  const tile = scratch;
  let packed = scratch + TILE_BYTES,
    scale = C_ONE;
  if (type != TYPE_F32) packed += (<usize>min(K_BLOCK, depth)) << 6;

  const blocks = (row1 - row0 + ROW_BLOCK - 1) / ROW_BLOCK;
  let first = row0;
  for (let block = 0; block < blocks; block++) {
    const rows = stripRows(row1 - row0, blocks, block),
      isFew = rows <= FEW,
      strips = stripCount(rows, isFew ? tall : tileRows),
      reach = strips <= FEW_STRIPS ? K_BLOCK : K_PASS;
    for (let pass = 0; pass < depth; pass += reach) {
      const passEnd = min(depth, pass + reach);
      let to = packed;
      for (let k0 = pass; k0 < passEnd; k0 += K_BLOCK) {
        const kc = min(K_BLOCK, depth - k0);
        let from = a + <usize>first * aStride + (k0 << 2);
        for (let s = 0; s < strips; s++) {
          const height = stripRows(rows, strips, s);
          packStrip(height, from, aStride, kc, to);
          from += <usize>height * aStride;
          to += (<usize>(height * kc)) << 2;
        }
      }
      if (type == TYPE_F16) {
        const floats = rows * (passEnd - pass);
        scale = (isFew || !wide) && areSmall(packed, floats) ? C_ONE : C_CODE_SCALE;
        if (scale == C_ONE) scaleRow(packed, floats, load<f32>(C_CODE_SCALE), packed);
      }
      // long runs for few rows, whose C is small
      const columns = isFew ? panel1 - panel0 : PANEL_BLOCK;
      for (let j0 = panel0; j0 < panel1; j0 += columns) {
        const j1 = min(panel1, j0 + columns);
        for (let k0 = pass; k0 < passEnd; k0 += K_BLOCK) {
          panels(
            rows,
            strips,
            type,
            packed + ((<usize>(rows * (k0 - pass))) << 2),
            b + ((<usize>k0 * columns8) << shift),
            bEnd,
            min(K_BLOCK, depth - k0),
            bias,
            k0 > 0,
            c + <usize>first * cStride,
            cStride,
            j0,
            j1,
            n,
            wide,
            tile,
            scale,
          );
        }
        if (passEnd == depth && (act != ACT_NONE || residual != 0)) {
          epilogue(act, c, cStride, residual, rStride, first, rows, j0 << 3, min(j1 << 3, n));
        }
      }
    }
    first += rows;
  }
}

export function matmul(record: usize, ith: i32, nth: i32, scratch: usize): void {
  const batches = load<i32>(record, MM_BATCH),
    rows = load<i32>(<usize>load<u32>(record, MM_M));
  const panels = (load<i32>(record, MM_N) + 7) >> 3;
  let batch0 = 0,
    batch1 = batches,
    row0 = 0,
    row1 = rows,
    panel0 = 0,
    panel1 = panels;
  if (batches >= 2 * nth) {
    batch0 = (batches * ith) / nth;
    batch1 = (batches * (ith + 1)) / nth;
  } else if (panels >= 2 * nth) {
    panel0 = (panels * ith) / nth;
    panel1 = (panels * (ith + 1)) / nth;
  } else {
    row0 = (rows * ith) / nth;
    row1 = (rows * (ith + 1)) / nth;
  }
  if (row0 == row1 || panel0 == panel1) return;
  for (let batch = batch0; batch < batch1; batch++) product(record, batch, row0, row1, panel0, panel1, scratch);
}
