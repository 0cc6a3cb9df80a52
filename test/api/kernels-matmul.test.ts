// kernels.matmul and kernels.pack: numpy's shapes, epilogue, batches.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { Tensor } from '../../src/kernels';
import { activation } from '../reference/activations';
import { eachIndex, position } from '../reference/layout';
import { count, expectError, normal, openKernels, sizeOf } from '../support/kernels';
import { expectWithin } from '../support/numbers';

const { k, run } = openKernels();

/** numpy.matmul in f64 for operands of two and more dims, with the sum of the sizes of what was added. */
function reference(
  a: Tensor,
  b: Tensor,
  transposed = false,
): { dims: number[]; out: Float64Array; sizes: Float64Array } {
  const rank = Math.max(a.dims.length, b.dims.length);
  const full = (dims: readonly number[]): number[] => [...new Array<number>(rank - dims.length).fill(1), ...dims];
  const [aDims, bDims] = [full(a.dims), full(b.dims)];
  const depth = aDims[rank - 1];
  const lead = aDims.slice(0, -2).map((dim, i) => (dim === 1 ? bDims[i] : dim));
  const dims = [...lead, aDims[rank - 2], transposed ? bDims[rank - 2] : bDims[rank - 1]];
  const strides = (own: number[]): number[] =>
    own.map((dim, i) => (dim === 1 && i < rank - 2 ? 0 : sizeOf(own.slice(i + 1))));
  const [sa, sb] = [strides(aDims), strides(bDims)];
  const out = new Float64Array(sizeOf(dims));
  const sizes = new Float64Array(out.length);
  eachIndex(dims, (index, flat) => {
    const before = index.slice(0, -2);
    const [i, j] = index.slice(-2);
    for (let l = 0; l < depth; l++) {
      const x = a.data[position([...before, i, l], sa)] as number;
      const y = b.data[position(transposed ? [...before, j, l] : [...before, l, j], sb)] as number;
      out[flat] += x * y;
      sizes[flat] += Math.abs(x * y);
    }
  });
  return { dims, out, sizes };
}

function check(aDims: number[], bDims: number[], transposeB = false): void {
  const a = normal(aDims, 1);
  const b = normal(bDims, 2);
  const expected = reference(a, b, transposeB);
  const actual = run((kernels) => kernels.matmul(a, b, { transposeB }), [a, b]);
  expect(actual.dims).toEqual(expected.dims);
  const depth = aDims.at(-1)!;
  expectWithin(actual.data, expected.out, (i) => depth * 2 ** -23 * expected.sizes[i] + 1e-30, `${aDims} x ${bDims}`);
}

