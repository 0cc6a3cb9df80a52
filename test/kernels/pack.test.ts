// The layout that a matmul's right operand is packed into: every type of a file, every way to hold it, rows and columns that neighbour
// in the file, whole or in pieces.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { bfloat16Value, halfValue, heldHalf, packHalves, packWeight } from '../reference/layout';
import { Random } from '../support/numbers';
import { BUILDS, Raw } from '../support/raw';

/** Rows and columns [n, k] around the panels of 8 and the blocks of 512. */
const SHAPES = [
  [1, 1],
  [5, 3],
  [8, 4],
  [8, 8],
  [13, 13],
  [16, 37],
  [23, 520],
  [9, 1029],
] as const;

const float = new Float32Array(1);
const bits32 = new Uint32Array(float.buffer);

interface Stored {
  readonly bytes: Uint8Array;
  readonly values: Float32Array;
  readonly codes: readonly number[];
}

/** Random elements of a type, zeros and subnormals among them; those of f32 are exact in both types of 16 bits. */
function stored(type: number, count: number, held: number): Stored {
  const random = new Random(count + type * 7 + held);
  const isF16 = type === R.TYPE_F16 || (type === R.TYPE_F32 && held !== R.TYPE_BF16);
  const codes = Array.from({ length: count }, (_, i) => {
    if (i % 9 === 4) return [0, 0x8000, 1, 0x8001, 0x3ff, 0x43][random.below(6)];
    if (!isF16) return (random.below(2) << 15) | ((110 + random.below(20)) << 7) | random.below(128);
    return (random.below(2) << 15) | ((1 + random.below(20)) << 10) | random.below(1024);
  });
  const values = Float32Array.from(codes, isF16 ? halfValue : bfloat16Value);
  const bytes = new Uint8Array(type === R.TYPE_F32 ? values.slice().buffer : Uint16Array.from(codes).buffer);
  return { bytes, values, codes: isF16 ? codes.map(heldHalf) : codes };
}

/** Elements [n, k] as [k, n]. */
function turned(bytes: Uint8Array, n: number, k: number): Uint8Array {
  const size = bytes.byteLength / (n * k);
  const out = new Uint8Array(bytes.byteLength);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < k; j++) out.set(bytes.subarray((i * k + j) * size, (i * k + j + 1) * size), (j * n + i) * size);
  return out;
}

const bitsOf = (value: number): number => {
  float[0] = value;
  return bits32[0];
};

describe.each(BUILDS)('packing, %s', (build) => {
  const raw = new Raw(build);

  describe.each([
    ['f32', R.TYPE_F32, 'f32', R.TYPE_F32],
    ['f16', R.TYPE_F16, 'f32', R.TYPE_F32],
    ['bf16', R.TYPE_BF16, 'f32', R.TYPE_F32],
    ['f16', R.TYPE_F16, 'f16', R.TYPE_F16],
    ['bf16', R.TYPE_BF16, 'bf16', R.TYPE_BF16],
    ['f32', R.TYPE_F32, 'f16', R.TYPE_F16],
    ['f32', R.TYPE_F32, 'bf16', R.TYPE_BF16],
  ])('%s (%i) held as %s (%i)', (_type, type, _held, held) => {
    const size = type === R.TYPE_F32 ? 4 : 2;

    /** Packs a file in pieces of at most so many of its rows, each from an address of its own alignment. */
    function packed(file: Uint8Array, n: number, k: number, isTurned: boolean, rows: number): number[] {
      raw.reset();
      const padded = Math.ceil(n / 8) * 8;
      const out = raw.output(held === R.TYPE_F32 ? padded * k : (padded * k) / 2);
      const [height, width] = isTurned ? [k, n] : [n, k];
      for (let row = 0; row < height; row += rows) {
        const count = Math.min(rows, height - row);
        const piece = file.subarray(row * width * size, (row + count) * width * size);
        const fields = {
          [R.PK_SRC]: raw.bytes(piece, row % 4),
          [R.PK_TYPE]: type,
          [R.PK_SN]: isTurned ? size : k * size,
          [R.PK_SK]: isTurned ? n * size : size,
          [R.PK_N]: isTurned ? n : count,
          [R.PK_K]: isTurned ? count : k,
          [R.PK_DST]: out.address,
          [isTurned ? R.PK_K0 : R.PK_N0]: row,
          [R.PK_N_TOTAL]: n,
          [R.PK_K_TOTAL]: k,
          [R.PK_BATCH]: 1,
          [R.PK_TO]: held,
        };
        out.initial = raw.runShares({ op: R.OP_PACK, size: R.PK_SIZE, fields }, out);
        expect(raw.field(R.PK_UNHELD)).toBe(0);
      }
      return held === R.TYPE_F32 ? Array.from(out.initial!, bitsOf) : raw.readHalves(out);
    }

    it.each(SHAPES)('[%i, %i]', (n, k) => {
      const { bytes, values, codes } = stored(type, n * k, held);
      const expected = held === R.TYPE_F32 ? Array.from(packWeight(values, n, k), bitsOf) : packHalves(codes, n, k);
      for (const isTurned of [false, true]) {
        const file = isTurned ? turned(bytes, n, k) : bytes;
        for (const rows of [n + k, k > 100 ? 301 : 3]) expect(packed(file, n, k, isTurned, rows)).toEqual(expected);
      }
    });
  });
});
