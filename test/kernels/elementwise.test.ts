// Activations and broadcasting arithmetic.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { activation } from '../reference/activations';
import { binary, eachIndex } from '../reference/layout';
import { expectWithin, Random } from '../support/numbers';
import { BUILDS, Raw, type Output, type RawRecord } from '../support/raw';

const KINDS = {
  none: R.ACT_NONE,
  relu: R.ACT_RELU,
  gelu: R.ACT_GELU,
  geluTanh: R.ACT_GELU_TANH,
  silu: R.ACT_SILU,
  tanh: R.ACT_TANH,
  sigmoid: R.ACT_SIGMOID,
  exp: R.ACT_EXP,
  neg: R.ACT_NEG,
  sqrt: R.ACT_SQRT,
  abs: R.ACT_ABS,
  quickGelu: R.ACT_QUICK_GELU,
};
type Kind = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Kind[];

/** One unit in the last place: the distance between neighbouring floats at x. */
function ulp(x: number): number {
  return 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -126) - 23);
}

/** The bounds of assembly/math.ts. */
function allowed(kind: Kind, x: number, exact: number): number {
  const flushed = 2 ** -126 * (1 + Math.abs(x));
  switch (kind) {
    case 'exp':
      return ulp(exact) + flushed;
    case 'tanh':
      return 4 * ulp(exact);
    case 'sigmoid':
    case 'silu':
      return 3 * ulp(exact) + flushed;
    case 'gelu': {
      const absolute = 2.5e-7 + 2 ** -24 * Math.abs(x);
      return x < 0 ? Math.min(absolute, 1e-5 * Math.abs(exact)) + flushed : absolute;
    }
    case 'geluTanh':
      return (Math.abs(x) < 1 ? 3e-7 : 2e-5) * Math.abs(exact) + flushed;
    case 'quickGelu':
      return (Math.abs(x) < 8 ? 1e-6 : 1e-5) * Math.abs(exact) + flushed;
    case 'sqrt':
      return ulp(exact) / 2;
    default:
      return 0;
  }
}

function unaryRecord(raw: Raw, kind: Kind, x: number, out: Output, rows: number, width: number): RawRecord {
  const fields = {
    [R.UN_X]: x,
    [R.UN_OUT]: out.address,
    [R.UN_ROWS]: raw.cell(rows),
    [R.UN_WIDTH]: width,
    [R.UN_KIND]: KINDS[kind],
  };
  return { op: R.OP_UNARY, size: R.UN_SIZE, fields };
}

/** Values of all sizes and both signs: dense around zero, then ever wider, and the special ones. */
const SWEEP = Float32Array.from([
  ...Array.from({ length: 4001 }, (_, i) => (i - 2000) / 100),
  ...Array.from({ length: 2000 }, (_, i) => (i - 1000) / 10 + 0.0123),
  ...Array.from({ length: 400 }, (_, i) => 2 ** ((i - 200) / 2)),
  ...Array.from({ length: 400 }, (_, i) => -(2 ** ((i - 200) / 2))),
  ...[
    0,
    -0,
    1e-45,
    -1e-45,
    1e-39,
    3.4e38,
    -3.4e38,
    Infinity,
    -Infinity,
    NaN,
    88.7228,
    88.7229,
    -87.3365,
    -87.3366,
    -103,
    0.625,
    -0.625,
  ],
]);

