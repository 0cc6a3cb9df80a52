// Weights held in 16 bits: what they are rounded to, and products and embeddings, which must have the bits that they have with
// the same weights as f32.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { bfloat16Value, halfValue, heldHalf, packWeight } from '../reference/layout';
import { matmul } from '../reference/matmul';
import { expectWithin, Random } from '../support/numbers';
import { BUILDS, firstDifference, Raw, type Output } from '../support/raw';

/** f32 bits, and the bits that numpy's astype(float16) and torch's to(bfloat16) make of them. */
// prettier-ignore
const ROUNDED = [
  [0x00000000, 0x0000, 0x0000], [0x80000000, 0x8000, 0x8000], [0x3f800000, 0x3c00, 0x3f80], [0xbf800000, 0xbc00, 0xbf80], [0x42ffcccd, 0x57fe, 0x4300],
  [0xc2ffcccd, 0xd7fe, 0xc300], [0x42ffeb85, 0x57ff, 0x4300], [0x427ffefa, 0x5400, 0x4280], [0x33800000, 0x0001, 0x3380], [0x33000000, 0x0000, 0x3300],
  [0x33000347, 0x0001, 0x3300], [0x33c00000, 0x0002, 0x33c0], [0xb3c00000, 0x8002, 0xb3c0], [0x38800000, 0x0400, 0x3880], [0x387fe000, 0x0400, 0x3880],
  [0x387fc000, 0x03ff, 0x3880], [0x3f801000, 0x3c00, 0x3f80], [0x3f803000, 0x3c02, 0x3f80], [0x3f801001, 0x3c01, 0x3f80],
  [0xbf801000, 0xbc00, 0xbf80], [0x42821000, 0x5410, 0x4282], [0x3dcccccd, 0x2e66, 0x3dcd], [0x3727c5ac, 0x00a8, 0x3728], [0xb649539c, 0x8032, 0xb649],
  [0x322bcc77, 0x0000, 0x322c], [0x0da24260, 0x0000, 0x0da2], [0x00000001, 0x0000, 0x0000], [0x80000001, 0x8000, 0x8000], [0x40490fdb, 0x4248, 0x4049],
  [0x3880fdae, 0x0408, 0x3881], [0x3c74bb7b, 0x23a6, 0x3c75], [0xbc6092e0, 0xa305, 0xbc61], [0xbd3664a9, 0xa9b3, 0xbd36], [0xbcba3bb0, 0xa5d2, 0xbcba],
  [0xbd4b16d7, 0xaa59, 0xbd4b], [0x3b45141c, 0x1a29, 0x3b45], [0x3d893cf0, 0x2c4a, 0x3d89], [0xbcc99b98, 0xa64d, 0xbcca], [0xbcfe2582, 0xa7f1, 0xbcfe],
  [0x36a45d1d, 0x0052, 0x36a4], [0x366f80b9, 0x003c, 0x3670], [0x358d7c0f, 0x0012, 0x358d], [0xb71c1b4c, 0x809c, 0xb71c], [0xb49d0b66, 0x8005, 0xb49d],
  [0x36e94e17, 0x0075, 0x36e9], [0x42fbb6d2, 0x57de, 0x42fc], [0x4294ac19, 0x54a5, 0x4295], [0x41f844a8, 0x4fc2, 0x41f8], [0x42f8644a, 0x57c3, 0x42f8],
] as const;

const TYPES = [
  ['f16', R.TYPE_F16, halfValue],
  ['bf16', R.TYPE_BF16, bfloat16Value],
] as const;

const bytesOf = (halves: ArrayLike<number>): Uint8Array => new Uint8Array(Uint16Array.from(halves).buffer);

