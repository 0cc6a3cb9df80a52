// Layer norm, RMS norm, L2 normalisation.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { l2Normalize, layerNorm, rmsNorm } from '../reference/rows';
import { expectWithin, Random } from '../support/numbers';
import { BUILDS, Raw, type Output } from '../support/raw';

const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 100, 384, 769];
const EPS = Math.fround(1e-5);

describe.each(BUILDS)('norms, %s', (build) => {
  const raw = new Raw(build);

  function run(
    op: number,
    x: number,
    out: Output,
    rows: number,
    d: number,
    weight?: ArrayLike<number>,
    bias?: ArrayLike<number>,
  ): Float32Array {
    const fields = {
      [R.LN_X]: x,
      [R.LN_OUT]: out.address,
      [R.LN_ROWS]: raw.cell(rows),
      [R.LN_D]: d,
      [R.LN_WEIGHT]: weight ? raw.input(weight) : 0,
      [R.LN_BIAS]: bias ? raw.input(bias) : 0,
    };
    return raw.runShares({ op, size: R.LN_SIZE, fields, floats: { [R.LN_EPS]: EPS } }, out);
  }

  function runL2(x: ArrayLike<number>, rows: number, d: number, eps: number): Float32Array {
    raw.reset();
    const out = raw.output(x.length);
    const fields = { [R.L2_X]: raw.input(x), [R.L2_OUT]: out.address, [R.L2_ROWS]: raw.cell(rows), [R.L2_D]: d };
    return raw.runShares({ op: R.OP_L2_NORMALIZE, size: R.L2_SIZE, fields, floats: { [R.L2_EPS]: eps } }, out);
  }

  /** The header's bound. */
  function layerNormBound(
    x: Float32Array,
    d: number,
    expected: Float64Array,
    weight?: Float32Array,
  ): (i: number) => number {
    const rows = Array.from({ length: x.length / d }, (_, r) => {
      const row = x.subarray(r * d, r * d + d);
      const mean = row.reduce((a, b) => a + b, 0) / d;
      return { mean, variance: row.reduce((a, b) => a + (b - mean) ** 2, 0) / d };
    });
    return (i) => {
      const { mean, variance } = rows[Math.floor(i / d)];
      const size = (Math.abs(x[i]) + Math.abs(mean)) / Math.sqrt(variance + EPS);
      return 2 ** -22 * (8 + d / 16) * size * Math.abs(weight?.[i % d] ?? 1) + 2 ** -23 * Math.abs(expected[i]);
    };
  }

  it.each(WIDTHS)('width %d', (d) => {
    const random = new Random(d);
    for (const mean of [0, 3]) {
      const x = random.normal(5 * d, 2, mean);
      const weight = random.normal(d);
      const bias = random.normal(d);
      const options: [Float32Array?, Float32Array?][] = [[weight, bias], [weight], [undefined, bias], []];
      for (const [w, b] of options) {
        raw.reset();
        let expected = layerNorm(x, 5, d, { weight: w, bias: b, eps: EPS });
        let out = raw.output(x.length);
        expectWithin(
          run(R.OP_LAYER_NORM, raw.input(x), out, 5, d, w, b),
          expected,
          layerNormBound(x, d, expected, w),
          'layer norm',
        );
        expected = rmsNorm(x, 5, d, { weight: w, bias: b, eps: EPS });
        out = raw.output(x.length);
        const bound = (i: number) =>
          2 ** -23 * ((6 + d / 16) * Math.abs(expected[i] - (b?.[i % d] ?? 0)) + Math.abs(expected[i]));
        expectWithin(run(R.OP_RMS_NORM, raw.input(x), out, 5, d, w, b), expected, bound, 'RMS norm');
      }
      const expected = l2Normalize(x, 5, d, 1e-12);
      expectWithin(runL2(x, 5, d, 1e-12), expected, (i) => 2 ** -23 * (6 + d / 16) * Math.abs(expected[i]), 'L2');
    }
  });

  it('works in place', () => {
    raw.reset();
    const x = new Random(5).normal(7 * 21);
    const out = raw.output(x.length);
    const inPlace = raw.inPlace(x);
    expect(run(R.OP_LAYER_NORM, inPlace.address, inPlace, 7, 21)).toEqual(
      run(R.OP_LAYER_NORM, raw.input(x), out, 7, 21),
    );
  });

  it('does not depend on what else is in the batch', () => {
    const x = new Random(6).normal(6 * 50);
    raw.reset();
    const all = run(R.OP_LAYER_NORM, raw.input(x), raw.output(x.length), 6, 50);
    for (const row of [0, 3, 5]) {
      const alone = x.slice(row * 50, row * 50 + 50);
      expect(run(R.OP_LAYER_NORM, raw.input(alone), raw.output(50), 1, 50)).toEqual(all.slice(row * 50, row * 50 + 50));
    }
  });

  it('special rows', () => {
    raw.reset();
    const rows = [
      [7, 7, 7, 7, 7], // no variance
      [0, 0, 0, 0, 0],
      [1e-39, -1e-39, 1e-45, 0, 2e-39],
      [1, 2, NaN, 4, 5],
      [1, 2, 3, 4, Infinity],
      [1e18, -1e18, 1e18, 0, 5e17],
    ];
    const x = Float32Array.from(rows.flat());
    const wild = (i: number) => i >= 15 && i < 25;
    for (const [op, reference] of [
      [R.OP_LAYER_NORM, layerNorm],
      [R.OP_RMS_NORM, rmsNorm],
    ] as const) {
      const expected = reference(x, rows.length, 5, { eps: EPS });
      const actual = run(op, raw.input(x), raw.output(x.length), rows.length, 5);
      const finite = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => !wild(i));
      expectWithin(finite(actual), finite(expected), 1e-6);
      expect(actual.slice(15, 20)).toEqual(new Float32Array(5).fill(NaN));
      expect(actual[24]).toBeNaN();
    }
  });

  it('L2 of zeros is zeros', () => {
    expect(runL2(new Float32Array(10), 2, 5, 1e-12)).toEqual(new Float32Array(10));
    expect(runL2([1, NaN, 2], 1, 3, 1e-12)).toEqual(new Float32Array(3).fill(NaN));
  });
});
