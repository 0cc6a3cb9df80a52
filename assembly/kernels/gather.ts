// Rows of a table by id: embeddings.
//
//   out[r] = table[ids[r]] * scale (+ add[r])        table [ids, d], ids i32 [rows], add and out [rows, d]; add may be out
//
// The table may also be packed as a matmul's weight (kernels/pack.ts), so that an embedding that is the output layer
// too is held once: element (id, k) is in row k % K_BLOCK of the panel of 8 columns id / 8 of its block.
//
// Plain rows and packed ones may be held in 16 bits (kernels/halves.ts).
//
// Error: a copy is exact (scale 1 changes no bit), a multiplication and an addition round once each. Ids are checked by
// the caller. Threads: by rows.
import { K_BLOCK } from '../abi/layout';
import * as R from '../abi/records';
import { shareStart } from '../share';
import { loadPart, storePart } from '../simd';
import { scaleRow } from './elementwise';
import { decode } from './halves';
import { halfColumn } from './pack';

/** out = x * scale + add over d floats. */
function plainRow(x: usize, add: usize, out: usize, d: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  const end4 = x + ((<usize>(d & ~3)) << 2);
  const rest = d & 3;
  for (; x < end4; x += 16, add += 16, out += 16)
    v128.store(out, f32x4.add(f32x4.mul(v128.load(x), factor), v128.load(add)));
  if (rest) storePart(out, f32x4.add(f32x4.mul(loadPart(x, rest), factor), loadPart(add, rest)), rest);
}

/** `count` floats that are 32 bytes apart, times `scale`, plus `add` if there is one, to neighbouring places. */
function packedRun(x: usize, add: usize, out: usize, count: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  const end4 = x + ((<usize>(count & ~3)) << 5);
  for (; x < end4; x += 128, out += 16) {
    let y = v128.load32_zero(x);
    y = v128.load32_lane(x, y, 1, 32);
    y = v128.load32_lane(x, y, 2, 64);
    y = f32x4.mul(v128.load32_lane(x, y, 3, 96), factor);
    if (add != 0) {
      y = f32x4.add(y, v128.load(add));
      add += 16;
    }
    v128.store(out, y);
  }
  const end = x + ((<usize>(count & 3)) << 5);
  for (; x < end; x += 32, out += 4) {
    let y = load<f32>(x) * scale;
    if (add != 0) {
      y += load<f32>(add);
      add += 4;
    }
    store<f32>(out, y);
  }
}

/** `count` values held in 16 bits, `step` bytes apart, times `scale`, plus `add` if there is one, to neighbouring places. */
function halfRun(x: usize, step: usize, type: i32, add: usize, out: usize, count: i32, scale: f32): void {
  for (const end = out + ((<usize>count) << 2); out < end; x += step, out += 4) {
    let y = decode(type, load<u16>(x)) * scale;
    if (add != 0) {
      y += load<f32>(add);
      add += 4;
    }
    store<f32>(out, y);
  }
}

/** Row `id` of a packed table of `columns` rows and d columns, as plainRow has it. */
function packedRow(table: usize, type: i32, id: i32, columns: i32, add: usize, out: usize, d: i32, scale: f32): void {
  const padded = (columns + 7) & ~7,
    shift: usize = type == R.TYPE_F32 ? 2 : 1;
  let block = table;
  for (let k = 0; k < d; k += K_BLOCK) {
    const size = min(K_BLOCK, d - k);
    const panel = (<usize>(id >> 3) * size) << 3;
    if (type == R.TYPE_F32) packedRun(block + ((panel + (id & 7)) << 2), add, out, size, scale);
    else halfRun(block + (panel << 1) + halfColumn(id), 16, type, add, out, size, scale);
    block += (<usize>size * padded) << shift;
    out += K_BLOCK * 4;
    if (add != 0) add += K_BLOCK * 4;
  }
}

export function gatherRows(record: usize, ith: i32, nth: i32): void {
  const table = <usize>load<u32>(record, R.GA_TABLE),
    ids = <usize>load<u32>(record, R.GA_IDS);
  const rows = load<i32>(<usize>load<u32>(record, R.GA_ROWS)),
    d = load<i32>(record, R.GA_D);
  const columns = load<i32>(record, R.GA_PACKED),
    type = load<i32>(record, R.GA_TYPE);
  const scale = load<f32>(record, R.GA_SCALE);
  const from = shareStart(rows, ith, nth),
    to = shareStart(rows, ith + 1, nth);
  const size = (<usize>d) << 2;
  let out = <usize>load<u32>(record, R.GA_OUT) + <usize>from * size;
  let add = <usize>load<u32>(record, R.GA_ADD);
  const step = add != 0 ? size : 0;
  add += <usize>from * step;
  for (let r = from; r < to; r++, out += size, add += step) {
    const id = load<i32>(ids + ((<usize>r) << 2));
    if (columns != 0) packedRow(table, type, id, columns, add, out, d, scale);
    else if (type != R.TYPE_F32) halfRun(table + <usize>id * (size >> 1), 2, type, add, out, d, scale);
    else if (step != 0) plainRow(table + <usize>id * size, add, out, d, scale);
    else if (scale != 1) scaleRow(table + <usize>id * size, d, scale, out);
    else memory.copy(out, table + <usize>id * size, size);
  }
}