describe('kernels.matmul', () => {
  it.each([1, 2, 3, 5, 6, 7, 8, 9, 13, 16, 17, 31])('square of %d', (n) => check([n, n], [n, n]));

  it.each<[number[], number[]]>([
    [
      [1, 1],
      [1, 1],
    ],
    [
      [7, 300],
      [300, 11],
    ],
    [
      [385, 5],
      [5, 3],
    ],
    [
      [1, 257],
      [257, 100],
    ],
    [
      [2, 3, 4],
      [4, 5],
    ], // a batch of rows
    [
      [2, 3, 4],
      [2, 4, 5],
    ], // pairs
    [
      [3, 4],
      [2, 4, 5],
    ], // one a for all
    [
      [1, 3, 4],
      [2, 4, 5],
    ],
    [
      [6, 1, 3, 4],
      [1, 2, 4, 5],
    ], // both repeat
    [
      [2, 3, 4, 5],
      [2, 1, 5, 6],
    ], // the last batch dim shares b
    [
      [1, 2, 3, 4],
      [5, 1, 4, 3],
    ],
    [
      [2, 2, 2, 3, 4],
      [2, 1, 2, 4, 3],
    ],
    [
      [3, 1, 9, 33],
      [7, 33, 9],
    ],
    [
      [1, 1, 2, 3],
      [3, 2],
    ],
  ])('numpy: %j x %j', (a, b) => check(a, b));

  it.each<[number[], number[]]>([
    [
      [5, 40],
      [9, 40],
    ],
    [
      [2, 5, 4],
      [2, 3, 4],
    ],
    [
      [5, 4],
      [2, 3, 4],
    ],
    [
      [3, 1, 5, 4],
      [1, 2, 6, 4],
    ],
  ])('transposed: %j x %j', (a, b) => check(a, b, true));

  it('vectors are a row on the left and a column on the right', () => {
    const [v, m] = [count([3]), count([3, 2])];
    expect(
      k()
        .matmul(v, count([3]))
        .toArray(),
    ).toBe(5);
    expect(k().matmul(v, m).toArray()).toEqual([10, 13]);
    expect(
      k()
        .matmul(count([2, 3]), v)
        .toArray(),
    ).toEqual([5, 14]);
    expect(
      k()
        .matmul(v, count([2, 3]), { transposeB: true })
        .toArray(),
    ).toEqual([5, 14]);
    expect(
      k()
        .matmul(count([2, 2, 3]), v)
        .toArray(),
    ).toEqual([
      [5, 14],
      [23, 32],
    ]);
    expect(
      k()
        .matmul(v, count([2, 3, 1]))
        .toArray(),
    ).toEqual([[5], [14]]);
  });

  it.each([false, true])('bias, activation and residual, packed %s', (packed) => {
    for (const [lead, b] of [
      [[4], [3, 5]],
      [
        [2, 4],
        [3, 5],
      ],
      [
        [2, 4],
        [2, 3, 5],
      ],
      [[4], [2, 3, 5]],
    ]) {
      if (packed && b.length > 2) continue;
      const x = normal([...lead, 3], 3);
      const weight = normal(b, 4);
      const { out, sizes, dims } = reference(x, weight);
      const bias = normal([5], 5);
      const residual = normal(dims, 6);
      const transposed = new Tensor(
        Float32Array.from({ length: 15 }, (_, i) => weight.data[(i % 3) * 5 + Math.floor(i / 3)]),
        [5, 3],
      );
      const actual = run(
        (kernels) => {
          const right = packed ? kernels.pack(transposed) : weight;
          return kernels.matmul(x, right, { bias, residual, activation: 'gelu' });
        },
        [x, weight, bias, residual],
      );
      const expected = out.map((sum, i) => activation(R.ACT_GELU, sum + bias.data[i % 5]) + residual.data[i]);
      expect(actual.dims).toEqual(dims);
      expectWithin(actual.data, expected, (i) => 1e-6 * (sizes[i] + 3));
    }
  });

  it('a packed weight serves many products, until it is disposed', () => {
    const weight = normal([70, 300], 7);
    const packed = k().pack(weight);
    expect(packed.dims).toEqual([70, 300]);
    const a = normal([9, 300], 8);
    const first = k().matmul(a, packed);
    expect(first.data).toEqual(k().matmul(a, weight, { transposeB: true }).data);
    const one = new Tensor(a.data.subarray(300, 600), [300]);
    expect(k().matmul(one, packed).data).toEqual(first.data.slice(70, 140));
    const used = k().info.memory.used;
    packed.dispose();
    packed.dispose();
    expect(k().info.memory.used).toBeLessThan(used - packed.bytes + 1);
    expectError(() => k().matmul(a, packed), 'DISPOSED', 'packed weight');
  });

  it('rows do not depend on what else is in the batch', () => {
    const weight = k().pack(normal([50, 600], 9));
    const a = normal([41, 600], 10);
    const all = k().matmul(a, weight).data;
    for (const [from, to] of [
      [0, 1],
      [7, 9],
      [20, 41],
    ]) {
      const some = new Tensor(a.data.subarray(from * 600, to * 600), [to - from, 600]);
      expect(k().matmul(some, weight).data).toEqual(all.slice(from * 50, to * 50));
    }
  });

  it('a large product agrees with A (B x) for a random x', () => {
    const [m, n, depth] = [203, 515, 777];
    const [a, b] = [normal([m, depth], 11), normal([depth, n], 12)];
    const probe = normal([n], 13).data;
    const c = run((kernels) => kernels.matmul(a, b)).data;
    const middle = Float64Array.from({ length: depth }, (_, l) =>
      probe.reduce((sum, x, j) => sum + b.data[l * n + j] * x, 0),
    );
    const expected = Float64Array.from({ length: m }, (_, i) =>
      middle.reduce((sum, x, l) => sum + a.data[i * depth + l] * x, 0),
    );
    const actual = Float64Array.from({ length: m }, (_, i) => probe.reduce((sum, x, j) => sum + c[i * n + j] * x, 0));
    expectWithin(actual, expected, 3e-7 * Math.sqrt(depth) * Math.sqrt(n) * Math.sqrt(depth));
  });

  it('products of nothing are the bias', () => {
    const bias = new Tensor(Float32Array.of(1, -2), [2]);
    const nothing = new Tensor(new Float32Array(0), [3, 0]);
    const right = new Tensor(new Float32Array(0), [0, 2]);
    expect(k().matmul(nothing, right).toArray()).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(k().matmul(nothing, right, { bias, activation: 'relu' }).toArray()).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    const packed = k().pack(new Tensor(new Float32Array(0), [2, 0]));
    expect(k().matmul(nothing, packed, { bias }).toArray()).toEqual([
      [1, -2],
      [1, -2],
      [1, -2],
    ]);
    const batch = new Tensor(new Float32Array(0), [2, 1, 3, 0]);
    expect(k().matmul(batch, new Tensor(new Float32Array(0), [3, 0, 2])).dims).toEqual([2, 3, 3, 2]);
    expect(
      k()
        .matmul(new Tensor(new Float32Array(0), [0]), new Tensor(new Float32Array(0), [0]))
        .toArray(),
    ).toBe(0);
  });

  it('empty results keep their dims', () => {
    const empty = (dims: number[]): Tensor => new Tensor(new Float32Array(0), dims);
    expect(k().matmul(empty([0, 3]), count([3, 2])).dims).toEqual([0, 2]);
    expect(k().matmul(count([2, 3]), empty([3, 0])).dims).toEqual([2, 0]);
    expect(k().matmul(empty([0, 2, 3]), count([1, 3, 4])).dims).toEqual([0, 2, 4]);
    expect(k().matmul(count([2, 3]), k().pack(empty([0, 3]))).dims).toEqual([2, 0]);
  });

  it('shapes that do not fit name both and the rule', () => {
    expectError(
      () => k().matmul(count([2, 3]), count([4, 5])),
      'INVALID_SHAPE',
      'matmul',
      '[2, 3]',
      '[4, 5]',
      'last dim of a',
    );
    expectError(
      () => k().matmul(count([2, 2, 3]), count([3, 3, 5])),
      'INVALID_SHAPE',
      'leading dims',
      '[2, 2, 3]',
      '[3, 3, 5]',
    );
    expectError(() => k().matmul(count([]), count([1])), 'INVALID_SHAPE', '[]');
    expectError(() => k().matmul(count([2, 3]), k().pack(count([4, 2]))), 'INVALID_SHAPE', '[2, 3]', '[4, 2]');
    expectError(
      () => k().matmul(count([2, 3]), count([3, 4]), { bias: count([3]) }),
      'INVALID_SHAPE',
      'bias',
      '[4]',
      '[3]',
    );
    expectError(
      () => k().matmul(count([2, 3]), count([3, 4]), { residual: count([4]) }),
      'INVALID_SHAPE',
      'residual',
      '[2, 4]',
    );
    expectError(() => k().pack(count([2, 3, 4])), 'INVALID_SHAPE', 'pack', '[2, 3, 4]');
    expectError(
      () => k().matmul(count([2, 3]), count([3, 4]), { activation: 'swish' as 'silu' }),
      'INVALID_ARGUMENT',
      "'silu'",
      'swish',
    );
  });
});
