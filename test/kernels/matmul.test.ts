// Packing of weights, and the matrix product with its epilogue.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { halfValue, packWeight } from '../reference/layout';
import { matmul, type Product } from '../reference/matmul';
import { expectWithin, Random } from '../support/numbers';
import { BUILDS, Raw, type Output, type RawRecord } from '../support/raw';

/** Register tiles: rows and panels. All give the same bits. */
const TILES = [
  [4, 1],
  [5, 1],
  [6, 1],
  [6, 2],
] as const;

interface Layout {
  /** Floats between rows of A, C and the residual beyond their width. */
  gap?: number;
  /** Copies of the problem as a batch, with A and C of their own and B of their own or shared. */
  batch?: number;
  sharedB?: boolean;
}

function padded(values: ArrayLike<number>, rows: number, width: number, gap: number): Float32Array {
  const out = new Float32Array(rows * (width + gap)).fill(NaN);
  for (let r = 0; r < rows; r++) for (let i = 0; i < width; i++) out[r * (width + gap) + i] = values[r * width + i];
  return out;
}

describe.each(BUILDS)('matmul, %s', (build) => {
  const raw = new Raw(build);

  function record(problem: Product, out: Output, { gap = 0, batch = 1, sharedB = false }: Layout = {}): RawRecord {
    const { m, n, k, a, weight, bias, act = R.ACT_NONE, residual } = problem;
    const rows = batch * m;
    const packed = Array.from({ length: sharedB ? 1 : batch }, (_, i) => {
      const size = n * k;
      return packWeight(Array.prototype.slice.call(weight, i * size, (i + 1) * size), n, k);
    });
    raw.scratch(256 + Math.min(132, m) * Math.min(1024, k) * 4);
    const fields = {
      [R.MM_A]: raw.input(padded(a, rows, k, gap)),
      [R.MM_A_STRIDE]: k + gap,
      [R.MM_A_BATCH]: m * (k + gap),
      [R.MM_B]: raw.input(packed.flatMap((part) => Array.from(part))),
      [R.MM_B_BATCH]: sharedB ? 0 : packed[0].length,
      [R.MM_C]: out.address,
      [R.MM_C_STRIDE]: n + gap,
      [R.MM_C_BATCH]: m * (n + gap),
      [R.MM_M]: raw.cell(m),
      [R.MM_N]: n,
      [R.MM_K]: k,
      [R.MM_BATCH]: batch,
      [R.MM_BIAS]: bias ? raw.input([...Array.from(bias), ...new Array<number>((8 - (n % 8)) % 8).fill(0)]) : 0,
      [R.MM_ACT]: act,
      [R.MM_RESIDUAL]: residual ? raw.input(padded(residual, rows, n, gap)) : 0,
      [R.MM_R_STRIDE]: n + gap,
      [R.MM_R_BATCH]: m * (n + gap),
    };
    return { op: R.OP_MATMUL, size: R.MM_SIZE, fields };
  }

  /** The product of a batch; gaps between rows of C must keep what they hold. */
  function run(problem: Product, layout: Layout = {}): Float32Array {
    const { gap = 0, batch = 1 } = layout;
    const width = problem.n + gap;
    const out = raw.inPlace(new Float32Array(batch * problem.m * width).fill(-7));
    const actual = raw.runShares(record(problem, out, layout), out);
    const bad = actual.findIndex((value, i) => i % width >= problem.n && value !== -7);
    if (bad >= 0) throw new Error(`wrote between rows, at ${bad}`);
    return actual.filter((_, i) => i % width < problem.n);
  }

  /** The header's bound: K u (|A| |B| + |bias|), u twice 2^-24 without fused operations. */
  function check(problem: Product): Float32Array {
    const { out, sizes } = matmul(problem);
    const unit = 2 ** -24 * (build.startsWith('relaxed') ? 1 : 2);
    raw.reset();
    raw.setTile(4, 1);
    const actual = run(problem);
    // an activation's slope is below 1.13
    const bound = (i: number) => 1.13 * (problem.k + 2) * (unit * sizes[i] + 2 ** -149) + (problem.act ? 5e-7 : 0);
    expectWithin(actual, out, bound, `${problem.m} x ${problem.k} x ${problem.n}`);
    for (const [rows, panels] of TILES.slice(1)) {
      raw.reset();
      raw.setTile(rows, panels);
      expect(run(problem), `tile of ${rows} rows, ${panels} panels`).toEqual(actual);
    }
    return actual;
  }

  function problem(m: number, n: number, k: number, extra: Partial<Product> = {}): Product {
    const random = new Random(m * 1009 + n * 31 + k);
    return { m, n, k, a: random.normal(m * k), weight: random.normal(n * k), ...extra };
  }

  const EDGES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17, 24, 31];

  it.each(EDGES)('%d rows, every width', (m) => {
    for (const n of [...EDGES, 48, 50, 64]) check(problem(m, n, 5));
  });

  it.each([1, 2, 3, 4, 7, 8, 16, 17, 31, 255, 256, 257, 300, 511, 512, 513, 1030])('depth %d', (k) => {
    for (const [m, n] of [
      [1, 1],
      [1, 49],
      [2, 25],
      [3, 17],
      [5, 9],
      [7, 8],
      [13, 20],
    ])
      check(problem(m, n, k));
  });

  it('more rows than a block', () => {
    check(problem(385, 9, 3));
    check(problem(771, 3, 2));
  });

  it.each([1024, 1025, 2100])('more rows than take one block of k at a time, and more columns: depth %d', (k) => {
    check(problem(37, 267, k));
  });

  it('more columns than a block', () => {
    check(problem(3, 257, 4));
    check(problem(1, 530, 257));
    check(problem(7, 263, 260));
  });

  it.each([1, 3, 8, 13, 50])('bias, activation and residual, width %d', (n) => {
    for (const m of [1, 2, 3, 6, 11]) {
      for (const k of [7, 260]) {
        const random = new Random(m + n + k);
        const bias = random.normal(n);
        const residual = random.normal(m * n);
        check(problem(m, n, k, { bias }));
        check(problem(m, n, k, { residual }));
        for (const act of [R.ACT_GELU, R.ACT_RELU, R.ACT_TANH, R.ACT_SILU])
          check(problem(m, n, k, { bias, act, residual }));
      }
    }
  });

  it('wider rows than the matrices', () => {
    for (const [m, n, k] of [
      [1, 5, 9],
      [4, 8, 3],
      [7, 19, 260],
    ]) {
      const one = problem(m, n, k, { residual: new Random(m).normal(m * n), act: R.ACT_GELU });
      const tight = check(one);
      raw.reset();
      expect(run(one, { gap: 3 })).toEqual(tight);
    }
  });

  it.each([2, 3, 9, 20])('batches of %d', (batch) => {
    for (const [m, n, k] of [
      [1, 5, 9],
      [5, 17, 6],
      [3, 9, 257],
    ]) {
      const random = new Random(batch);
      const parts = Array.from({ length: batch }, () =>
        problem(m, n, k, { a: random.normal(m * k), weight: random.normal(n * k), residual: random.normal(m * n) }),
      );
      const join = (key: 'a' | 'weight' | 'residual') =>
        Float32Array.from(parts.flatMap((part) => Array.from(part[key]!)));
      const together: Product = { m, n, k, a: join('a'), weight: join('weight'), residual: join('residual') };
      for (const sharedB of [false, true]) {
        const separate = parts.flatMap((part) => {
          raw.reset();
          return Array.from(run(sharedB ? { ...part, weight: parts[0].weight } : part));
        });
        raw.reset();
        expect(run(sharedB ? { ...together, weight: parts[0].weight } : together, { batch, sharedB, gap: 1 })).toEqual(
          Float32Array.from(separate),
        );
      }
    }
  });

  it('a row does not depend on the others', () => {
    const all = problem(29, 37, 300);
    raw.reset();
    const together = run(all);
    for (const [from, to] of [
      [0, 1],
      [3, 5],
      [10, 13],
      [8, 24],
      [28, 29],
    ]) {
      raw.reset();
      const some = { ...all, m: to - from, a: Array.prototype.slice.call(all.a, from * 300, to * 300) as number[] };
      expect(run(some)).toEqual(together.slice(from * 37, to * 37));
    }
  });

  it('NaN, infinities and denormals go where they belong', () => {
    const one = problem(9, 11, 20);
    const a = Float32Array.from(one.a);
    const weight = Float32Array.from(one.weight);
    a[2 * 20 + 7] = NaN;
    a[5 * 20 + 3] = Infinity;
    weight[4 * 20 + 1] = NaN;
    a.fill(1e-42, 7 * 20, 8 * 20);
    check({ ...one, a, weight });
  });

  it('no rows', () => {
    raw.reset();
    expect(run(problem(0, 9, 5))).toEqual(new Float32Array());
  });

  it('large: C v = A (B v) for random v', () => {
    for (const [m, n, k] of [
      [512, 384, 768],
      [129, 1000, 515],
    ]) {
      const random = new Random(m);
      const a = random.normal(m * k);
      const weight = random.normal(n * k, 1 / Math.sqrt(k));
      raw.reset();
      raw.setTile(6, 1);
      const c = run({ m, n, k, a, weight });
      const v = random.normal(n);
      const bv = Float64Array.from({ length: k }, (_, l) => v.reduce((sum, x, j) => sum + x * weight[j * k + l], 0));
      for (let i = 0; i < m; i++) {
        let expected = 0;
        let actual = 0;
        for (let l = 0; l < k; l++) expected += a[i * k + l] * bv[l];
        for (let j = 0; j < n; j++) actual += c[i * n + j] * v[j];
        // rounding errors are independent: 3e-7 sqrt(k) on each element, of norm about 1
        expect(Math.abs(actual - expected)).toBeLessThan(3e-7 * Math.sqrt(k * n) * 4);
      }
    }
  });
});