describe.each(BUILDS)('elementwise, %s', (build) => {
  const raw = new Raw(build);

  it.each(NAMES)('%s stays within its bound', (kind) => {
    raw.reset();
    const out = raw.output(SWEEP.length);
    const actual = raw.runShares(unaryRecord(raw, kind, raw.input(SWEEP), out, SWEEP.length, 1), out);
    const pointless = ['gelu', 'geluTanh', 'silu', 'quickGelu'].includes(kind);
    SWEEP.forEach((x, i) => {
      // x sigmoid(x) at -infinity is 0 in the limit, NaN by the formula
      if (pointless && x === -Infinity) return;
      const exact = activation(KINDS[kind], x);
      const rounded = Math.fround(exact);
      if (Number.isFinite(rounded)) expectWithin([actual[i]], [exact], allowed(kind, x, exact), `${kind}(${x})`);
      else if (x < 88.7228 || x > 88.7229 || kind !== 'exp') expect(actual[i], `${kind}(${x})`).toBe(rounded);
    });
  });

  it.each([1, 3, 4, 5, 7, 8, 9, 16, 17, 31, 127])('any length: %d', (length) => {
    const x = new Random(length).normal(3 * length, 3);
    for (const kind of NAMES) {
      raw.reset();
      const out = raw.output(3 * length);
      const inPlace = raw.inPlace(x);
      const actual = raw.runShares(unaryRecord(raw, kind, raw.input(x), out, 3, length), out);
      expectWithin(
        actual,
        Float64Array.from(x, (v) => activation(KINDS[kind], v)),
        (i) => allowed(kind, x[i], actual[i]),
        kind,
      );
      expect(raw.runShares(unaryRecord(raw, kind, inPlace.address, inPlace, length, 3), inPlace)).toEqual(actual);
    }
  });

  /** [dims, strides of a, strides of b] */
  const SHAPES: [number[], number[], number[]][] = [
    [
      [1, 1, 1, 1],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
    [
      [3, 1, 1, 17],
      [17, 0, 0, 1],
      [17, 0, 0, 1],
    ], // equal shapes
    [
      [5, 1, 1, 9],
      [9, 0, 0, 1],
      [0, 0, 0, 1],
    ], // a row
    [
      [5, 1, 1, 9],
      [9, 0, 0, 1],
      [1, 0, 0, 0],
    ], // a column
    [
      [5, 1, 1, 9],
      [0, 0, 0, 0],
      [9, 0, 0, 1],
    ], // a scalar
    [
      [5, 1, 1, 9],
      [1, 0, 0, 0],
      [0, 0, 0, 1],
    ], // column by row
    [
      [7, 1, 1, 1],
      [1, 0, 0, 0],
      [1, 0, 0, 0],
    ], // rows of one element
    [
      [7, 1, 1, 1],
      [1, 0, 0, 0],
      [0, 0, 0, 0],
    ],
    [
      [2, 3, 4, 5],
      [60, 20, 5, 1],
      [60, 20, 5, 1],
    ],
    [
      [2, 3, 4, 5],
      [60, 20, 5, 1],
      [0, 5, 0, 1],
    ],
    [
      [2, 3, 4, 5],
      [0, 20, 5, 1],
      [12, 4, 1, 0],
    ],
    [
      [2, 3, 4, 5],
      [15, 5, 0, 1],
      [4, 0, 1, 0],
    ],
    [
      [2, 3, 4, 1],
      [12, 4, 1, 0],
      [0, 1, 0, 0],
    ],
    [
      [2, 3, 4, 1],
      [3, 1, 0, 0],
      [12, 4, 1, 0],
    ],
    [
      [2, 5, 1, 3],
      [32, 6, 0, 1],
      [15, 3, 0, 1],
    ], // gaps between rows
    [
      [2, 5, 3, 1],
      [32, 6, 2, 0],
      [15, 3, 1, 0],
    ], // and between elements
    [
      [2, 2, 8, 33],
      [528, 264, 33, 1],
      [264, 0, 33, 1],
    ],
    [
      [0, 1, 1, 9],
      [9, 0, 0, 1],
      [9, 0, 0, 1],
    ], // nothing
  ];

  it.each(SHAPES)('arithmetic over %j, strides %j and %j', (dims, stridesA, stridesB) => {
    const random = new Random(dims.join('').length + 1);
    const extent = (strides: number[]) => 1 + dims.reduce((sum, d, i) => sum + Math.max(0, d - 1) * strides[i], 0);
    const a = random.normal(extent(stridesA));
    const b = random.normal(extent(stridesB));
    for (const kind of [R.BIN_ADD, R.BIN_SUB, R.BIN_MUL, R.BIN_DIV, R.BIN_MAX, R.BIN_MIN]) {
      raw.reset();
      const out = raw.output(dims.reduce((x, y) => x * y, 1));
      const record = binaryRecord(raw, kind, dims, raw.input(a), stridesA, raw.input(b), stridesB, out);
      expect(raw.runShares(record, out)).toEqual(Float32Array.from(binary(kind, dims, a, stridesA, b, stridesB)));
    }
  });

  it('arithmetic on special values is exactly rounded', () => {
    const values = [0, -0, 1, -1.5, 1e-45, -1e-39, 3.4e38, -3.4e38, Infinity, -Infinity, NaN];
    const a: number[] = [];
    const b: number[] = [];
    eachIndex([values.length, values.length], ([i, j]) => {
      a.push(values[i]);
      b.push(values[j]);
    });
    const dims = [a.length, 1, 1, 1];
    const strides = [1, 0, 0, 0];
    for (const kind of [R.BIN_ADD, R.BIN_SUB, R.BIN_MUL, R.BIN_DIV, R.BIN_MAX, R.BIN_MIN]) {
      raw.reset();
      const out = raw.output(a.length);
      const actual = raw.runShares(
        binaryRecord(raw, kind, dims, raw.input(a), strides, raw.input(b), strides, out),
        out,
      );
      const expected = binary(kind, dims, Float32Array.from(a), strides, Float32Array.from(b), strides);
      expect(actual).toEqual(Float32Array.from(expected));
    }
  });

  it('arithmetic in place', () => {
    raw.reset();
    const a = new Random(3).normal(85);
    const b = new Random(4).normal(17);
    const out = raw.inPlace(a);
    const record = binaryRecord(
      raw,
      R.BIN_ADD,
      [5, 1, 1, 17],
      out.address,
      [17, 0, 0, 1],
      raw.input(b),
      [0, 0, 0, 1],
      out,
    );
    expect(raw.runShares(record, out)).toEqual(Float32Array.from(a, (v, i) => v + b[i % 17]));
  });
});

function binaryRecord(
  raw: Raw,
  kind: number,
  dims: number[],
  a: number,
  stridesA: number[],
  b: number,
  stridesB: number[],
  out: Output,
): RawRecord {
  const fields: Record<number, number> = {
    [R.BI_A]: a,
    [R.BI_B]: b,
    [R.BI_OUT]: out.address,
    [R.BI_KIND]: kind,
    [R.BI_D0]: raw.cell(dims[0]),
  };
  for (let i = 0; i < 4; i++) {
    if (i > 0) fields[R.BI_D0 + 4 * i] = dims[i];
    fields[R.BI_A0 + 4 * i] = stridesA[i];
    fields[R.BI_B0 + 4 * i] = stridesB[i];
  }
  return { op: R.OP_BINARY, size: R.BI_SIZE, fields };
}