describe.each(BUILDS)('weights in 16 bits, %s', (build) => {
  const raw = new Raw(build);

  /** Converts elements of a file to what they are held in. */
  function convert(type: number, data: Uint8Array, count: number, held: number): { codes: number[]; unheld: boolean } {
    raw.reset();
    const out = raw.output(Math.ceil(count / 2));
    const fields = {
      [R.CV_SRC]: raw.bytes(data),
      [R.CV_DST]: out.address,
      [R.CV_COUNT]: count,
      [R.CV_TYPE]: type,
      [R.CV_TO]: held,
    };
    raw.runShares({ op: R.OP_CONVERT, size: R.CV_SIZE, fields }, out);
    return { codes: raw.readHalves(out).slice(0, count), unheld: raw.field(R.CV_UNHELD) !== 0 };
  }

  /** Packs halves [n, k] as they are held. */
  function packed(type: number, halves: ArrayLike<number>, n: number, k: number): { out: Output; unheld: boolean } {
    const out = raw.output((Math.ceil(n / 8) * 8 * k) / 2);
    const fields = {
      [R.PK_SRC]: raw.bytes(bytesOf(halves)),
      [R.PK_TYPE]: type,
      [R.PK_SN]: k * 2,
      [R.PK_SK]: 2,
      [R.PK_N]: n,
      [R.PK_K]: k,
      [R.PK_DST]: out.address,
      [R.PK_N_TOTAL]: n,
      [R.PK_K_TOTAL]: k,
      [R.PK_BATCH]: 1,
      [R.PK_TO]: type,
    };
    raw.runShares({ op: R.OP_PACK, size: R.PK_SIZE, fields }, out);
    return { out, unheld: raw.field(R.PK_UNHELD) !== 0 };
  }

  it('rounds f32 as numpy and torch do', () => {
    const data = new Uint8Array(Uint32Array.from(ROUNDED, ([bits]) => bits).buffer);
    expect(convert(R.TYPE_F32, data, ROUNDED.length, R.TYPE_F16)).toEqual({
      codes: ROUNDED.map(([, half]) => heldHalf(half)),
      unheld: false,
    });
    expect(convert(R.TYPE_F32, data, ROUNDED.length, R.TYPE_BF16)).toEqual({
      codes: ROUNDED.map(([, , half]) => half),
      unheld: false,
    });
  });

  it('holds every f16 below 128, and tells of others', () => {
    const all = Array.from({ length: 65536 }, (_, i) => i);
    const below = all.filter((bits) => Math.abs(halfValue(bits)) < 128);
    expect(convert(R.TYPE_F16, bytesOf(below), below.length, R.TYPE_F16)).toEqual({
      codes: below.map(heldHalf),
      unheld: false,
    });
    for (const bits of [0x5800, 0xd800, 0x7bff, 0x7c00, 0xfc00, 0x7e00]) {
      const tensor = new Array<number>(40).fill(0x3c00);
      tensor[39] = bits;
      expect(convert(R.TYPE_F16, bytesOf(tensor), 40, R.TYPE_F16).unheld).toBe(true);
      raw.reset();
      expect(packed(R.TYPE_F16, tensor, 8, 5).unheld).toBe(true);
    }
    const rounds = new Uint8Array(Float32Array.of(1, 127.97).buffer);
    expect(convert(R.TYPE_F32, rounds, 2, R.TYPE_F16).unheld).toBe(true);
  });

  it('holds every bf16', () => {
    const all = Array.from({ length: 65536 }, (_, i) => i);
    const { codes, unheld } = convert(R.TYPE_BF16, bytesOf(all), 65536, R.TYPE_BF16);
    expect(unheld).toBe(false);
    const wrong = all.filter((bits) =>
      Number.isNaN(bfloat16Value(bits)) ? !Number.isNaN(bfloat16Value(codes[bits])) : codes[bits] !== bits,
    );
    expect(wrong).toEqual([]);
    const nan = new Uint8Array(Uint32Array.of(0x7fffffff, 0x7f800001).buffer);
    expect(convert(R.TYPE_F32, nan, 2, R.TYPE_BF16).codes.map((bits) => Number.isNaN(bfloat16Value(bits)))).toEqual([
      true,
      true,
    ]);
  });

  describe.each(TYPES)('products with %s', (_, type, valueOf) => {
    /** Halves around `size`, with zeros of both signs and the smallest subnormals among them. */
    function halves(random: Random, count: number): number[] {
      return Array.from({ length: count }, (_, i) => {
        if (i % 11 === 3) return [0, 0x8000, 1, 0x8001, 0x3ff, 0x57ff, 0xd7fe][random.below(7)];
        const exponent = type === R.TYPE_F16 ? 5 + random.below(12) : 110 + random.below(20);
        const shift = type === R.TYPE_F16 ? 10 : 7;
        return (random.below(2) << 15) | (exponent << shift) | random.below(1 << shift);
      });
    }

    function check(m: number, n: number, k: number, a?: Float32Array, exact = true): void {
      const random = new Random(m * 1009 + n * 31 + k);
      const stored = halves(random, n * k);
      const weight = Float32Array.from(stored, valueOf);
      const rows = a ?? random.normal(m * k);
      const bias = random.normal(n);
      raw.reset();
      const { out: held, unheld } = packed(type, stored, n, k);
      expect(unheld).toBe(false);
      const plain = raw.input(packWeight(weight, n, k));
      raw.scratch(256 + (Math.min(132, m) * Math.min(1024, k) + 16 * Math.min(512, k)) * 4);
      const out = raw.output(m * n);
      const product = (b: number, held: number): Float32Array => {
        const fields = {
          [R.MM_A]: aAddress,
          [R.MM_A_STRIDE]: k,
          [R.MM_B]: b,
          [R.MM_TYPE]: held,
          [R.MM_C]: out.address,
          [R.MM_C_STRIDE]: n,
          [R.MM_M]: cell,
          [R.MM_N]: n,
          [R.MM_K]: k,
          [R.MM_BATCH]: 1,
          [R.MM_BIAS]: biasAddress,
        };
        return raw.runShares({ op: R.OP_MATMUL, size: R.MM_SIZE, fields }, out);
      };
      const aAddress = raw.input(rows);
      const cell = raw.cell(m);
      const biasAddress = n % 3 === 1 ? 0 : raw.input([...bias, ...new Array<number>((8 - (n % 8)) % 8).fill(0)]);
      const expected = product(plain, R.TYPE_F32);
      const actual = product(held.address, type);
      expect(firstDifference(actual, expected), `${m} x ${k} x ${n}`).toBe(-1);
      if (!exact) return;
      const reference = matmul({ m, n, k, a: rows, weight, bias: biasAddress ? bias : undefined });
      const unit = 2 ** -24 * (build.startsWith('relaxed') ? 1 : 2);
      expectWithin(actual, reference.out, (i) => (k + 2) * (unit * reference.sizes[i] + 2 ** -149));
    }

    /** With every register tile, which also says how many rows of 16-bit weights are taken at a time. */
    function withTiles(run: () => void): void {
      for (const [rows, panels] of [
        [4, 1],
        [5, 1],
        [6, 1],
        [6, 2],
      ]) {
        raw.setTile(rows, panels);
        run();
      }
      raw.setTile(4, 1);
    }

    it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 13])('%d rows', (m) => {
      withTiles(() => {
        for (let n = 1; n <= 17; n++) check(m, n, 5);
        for (const n of [24, 49, 103]) check(m, n, 37);
      });
    });

    it.each([1, 2, 511, 512, 513, 1030])('depth %d', (k) => {
      withTiles(() => {
        for (const [m, n] of [
          [1, 1],
          [1, 55],
          [2, 17],
          [2, 50],
          [3, 33],
          [4, 50],
          [7, 9],
        ])
          check(m, n, k);
      });
    });

    it.each([132, 133])('%d rows', (m) => check(m, 27, 21));

    it('more rows than take one block of k at a time', () => {
      withTiles(() => check(37, 270, 1543, undefined, false));
    });

    it.each([2 ** -149, 2 ** 25, 2 ** 26, 2 ** 27, 1e30, 3e38, Infinity, NaN])('a row with %d', (value) => {
      withTiles(() => {
        for (const m of [1, 2, 3, 4, 5, 6, 13]) {
          const a = new Random(m).normal(m * 40);
          a[m * 40 - 7] = value;
          check(m, 53, 40, a, false);
        }
        // in the second block of k alone
        const deep = new Random(3).normal(7 * 520);
        deep[2 * 520 - 1] = value;
        check(7, 9, 520, deep, false);
      });
    });

    it('embeddings', () => {
      for (const [n, d] of [
        [1, 1],
        [9, 5],
        [13, 8],
        [17, 511],
        [20, 515],
      ]) {
        const random = new Random(n * d);
        const stored = halves(random, n * d);
        const ids = [n - 1, ...Array.from({ length: 6 }, () => random.below(n))];
        const add = random.normal(ids.length * d);
        const want = Float32Array.from(add, (_, i) => valueOf(stored[ids[Math.floor(i / d)] * d + (i % d)]));
        const codes = type === R.TYPE_F16 ? stored.map(heldHalf) : stored;
        raw.reset();
        const rows = raw.bytes(bytesOf(codes));
        const out = raw.output(ids.length * d);
        const { out: table } = packed(type, stored, n, d);
        const fields = {
          [R.GA_IDS]: raw.ints(ids),
          [R.GA_OUT]: out.address,
          [R.GA_ROWS]: raw.cell(ids.length),
          [R.GA_D]: d,
          [R.GA_TYPE]: type,
        };
        const sum = raw.input(add);
        for (const [where, columns] of [
          [rows, 0],
          [table.address, n],
        ]) {
          const look = (extra: number): Float32Array =>
            raw.runShares(
              {
                op: R.OP_GATHER,
                size: R.GA_SIZE,
                fields: { ...fields, [R.GA_TABLE]: where, [R.GA_PACKED]: columns, [R.GA_ADD]: extra },
                floats: { [R.GA_SCALE]: 1 },
              },
              out,
            );
          expect(firstDifference(look(0), want)).toBe(-1);
          expect(
            firstDifference(
              look(sum),
              want.map((value, i) => value + add[i]),
            ),
          ).toBe(-1);
        }
      }
    });
  });
});
