// The other kernels: element by element, along dims, rearranging; each against its f64 reference or by plain indexing.
import { describe, expect, it } from 'vitest';
import * as R from '../../assembly/abi/records';
import { Tensor, type Kernels } from '../../src/kernels';
import { activation } from '../reference/activations';
import { bfloat16Value, combine, eachIndex, halfValue, position } from '../reference/layout';
import * as rows from '../reference/rows';
import { count, normal, openKernels, sizeOf } from '../support/kernels';
import { expectWithin, Random } from '../support/numbers';

const { k, run } = openKernels();
const empty = (dims: number[]): Tensor => new Tensor(new Float32Array(0), dims);
const stridesOf = (dims: readonly number[]): number[] => dims.map((_, i) => sizeOf(dims.slice(i + 1)));

describe('element by element', () => {
  const FUNCTIONS: [string, number, (kernels: Kernels, x: Tensor) => Tensor<Float32Array>][] = [
    ['gelu', R.ACT_GELU, (kernels, x) => kernels.gelu(x)],
    ['gelu tanh', R.ACT_GELU_TANH, (kernels, x) => kernels.gelu(x, { approximate: 'tanh' })],
    ['relu', R.ACT_RELU, (kernels, x) => kernels.relu(x)],
    ['silu', R.ACT_SILU, (kernels, x) => kernels.silu(x)],
    ['tanh', R.ACT_TANH, (kernels, x) => kernels.tanh(x)],
    ['sigmoid', R.ACT_SIGMOID, (kernels, x) => kernels.sigmoid(x)],
    ['exp', R.ACT_EXP, (kernels, x) => kernels.exp(x)],
  ];

  it.each(FUNCTIONS)('%s', (_, kind, call) => {
    for (const dims of [[], [1], [5], [3, 7], [2, 3, 4, 5]]) {
      const x = normal(dims, dims.length + 1, 2);
      const out = run((kernels) => call(kernels, x), [x]);
      expect(out.dims).toEqual(dims);
      const expected = Float64Array.from(x.data, (value) => activation(kind, value));
      expectWithin(out.data, expected, (i) => 2e-6 * (1 + Math.abs(expected[i])));
    }
    expect(call(k(), empty([2, 0])).dims).toEqual([2, 0]);
  });

  const ARITHMETIC = [
    ['add', R.BIN_ADD],
    ['sub', R.BIN_SUB],
    ['mul', R.BIN_MUL],
    ['div', R.BIN_DIV],
    ['maximum', R.BIN_MAX],
    ['minimum', R.BIN_MIN],
  ] as const;

  /** Shapes of a and b; what comes out. */
  const SHAPES: [number[], number[], number[]][] = [
    [[], [], []],
    [[3], [], [3]],
    [[], [2, 3], [2, 3]],
    [[4, 5], [5], [4, 5]],
    [[4, 1], [5], [4, 5]],
    [
      [4, 1],
      [1, 5],
      [4, 5],
    ],
    [
      [2, 3, 4],
      [3, 1],
      [2, 3, 4],
    ],
    [
      [1, 3, 1, 5],
      [2, 1, 4, 1],
      [2, 3, 4, 5],
    ],
    [
      [2, 1, 3, 1, 4],
      [2, 2, 3, 2, 4],
      [2, 2, 3, 2, 4],
    ],
    [
      [2, 1, 3, 1, 4],
      [1, 2, 1, 2, 1],
      [2, 2, 3, 2, 4],
    ],
    [
      [2, 1, 3, 1, 2, 1],
      [1, 2, 1, 2, 1, 3],
      [2, 2, 3, 2, 2, 3],
    ],
    [
      [2, 1, 3, 1, 2, 1],
      [2, 2, 3, 2, 2, 3],
      [2, 2, 3, 2, 2, 3],
    ],
    [
      [1, 1, 7],
      [1, 7],
      [1, 1, 7],
    ],
    [
      [0, 3],
      [1, 3],
      [0, 3],
    ],
    [
      [1, 3],
      [0, 1],
      [0, 3],
    ],
  ];

  it.each(ARITHMETIC)('%s broadcasts as numpy does', (name, kind) => {
    for (const [aDims, bDims, dims] of SHAPES) {
      const [a, b] = [normal(aDims, 1), normal(bDims, 2)];
      const out = run((kernels) => kernels[name](a, b), [a, b]);
      expect(out.dims).toEqual(dims);
      const strides = (own: number[]): number[] => {
        const full = [...new Array<number>(dims.length - own.length).fill(1), ...own];
        return stridesOf(full).map((stride, i) => (full[i] === 1 ? 0 : stride));
      };
      const expected = new Float32Array(sizeOf(dims));
      eachIndex(dims, (index, flat) => {
        expected[flat] = combine(
          kind,
          a.data[position(index, strides(aDims))],
          b.data[position(index, strides(bDims))],
        );
      });
      expect(out.data).toEqual(expected);
    }
  });

  it('works on views of larger buffers', () => {
    const buffer = Float32Array.from({ length: 100 }, (_, i) => i);
    const [a, b] = [new Tensor(buffer.subarray(3, 9), [2, 3]), new Tensor(buffer.subarray(50, 53), [3])];
    expect(k().add(a, b).toArray()).toEqual([
      [53, 55, 57],
      [56, 58, 60],
    ]);
    const shared = new Float32Array(new SharedArrayBuffer(12));
    shared.set([1, 2, 3]);
    expect(
      k()
        .mul(new Tensor(shared, [3]), b)
        .toArray(),
    ).toEqual([50, 102, 156]);
  });
});