describe.each(BUILDS)('pack, %s', (build) => {
  const raw = new Raw(build);
  const STORED = { f32: [R.TYPE_F32, 4], f16: [R.TYPE_F16, 2], bf16: [R.TYPE_BF16, 2] } as const;

  interface Source {
    n: number;
    k: number;
    /** The source is [k, n] instead of [n, k]. */
    transposed?: boolean;
    offset?: number;
    n0?: number;
    k0?: number;
    nTotal?: number;
    kTotal?: number;
    batch?: number;
  }

  function run(type: keyof typeof STORED, data: Uint8Array, out: Output, source: Source): Float32Array {
    const { n, k, transposed = false, offset = 0, n0 = 0, k0 = 0, nTotal = n, kTotal = k, batch = 1 } = source;
    const [code, bytes] = STORED[type];
    const fields = {
      [R.PK_SRC]: raw.bytes(data, offset),
      [R.PK_TYPE]: code,
      [R.PK_SN]: transposed ? bytes : k * bytes,
      [R.PK_SK]: transposed ? n * bytes : bytes,
      [R.PK_N]: n,
      [R.PK_K]: k,
      [R.PK_DST]: out.address,
      [R.PK_N0]: n0,
      [R.PK_K0]: k0,
      [R.PK_N_TOTAL]: nTotal,
      [R.PK_K_TOTAL]: kTotal,
      [R.PK_BATCH]: batch,
      [R.PK_SRC_BATCH]: n * k * bytes,
      [R.PK_DST_BATCH]: Math.ceil(nTotal / 8) * 8 * kTotal * 4,
    };
    return raw.runShares({ op: R.OP_PACK, size: R.PK_SIZE, fields }, out);
  }

  /** Bytes of a [n, k] source and the values they stand for; f16 and bf16 are positive and finite. */
  function source(type: keyof typeof STORED, count: number): { data: Uint8Array; values: Float32Array } {
    const random = new Random(count);
    if (type === 'f32') {
      const values = random.normal(count);
      return { data: new Uint8Array(values.buffer), values };
    }
    const bits = Uint16Array.from({ length: count }, () => random.below(0x7c00));
    const words = Uint32Array.from(bits, (value) => value << 16);
    return {
      data: new Uint8Array(bits.buffer),
      values: type === 'f16' ? Float32Array.from(bits, halfValue) : new Float32Array(words.buffer),
    };
  }

  it.each(['f32', 'f16', 'bf16'] as const)('%s, rows or columns first', (type) => {
    for (const [n, k] of [
      [1, 1],
      [3, 5],
      [8, 4],
      [9, 16],
      [17, 257],
      [30, 300],
      [20, 512],
    ]) {
      const { data, values } = source(type, n * k);
      const turned = Float32Array.from(values, (_, i) => values[(i % k) * n + Math.floor(i / k)]);
      raw.reset();
      const out = raw.output(Math.ceil(n / 8) * 8 * k);
      expect(run(type, data, out, { n, k, offset: 1 })).toEqual(packWeight(values, n, k));
      expect(run(type, data, out, { n, k, transposed: true })).toEqual(packWeight(turned, n, k));
    }
  });

  it('a batch', () => {
    const { data, values } = source('f32', 3 * 11 * 20);
    raw.reset();
    const out = raw.output(3 * 16 * 20);
    const expected = [0, 1, 2].flatMap((b) => Array.from(packWeight(values.slice(b * 220, b * 220 + 220), 11, 20)));
    expect(run('f32', data, out, { n: 11, k: 20, batch: 3 })).toEqual(Float32Array.from(expected));
  });

  it('piece by piece', () => {
    const [n, k] = [29, 300];
    const { values } = source('f32', n * k);
    raw.reset();
    let packed = raw.inPlace(new Float32Array(32 * k).fill(NaN));
    const { address, length } = packed;
    for (const [n0, n1] of [
      [0, 5],
      [5, 8],
      [8, 21],
      [21, 29],
    ]) {
      for (const [k0, k1] of [
        [0, 100],
        [100, 260],
        [260, 300],
      ]) {
        const piece = new Float32Array((n1 - n0) * (k1 - k0));
        for (let i = n0; i < n1; i++) piece.set(values.subarray(i * k + k0, i * k + k1), (i - n0) * (k1 - k0));
        const initial = run('f32', new Uint8Array(piece.buffer), packed, {
          n: n1 - n0,
          k: k1 - k0,
          n0,
          k0,
          nTotal: n,
          kTotal: k,
        });
        packed = { address, length, initial };
      }
    }
    expect(packed.initial).toEqual(packWeight(values, n, k));
  });
});
