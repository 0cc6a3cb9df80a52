// Rotary position embedding.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { rotary } from '../reference/rows';
import { expectWithin, Random } from '../support/numbers';
import { BUILDS, Raw } from '../support/raw';

describe.each(BUILDS)('rotary, %s', (build) => {
  const raw = new Raw(build);

  function run(rows: number, heads: number, size: number, dim: number, interleaved: boolean, gap = 0): void {
    raw.reset();
    const random = new Random(rows + heads * 3 + size * 5 + dim);
    const stride = heads * size + gap;
    const x = random.normal(rows * stride);
    const angles = Array.from({ length: rows }, (_, row) =>
      Array.from({ length: dim / 2 }, (_, i) => (row + 3) / 10 ** (i / 4)),
    );
    const table = Float32Array.from(angles.flatMap((row) => [...row.map(Math.cos), ...row.map(Math.sin)]));
    const out = raw.output(rows * heads * size);
    const fields = {
      [R.RO_X]: raw.input(x),
      [R.RO_X_STRIDE]: stride,
      [R.RO_TABLE]: raw.input(table),
      [R.RO_OUT]: out.address,
      [R.RO_ROWS]: raw.cell(rows),
      [R.RO_HEADS]: heads,
      [R.RO_SIZE_HEAD]: size,
      [R.RO_DIM]: dim,
      [R.RO_INTERLEAVED]: interleaved ? 1 : 0,
    };
    const actual = raw.runShares({ op: R.OP_ROTARY, size: R.RO_SIZE, fields }, out);
    const expected = rotary(x, stride, table, { rows, heads, size, dim, interleaved });
    const largest = x.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    expectWithin(actual, expected, 2e-7 * largest, 'out');
    // columns that are not turned are copied
    for (let unit = 0; unit < rows * heads; unit++) {
      const from = Math.floor(unit / heads) * stride + (unit % heads) * size;
      expect(actual.slice(unit * size + dim, (unit + 1) * size)).toEqual(x.slice(from + dim, from + size));
    }
  }

  describe.each([false, true])('interleaved: %s', (interleaved) => {
    it.each([
      [2, 2],
      [8, 8],
      [12, 12],
      [20, 20],
      [64, 64],
      [80, 80],
      [80, 32],
      [64, 16],
      [11, 6],
      [9, 0],
    ])('%d columns, %d of them turned', (size, dim) => {
      run(5, 3, size, dim, interleaved);
      run(1, 8, size, dim, interleaved);
      run(4, 2, size, dim, interleaved, 7);
    });

    it('no rows', () => run(0, 2, 8, 8, interleaved));
  });
});
