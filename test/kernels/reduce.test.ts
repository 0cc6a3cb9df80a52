// Reductions over any axis, and pooling of ragged sequences.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { pool, reduce } from '../reference/rows';
import { expectWithin, Random } from '../support/numbers';
import { BUILDS, Raw } from '../support/raw';

const KINDS = { sum: R.RED_SUM, mean: R.RED_MEAN, max: R.RED_MAX, min: R.RED_MIN };
const POOLS = { mean: R.POOL_MEAN, cls: R.POOL_CLS, max: R.POOL_MAX, meanSqrt: R.POOL_MEAN_SQRT, last: R.POOL_LAST };
const LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 101];

describe.each(BUILDS)('reduce, %s', (build) => {
  const raw = new Raw(build);

  function run(kind: number, x: ArrayLike<number>, outer: number, n: number, inner: number): Float32Array {
    raw.reset();
    const out = raw.output(outer * inner);
    const fields = {
      [R.RE_X]: raw.input(x),
      [R.RE_OUT]: out.address,
      [R.RE_OUTER]: raw.cell(outer),
      [R.RE_N]: n,
      [R.RE_INNER]: inner,
      [R.RE_KIND]: kind,
    };
    return raw.runShares({ op: R.OP_REDUCE, size: R.RE_SIZE, fields }, out);
  }

  it.each(LENGTHS)('over %d', (n) => {
    for (const inner of [1, 2, 3, 4, 5, 15, 16, 17, 35]) {
      const x = new Random(n * inner).normal(3 * n * inner, 2, 1);
      const sizes = reduce(R.RED_SUM, x.map(Math.abs), 3, n, inner);
      for (const [name, kind] of Object.entries(KINDS)) {
        const expected = reduce(kind, x, 3, n, inner);
        const terms = inner === 1 ? 5 + n / 16 : n;
        const bound = (i: number) =>
          name === 'sum' || name === 'mean'
            ? 2 ** -24 * ((terms * sizes[i]) / (name === 'mean' ? n : 1) + Math.abs(expected[i]))
            : 0;
        expectWithin(run(kind, x, 3, n, inner), expected, bound, `${name} ${n} ${inner}`);
      }
    }
  });

  it.each([1, 3, 16])('special values, inner %d', (inner) => {
    for (const length of [3, 4, 6, 16, 21]) {
      for (let at = 0; at < length; at += 3) {
        const values = Array.from({ length }, (_, k) => (k === at ? NaN : k === 0 ? -Infinity : k - 5));
        const x = values.flatMap((value) => Array.from({ length: inner }, () => value));
        for (const kind of Object.values(KINDS))
          expect(run(kind, x, 1, length, inner)).toEqual(new Float32Array(inner).fill(NaN));
        const infinite = x.map((value) => (Number.isNaN(value) ? Infinity : value === -Infinity ? 0 : value));
        expect(run(R.RED_MAX, infinite, 1, length, inner)).toEqual(new Float32Array(inner).fill(Infinity));
        const negative = infinite.map((value) => -Math.abs(value) - 1);
        expect(run(R.RED_MIN, negative, 1, length, inner)).toEqual(new Float32Array(inner).fill(-Infinity));
        // a maximum of negative numbers: padding must not count
        const expected = reduce(R.RED_MAX, Float32Array.from(negative), 1, length, inner);
        expect(run(R.RED_MAX, negative, 1, length, inner)).toEqual(Float32Array.from(expected));
      }
    }
  });

  it('no rows', () => expect(run(R.RED_SUM, [], 0, 5, 1)).toEqual(new Float32Array()));

  /** [first row, rows] of every sequence; not all rows belong to one, and one sequence is empty. */
  const SEGMENTS = [
    [0, 1],
    [1, 5],
    [8, 0],
    [9, 17],
    [26, 2],
  ] as const;

  it.each([1, 3, 4, 5, 15, 16, 17, 33, 48, 384])('pools rows of %d', (d) => {
    const x = new Random(d).normal(28 * d, 2, 1);
    for (const [name, kind] of Object.entries(POOLS)) {
      raw.reset();
      const out = raw.output(SEGMENTS.length * d);
      const table = SEGMENTS.flatMap(([first, rows]) => [first, rows, 0, 0, 0, 0, 0, 0]);
      const fields = {
        [R.PO_X]: raw.input(x),
        [R.PO_OUT]: out.address,
        [R.PO_SEGMENTS]: raw.ints(table),
        [R.PO_SEQUENCES]: raw.cell(SEGMENTS.length),
        [R.PO_D]: d,
        [R.PO_KIND]: kind,
      };
      const expected = pool(kind, x, d, SEGMENTS);
      const sizes = pool(kind, x.map(Math.abs), d, SEGMENTS);
      const bound = (i: number) =>
        name.startsWith('mean') ? 2 ** -24 * (SEGMENTS[Math.floor(i / d)][1] + 2) * sizes[i] : 0;
      expectWithin(raw.runShares({ op: R.OP_POOL, size: R.PO_SIZE, fields }, out), expected, bound, name);
    }
  });
});
