// Softmax over any axis.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { softmax } from '../reference/rows';
import { expectWithin, Random } from '../support/numbers';
import { BUILDS, Raw } from '../support/raw';

const LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 64, 101, 257];

describe.each(BUILDS)('softmax, %s', (build) => {
  const raw = new Raw(build);

  function run(x: ArrayLike<number>, outer: number, n: number, inner: number): Float32Array {
    raw.reset();
    const out = raw.output(x.length);
    const fields = {
      [R.SM_X]: raw.input(x),
      [R.SM_OUT]: out.address,
      [R.SM_OUTER]: raw.cell(outer),
      [R.SM_N]: n,
      [R.SM_INNER]: inner,
    };
    return raw.runShares({ op: R.OP_SOFTMAX, size: R.SM_SIZE, fields }, out);
  }

  function check(x: Float32Array, outer: number, n: number, inner: number): void {
    const expected = softmax(x, outer, n, inner);
    // |x - m| <= -ln of the result
    const bound = (i: number) =>
      2 ** -24 * (10 + (inner === 1 ? n / 4 : n) - 2.5 * Math.log(expected[i])) * expected[i] + 2 ** -126;
    expectWithin(run(x, outer, n, inner), expected, bound, `${outer} ${n} ${inner}`);
  }

  it.each(LENGTHS)('rows of %d', (n) => check(new Random(n).normal(5 * n, 4), 5, n, 1));

  it.each(LENGTHS)('columns of %d', (n) => {
    for (const inner of [2, 3, 4, 5, 9, 16, 17, 35]) check(new Random(n).normal(2 * n * inner, 4), 2, n, inner);
  });

  it('columns do not depend on their neighbours', () => {
    for (const n of LENGTHS) {
      const x = new Random(n).normal(n * 37, 4);
      const all = run(x, 1, n, 37);
      for (const [from, to] of [
        [0, 2],
        [5, 22],
        [33, 37],
      ]) {
        const part = (values: Float32Array) => values.filter((_, i) => i % 37 >= from && i % 37 < to);
        expect(run(part(x), 1, n, to - from)).toEqual(part(all));
      }
    }
  });

  it('does not depend on what else is in the batch', () => {
    const x = new Random(11).normal(9 * 77, 2);
    const all = run(x, 9, 77, 1);
    for (const row of [0, 4, 8])
      expect(run(x.slice(row * 77, row * 77 + 77), 1, 77, 1)).toEqual(all.slice(row * 77, row * 77 + 77));
  });

  it.each([1, 3, 17])('special rows, inner %d', (inner) => {
    const rows = [
      [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity],
      [-Infinity, 0, -Infinity, 0, -Infinity],
      [1, 2, NaN, 4, 5],
      [1, 2, 3, 4, NaN],
      [-Infinity, NaN, -Infinity, -Infinity, -Infinity],
      [0, Infinity, 0, 0, 0],
      [3e38, -3e38, 3e38, 0, 1],
      [1000, 999, 998, 0, -1000],
      [1e-45, 0, -1e-45, 1e-39, 0],
      [-3e38, -3e38, -3e38, -3e38, -3e38],
    ];
    const x = rows.flatMap((row) =>
      inner === 1 ? row : row.flatMap((value) => Array.from({ length: inner }, () => value)),
    );
    const actual = run(x, rows.length, 5, inner);
    rows.forEach((row, r) => {
      const wild = row.some((value) => Number.isNaN(value) || value === Infinity);
      const expected = wild ? row.map(() => NaN) : softmax(Float32Array.from(row), 1, 5, 1);
      for (let i = 0; i < inner; i++) {
        expectWithin(
          row.map((_, k) => actual[(r * 5 + k) * inner + i]),
          expected,
          1e-6,
          `row ${r}`,
        );
      }
    });
  });

  it('no rows', () => expect(run([], 0, 5, 1)).toEqual(new Float32Array()));
});
