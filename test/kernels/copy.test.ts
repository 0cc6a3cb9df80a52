// Strided copies: transposes, slices, parts of a concatenation.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { eachIndex, position } from '../reference/layout';
import { Random } from '../support/numbers';
import { BUILDS, Raw } from '../support/raw';

function contiguous(dims: readonly number[]): number[] {
  return dims.map((_, i) => dims.slice(i + 1).reduce((a, b) => a * b, 1));
}

function extent(dims: readonly number[], strides: readonly number[]): number {
  return dims.some((d) => d === 0) ? 0 : 1 + dims.reduce((sum, d, i) => sum + (d - 1) * strides[i], 0);
}

/** To six dims, in front: 1, stride 0. */
function six(values: readonly number[], fill: number): number[] {
  return [...Array.from({ length: 6 - values.length }, () => fill), ...values];
}

describe.each(BUILDS)('copy, %s', (build) => {
  const raw = new Raw(build);

  function check(dims: number[], strides: number[], outStrides = contiguous(dims)): void {
    raw.reset();
    const x = new Random(dims.length).normal(Math.max(1, extent(dims, strides)));
    // what the record does not write keeps what was there
    const out = raw.inPlace(new Float32Array(extent(dims, outStrides)).fill(-1));
    const expected = Float32Array.from(out.initial!);
    eachIndex(dims, (index) => (expected[position(index, outStrides)] = x[position(index, strides)]));
    const [d, from, to] = [six(dims, 1), six(strides, 0), six(outStrides, 0)];
    const fields: Record<number, number> = {
      [R.CP_X]: raw.input(x),
      [R.CP_OUT]: out.address,
      [R.CP_D0]: raw.cell(d[0]),
    };
    for (let i = 0; i < 6; i++) {
      if (i > 0) fields[R.CP_D0 + 4 * i] = d[i];
      fields[R.CP_X0 + 4 * i] = from[i];
      fields[R.CP_OUT0 + 4 * i] = to[i];
    }
    expect(raw.runShares({ op: R.OP_COPY, size: R.CP_SIZE, fields }, out)).toEqual(expected);
  }

  const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33];

  it.each(SIZES)('transposes of %d rows', (rows) => {
    for (const columns of SIZES) {
      check([columns, rows], [1, columns]);
      check([3, columns, rows], [rows * columns, 1, columns]); // a batch of them
      check([columns, 3, rows], [1, rows * columns, columns]); // other dims between
      check([columns, rows], [1, columns + 3], [rows + 2, 1]); // out of and into wider rows
    }
  });

  it.each(SIZES)('slices of %d columns', (width) => {
    check([5, width], [width + 3, 1]);
    check([5, width], [width, 1], [width + 5, 1]); // a part of a concatenation
    check([5, width], [width + 1, 1], [width + 5, 1]);
    check([5, width], [0, 1]); // one row repeated
    check([5, width], [1, 0]); // one element repeated
    check([5, width], [2 * width, 2]); // every second column
    check([width], [1]);
  });

  it('runs long enough for the engine to copy', () => {
    check([3, 300], [310, 1]);
    check([1000], [1]);
  });

  it('permutations of six dims', () => {
    const dims = [2, 3, 2, 4, 3, 5];
    const strides = contiguous(dims);
    for (const order of [
      [0, 1, 2, 3, 4, 5],
      [5, 4, 3, 2, 1, 0],
      [1, 0, 3, 2, 5, 4],
      [0, 2, 1, 3, 5, 4],
      [5, 0, 1, 2, 3, 4],
      [2, 3, 4, 5, 0, 1],
    ]) {
      check(
        order.map((i) => dims[i]),
        order.map((i) => strides[i]),
      );
    }
  });

  it('nothing', () => {
    check([0, 5], [5, 1]);
    check([5, 0], [1, 1]);
  });
});
