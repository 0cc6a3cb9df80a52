// Embedding rows from plain and packed tables; conversion of storage types.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { bfloat16Value, halfValue, packWeight } from '../reference/layout';
import { Random } from '../support/numbers';
import { BUILDS, Raw, type Output } from '../support/raw';

describe.each(BUILDS)('gather, %s', (build) => {
  const raw = new Raw(build);

  interface Options {
    add?: number;
    packed?: number;
    out?: Output;
    scale?: number;
  }

  function run(
    table: Float32Array,
    ids: number[],
    d: number,
    { add = 0, packed = 0, out = raw.output(ids.length * d), scale = 1 }: Options,
  ): Float32Array {
    const fields = {
      [R.GA_TABLE]: raw.input(table),
      [R.GA_IDS]: raw.ints(ids),
      [R.GA_OUT]: out.address,
      [R.GA_ROWS]: raw.cell(ids.length),
      [R.GA_D]: d,
      [R.GA_ADD]: add,
      [R.GA_PACKED]: packed,
    };
    return raw.runShares({ op: R.OP_GATHER, size: R.GA_SIZE, fields, floats: { [R.GA_SCALE]: scale } }, out);
  }

  it.each([
    [1, 1],
    [5, 3],
    [8, 4],
    [9, 5],
    [17, 7],
    [13, 8],
    [20, 511],
    [11, 512],
    [11, 257],
    [9, 300],
    [7, 515],
  ])('table of %d rows of %d', (rows, d) => {
    const random = new Random(rows * d);
    const table = random.normal(rows * d);
    for (const count of [1, 5, 8]) {
      const ids = Array.from({ length: count }, (_, i) => (i === 0 ? rows - 1 : random.below(rows)));
      const add = random.normal(count * d);
      const plain = Float32Array.from(add, (_, i) => table[ids[Math.floor(i / d)] * d + (i % d)]);
      const summed = plain.map((value, i) => value + add[i]);
      const packed = packWeight(table, rows, d);
      raw.reset();
      expect(run(table, ids, d, {})).toEqual(plain);
      expect(run(table, ids, d, { add: raw.input(add) })).toEqual(summed);
      expect(run(packed, ids, d, { packed: rows })).toEqual(plain);
      expect(run(packed, ids, d, { packed: rows, add: raw.input(add) })).toEqual(summed);
      const out = raw.inPlace(add);
      expect(run(packed, ids, d, { packed: rows, add: out.address, out })).toEqual(summed);
      const scale = Math.fround(Math.sqrt(d + 1));
      const scaled = plain.map((value) => value * scale);
      const both = scaled.map((value, i) => value + add[i]);
      expect(run(table, ids, d, { scale })).toEqual(scaled);
      expect(run(table, ids, d, { scale, add: raw.input(add) })).toEqual(both);
      expect(run(packed, ids, d, { packed: rows, scale })).toEqual(scaled);
      expect(run(packed, ids, d, { packed: rows, scale, add: raw.input(add) })).toEqual(both);
    }
  });

  it('no rows', () => {
    raw.reset();
    expect(run(new Float32Array(8), [], 4, {})).toEqual(new Float32Array());
  });
});

describe.each(BUILDS)('convert, %s', (build) => {
  const raw = new Raw(build);

  function run(type: number, data: Uint8Array, count: number, offset: number): Float32Array {
    raw.reset();
    const out = raw.output(count);
    const fields = {
      [R.CV_SRC]: raw.bytes(data, offset),
      [R.CV_DST]: out.address,
      [R.CV_COUNT]: count,
      [R.CV_TYPE]: type,
    };
    return raw.runShares({ op: R.OP_CONVERT, size: R.CV_SIZE, fields }, out);
  }

  const all = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);

  it('every f16', () => {
    expect(run(R.TYPE_F16, all, 65536, 0)).toEqual(Float32Array.from({ length: 65536 }, (_, i) => halfValue(i)));
  });

  it('every bf16', () => {
    expect(run(R.TYPE_BF16, all, 65536, 0)).toEqual(Float32Array.from({ length: 65536 }, (_, i) => bfloat16Value(i)));
  });

  it.each([0, 1, 2, 3, 5, 7, 15, 16, 17, 33, 101])('any count (%d), at any address', (count) => {
    for (const offset of [0, 1, 2]) {
      // from 0x3f00 on: values around one in both types
      const halves = all.slice(0x7e00, 0x7e00 + 2 * count);
      expect(run(R.TYPE_F16, halves, count, offset)).toEqual(
        Float32Array.from({ length: count }, (_, i) => halfValue(0x3f00 + i)),
      );
      expect(run(R.TYPE_BF16, halves, count, offset)).toEqual(
        Float32Array.from({ length: count }, (_, i) => bfloat16Value(0x3f00 + i)),
      );
      const floats = new Random(count + 1).normal(count);
      expect(run(R.TYPE_F32, new Uint8Array(floats.buffer), count, offset)).toEqual(floats);
    }
  });
});