describe('along dims', () => {
  it.each([
    [[5], -1],
    [[3, 4], 0],
    [[3, 4], 1],
    [[2, 3, 4], 1],
    [[2, 3, 4], -3],
    [[2, 3, 1, 5], 2],
  ] as [number[], number][])('softmax of %j along %d', (dims, axis) => {
    const x = normal(dims, 3, 3);
    const at = axis < 0 ? axis + dims.length : axis;
    const expected = rows.softmax(x.data, sizeOf(dims.slice(0, at)), dims[at], sizeOf(dims.slice(at + 1)));
    const out = run((kernels) => kernels.softmax(x, { axis }), [x]);
    expect(out.dims).toEqual(dims);
    expectWithin(out.data, expected, 1e-6);
  });

  it('softmax of nothing', () => {
    expect(k().softmax(empty([3, 0])).dims).toEqual([3, 0]);
    expect(k().softmax(empty([0, 3]), { axis: 0 }).dims).toEqual([0, 3]);
  });

  it.each([1, 2, 3, 16, 33, 384])('norms over %d', (d) => {
    const [x, weight, bias] = [normal([3, 5, d], 4, 2), normal([d], 5), normal([d], 6)];
    const within = (out: Tensor<Float32Array>, expected: Float64Array): void => {
      expect(out.dims).toEqual(x.dims);
      expectWithin(out.data, expected, (i) => 2e-5 * (1 + Math.abs(expected[i])));
    };
    within(
      run((kernels) => kernels.layerNorm(x), [x]),
      rows.layerNorm(x.data, 15, d, { eps: 1e-5 }),
    );
    within(
      run((kernels) => kernels.layerNorm(x, weight, null, { eps: 0.1 }), [x, weight]),
      rows.layerNorm(x.data, 15, d, { weight: weight.data, eps: 0.1 }),
    );
    within(
      run((kernels) => kernels.layerNorm(x, null, bias), [x, bias]),
      rows.layerNorm(x.data, 15, d, { bias: bias.data, eps: 1e-5 }),
    );
    within(
      run((kernels) => kernels.layerNorm(x, weight, bias), [x]),
      rows.layerNorm(x.data, 15, d, { weight: weight.data, bias: bias.data, eps: 1e-5 }),
    );
    within(
      run((kernels) => kernels.rmsNorm(x), [x]),
      rows.rmsNorm(x.data, 15, d, { eps: 1e-6 }),
    );
    within(
      run((kernels) => kernels.rmsNorm(x, weight, { eps: 1 }), [x]),
      rows.rmsNorm(x.data, 15, d, { weight: weight.data, eps: 1 }),
    );
    within(
      run((kernels) => kernels.l2Normalize(x), [x]),
      rows.l2Normalize(x.data, 15, d, 1e-12),
    );
    within(
      run((kernels) => kernels.l2Normalize(x, { axis: 2, eps: 2 }), [x]),
      rows.l2Normalize(x.data, 15, d, 2),
    );
  });

  it('norms of nothing', () => {
    expect(k().layerNorm(empty([0, 4])).dims).toEqual([0, 4]);
    expect(k().rmsNorm(empty([4, 0]), empty([0])).dims).toEqual([4, 0]);
    expect(k().l2Normalize(empty([0])).dims).toEqual([0]);
  });

  const REDUCTIONS = [
    ['sum', R.RED_SUM],
    ['mean', R.RED_MEAN],
    ['max', R.RED_MAX],
    ['min', R.RED_MIN],
  ] as const;
  /** Dims, axes, what is left. */
  const AXES: [number[], number | number[] | undefined, number[]][] = [
    [[], undefined, []],
    [[7], undefined, []],
    [[2, 3, 4], undefined, []],
    [[2, 3, 4], 0, [3, 4]],
    [[2, 3, 4], 1, [2, 4]],
    [[2, 3, 4], -1, [2, 3]],
    [[2, 3, 4], [0, 1], [4]],
    [[2, 3, 4], [2, 0], [3]],
    [[2, 1, 4], [0, -1], [1]],
    [
      [2, 3, 4, 5],
      [1, 3],
      [2, 4],
    ],
    [
      [2, 3, 2, 3, 2, 3],
      [0, 2, 4],
      [3, 3, 3],
    ],
    [[2, 3], [], [2, 3]],
    [[1, 1], 0, [1]],
    [[40, 100], 1, [40]],
    [[100, 40], 0, [40]],
  ];

  it.each(REDUCTIONS)('%s', (name, kind) => {
    for (const [dims, axis, left] of AXES) {
      const x = normal(dims, dims.length + 3);
      const axes = (axis === undefined ? dims.map((_, i) => i) : [axis].flat()).map((one) =>
        one < 0 ? one + dims.length : one,
      );
      const groups = new Map<string, number[]>();
      eachIndex(dims, (index, flat) => {
        const key = index.filter((_, i) => !axes.includes(i)).join();
        groups.set(key, [...(groups.get(key) ?? []), x.data[flat]]);
      });
      const expected = Float64Array.from(
        groups.values(),
        (values) => rows.reduce(kind, values, 1, values.length, 1)[0],
      );
      const out = run((kernels) => kernels[name](x, { axis }), [x]);
      expect(out.dims).toEqual(left);
      expectWithin(out.data, expected, kind === R.RED_SUM || kind === R.RED_MEAN ? 1e-5 : 0, `${name} ${dims} ${axis}`);
      const kept = k()[name](x, { axis, keepDims: true });
      expect(kept.dims).toEqual(dims.map((dim, i) => (axes.includes(i) ? 1 : dim)));
      expect(kept.data).toEqual(out.data);
    }
  });

  it('reductions of nothing', () => {
    expect(
      k()
        .sum(empty([0, 2]), { axis: 0 })
        .toArray(),
    ).toEqual([0, 0]);
    expect(
      k()
        .sum(empty([0]))
        .toArray(),
    ).toBe(0);
    expect(
      k()
        .mean(empty([0, 2]), { axis: 0 })
        .toArray(),
    ).toEqual([NaN, NaN]);
    expect(k().max(empty([0, 2]), { axis: 1 }).dims).toEqual([0]);
    expect(k().sum(empty([2, 0, 3]), { axis: 1, keepDims: true }).dims).toEqual([2, 1, 3]);
  });

  it('pooling', () => {
    const [batch, tokens, d] = [4, 6, 19];
    const hidden = normal([batch, tokens, d], 8);
    const KINDS = [
      ['mean', R.POOL_MEAN],
      ['cls', R.POOL_CLS],
      ['max', R.POOL_MAX],
      ['meanSqrtLen', R.POOL_MEAN_SQRT],
      ['lastToken', R.POOL_LAST],
    ] as const;
    const masks = {
      none: null,
      'right and left padding': [1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
      holes: [1, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0],
      nothing: new Array<number>(24).fill(0),
    };
    for (const [what, bits] of Object.entries(masks)) {
      const mask = bits ? new Tensor(Int32Array.from(bits), [batch, tokens]) : null;
      const kept: number[] = [];
      const segments = Array.from({ length: batch }, (_, b) => {
        const first = kept.length / d;
        for (let t = 0; t < tokens; t++) {
          const row = b * tokens + t;
          if (!bits || bits[row]) kept.push(...hidden.data.subarray(row * d, row * d + d));
        }
        return [first, kept.length / d - first] as const;
      });
      for (const [name, kind] of KINDS) {
        const out = run((kernels) => kernels.pool(hidden, mask, name), [hidden]);
        expect(out.dims).toEqual([batch, d]);
        expectWithin(out.data, rows.pool(kind, kept, d, segments), 2e-6, `${name} ${what}`);
      }
    }
    expect(k().pool(hidden).data).toEqual(k().pool(hidden, undefined, 'mean').data);
    expect(k().pool(empty([0, 3, 4])).dims).toEqual([0, 4]);
    expect(
      k()
        .pool(empty([2, 0, 3]))
        .toArray(),
    ).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });
});

describe('rearranging', () => {
  it('embedding', () => {
    const table = normal([10, 7], 1);
    const chosen = [3, 0, 9, 3, 1, 2];
    const expected = Float32Array.from(chosen.flatMap((id) => [...table.data.subarray(id * 7, id * 7 + 7)]));
    for (const data of [
      Int32Array.from(chosen),
      Uint8Array.from(chosen),
      Int8Array.from(chosen),
      BigInt64Array.from(chosen.map(BigInt)),
    ]) {
      const rows = new Tensor(data, [2, 3]);
      const out = run((kernels) => kernels.embedding(table, rows), [table, rows]);
      expect(out.dims).toEqual([2, 3, 7]);
      expect(out.data).toEqual(expected);
    }
    expect(k().embedding(table, new Tensor(Int32Array.of(4), [])).dims).toEqual([7]);
    expect(k().embedding(table, new Tensor(new Int32Array(0), [0])).dims).toEqual([0, 7]);
  });

  it.each([
    [[3, 4], undefined],
    [[2, 3, 4], undefined],
    [
      [2, 3, 4],
      [1, 2, 0],
    ],
    [
      [2, 3, 4, 5],
      [0, 2, 1, 3],
    ],
    [
      [2, 3, 4, 5],
      [-1, 0, -2, 1],
    ],
    [
      [2, 3, 2, 3, 2, 3],
      [5, 4, 3, 2, 1, 0],
    ],
    [
      [2, 1, 2, 1, 2, 1, 2, 2],
      [7, 5, 3, 1, 6, 4, 2, 0],
    ],
    [
      [33, 65],
      [1, 0],
    ],
    [[], []],
    [[4], [0]],
  ] as [number[], number[] | undefined][])('transpose of %j by %j', (dims, perm) => {
    const x = normal(dims, 9);
    const order = (perm ?? dims.map((_, i) => i).reverse()).map((axis) => (axis < 0 ? axis + dims.length : axis));
    const strides = stridesOf(dims);
    const expected = new Float32Array(x.data.length);
    const out = run((kernels) => kernels.transpose(x, perm), [x]);
    expect(out.dims).toEqual(order.map((axis) => dims[axis]));
    eachIndex(out.dims, (index, flat) => {
      expected[flat] =
        x.data[
          position(
            index,
            order.map((axis) => strides[axis]),
          )
        ];
    });
    expect(out.data).toEqual(expected);
  });

  it('concat', () => {
    const parts = [normal([2, 3, 4], 1), normal([2, 1, 4], 2), empty([2, 0, 4]), normal([2, 5, 4], 3)];
    const out = run((kernels) => kernels.concat(parts, { axis: 1 }), parts);
    expect(out.dims).toEqual([2, 9, 4]);
    const [a, b, , c] = parts.map((part) => part.toArray() as number[][][]);
    expect(out.toArray()).toEqual([0, 1].map((i) => [...a[i], ...b[i], ...c[i]]));
    expect(
      k()
        .concat([count([2, 2]), count([1, 2])])
        .toArray(),
    ).toEqual([
      [0, 1],
      [2, 3],
      [0, 1],
    ]);
    expect(
      k()
        .concat([count([2, 2]), count([2, 1])], { axis: -1 })
        .toArray(),
    ).toEqual([
      [0, 1, 0],
      [2, 3, 1],
    ]);
    expect(
      k()
        .concat([count([3])])
        .toArray(),
    ).toEqual([0, 1, 2]);
    expect(k().concat([empty([0, 3]), empty([0, 3])]).dims).toEqual([0, 3]);
    const many = Array.from({ length: 200 }, (_, i) => new Tensor(Float32Array.of(i), [1]));
    expect(run((kernels) => kernels.concat(many)).data).toEqual(count([200]).data);
  });

  it('slice follows Python', () => {
    const x = count([4, 5]);
    expect(k().slice(x, [1], [3]).toArray()).toEqual([
      [5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14],
    ]);
    expect(k().slice(x, [-2, 1], [null, -1]).toArray()).toEqual([
      [11, 12, 13],
      [16, 17, 18],
    ]);
    expect(k().slice(x, [null, null], [null, null], [3, 2]).toArray()).toEqual([
      [0, 2, 4],
      [15, 17, 19],
    ]);
    expect(k().slice(x, [null, null], [null, null], [-1, -2]).toArray()).toEqual([
      [19, 17, 15],
      [14, 12, 10],
      [9, 7, 5],
      [4, 2, 0],
    ]);
    expect(k().slice(x, [-100, 3], [100, -100], [1, -2]).toArray()).toEqual([
      [3, 1],
      [8, 6],
      [13, 11],
      [18, 16],
    ]);
    expect(k().slice(x, [3], [1]).dims).toEqual([0, 5]);
    expect(k().slice(x, []).data).toEqual(x.data);
    const wide = normal([3, 40, 50], 4);
    const out = run((kernels) => kernels.slice(wide, [0, 35, 7], [3, 2, 44], [2, -3, 1]), [wide]);
    expect(out.dims).toEqual([2, 11, 37]);
    const expected = new Float32Array(out.data.length);
    eachIndex(out.dims, ([i, j, l], flat) => {
      expected[flat] = wide.data[i * 2 * 2000 + (35 - 3 * j) * 50 + 7 + l];
    });
    expect(out.data).toEqual(expected);
  });

  it.each([
    ['f16', halfValue],
    ['bf16', bfloat16Value],
  ] as const)('%s to float32', (type, value) => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const out = run((kernels) => kernels.toFloat32(all, type));
    expect(out.dims).toEqual([65536]);
    expect(out.data).toEqual(Float32Array.from(all, value));
    const random = new Random(5);
    for (const n of [0, 1, 2, 3, 7, 33]) {
      const bits = Uint16Array.from({ length: n + 1 }, () => random.below(0x7c00)).subarray(1);
      expect(k().toFloat32(bits, type).data).toEqual(Float32Array.from(bits, value));
    }
  });
});
