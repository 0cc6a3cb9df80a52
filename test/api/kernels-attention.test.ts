// kernels.attention: grouped heads, masks of every kind, causality, maps.
import { describe, expect, it } from 'vitest';
import { Tensor } from '../../src/kernels';
import { attention } from '../reference/attention';
import { eachIndex, position } from '../reference/layout';
import { count, expectError, normal, openKernels } from '../support/kernels';
import { expectWithin, Random } from '../support/numbers';

const { k, run } = openKernels();

interface Case {
  q: number[];
  kv: number[];
  sizeV?: number;
  mask?: Tensor;
  causal?: boolean;
  scale?: number;
}

/** The reference wants rows of tokens: every head of every sequence is a sequence of its own. */
function reference({ q, kv, sizeV = q[3], mask, causal, scale }: Case, data: Tensor<Float32Array>[]) {
  const [batch, heads, queries, sizeK] = q;
  const [, kvHeads, keys] = kv;
  // the mask in full
  const full = new Float64Array(batch * heads * queries * keys);
  if (mask) {
    const dims = [...new Array<number>(4 - mask.dims.length).fill(1), ...mask.dims];
    const strides = dims.map((dim, i) => (dim === 1 ? 0 : dims.slice(i + 1).reduce((a, b) => a * b, 1)));
    eachIndex([batch, heads, queries, keys], (index, flat) => {
      const value = mask.data[position(index, strides)];
      full[flat] = mask.type === 'float32' ? Number(value) : value ? 0 : -Infinity;
    });
  }
  return attention({
    q: data[0].data,
    qStride: sizeK,
    k: data[1].data,
    kStride: sizeK,
    v: data[2].data,
    vStride: sizeV,
    rows: batch * heads * queries,
    outStride: sizeV,
    segments: Array.from({ length: batch * heads }, (_, unit) => ({
      query: unit * queries,
      queries,
      key: (Math.floor(unit / heads) * kvHeads + Math.floor((unit % heads) / (heads / kvHeads))) * keys,
      keys,
      map: unit * queries * keys,
      mask: unit * queries * keys,
    })),
    heads: 1,
    kvHeads: 1,
    sizeK,
    sizeV,
    scale: scale ?? 1 / Math.sqrt(sizeK),
    causal,
    mask: { data: full, head: 0, query: keys },
    mapSize: batch * heads * queries * keys,
  });
}

function check(problem: Case): void {
  const { q, kv, sizeV = q[3], mask, causal, scale } = problem;
  const inputs = [normal(q, 1), normal([...kv.slice(0, 3), q[3]], 2), normal([...kv.slice(0, 3), sizeV], 3)];
  const [query, key, value] = inputs;
  const expected = reference(problem, inputs);
  const options = { mask, causal, scale };
  const watched = mask ? [...inputs, mask] : inputs;
  const out = run((kernels) => kernels.attention(query, key, value, options), watched);
  expect(out.dims).toEqual([...q.slice(0, 3), sizeV]);
  expectWithin(out.data, expected.out, 4e-6, 'output');
  const maps = run(
    (kernels) => kernels.attention(query, key, value, { ...options, outputAttentions: true }).attentions,
    watched,
  );
  expect(maps.dims).toEqual([...q.slice(0, 3), kv[2]]);
  expectWithin(maps.data, expected.maps, 2e-6, 'attentions');
  const both = k().attention(query, key, value, { ...options, outputAttentions: true });
  expect(both.output.data).toEqual(out.data);
}

const bits = (dims: number[], seed: number): Tensor<Uint8Array> => {
  const random = new Random(seed);
  return new Tensor(
    Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Number(random.uniform() < 0.6)),
    dims,
  );
};

describe('kernels.attention', () => {
  it.each([
    [1, 1, 1, 1],
    [1, 2, 7, 4],
    [2, 3, 8, 5],
    [1, 2, 9, 64],
    [2, 1, 17, 3],
  ])('self-attention of [%d, %d, %d, %d]', (b, h, t, d) => check({ q: [b, h, t, d], kv: [b, h, t] }));

  it('other numbers of keys, other sizes of values, grouped heads', () => {
    check({ q: [2, 4, 5, 6], kv: [2, 2, 11], sizeV: 3 });
    check({ q: [1, 6, 9, 8], kv: [1, 1, 4], sizeV: 17 });
    check({ q: [3, 2, 1, 16], kv: [3, 2, 70] });
  });

  it('causal: the last query sees all keys', () => {
    check({ q: [1, 2, 13, 8], kv: [1, 2, 13], causal: true });
    check({ q: [2, 2, 3, 8], kv: [2, 1, 10], causal: true });
    check({ q: [1, 1, 9, 4], kv: [1, 1, 4], causal: true }); // the first queries see none
  });

  it.each([
    [[2, 2, 5, 7]],
    [[2, 1, 1, 7]],
    [[1, 2, 1, 7]],
    [[5, 7]],
    [[7]],
    [[5, 1]],
    [[2, 1, 5, 1]],
    [[1, 1, 1, 1]],
    [[]],
  ])('a mask of %j', (dims) => {
    check({ q: [2, 2, 5, 8], kv: [2, 2, 7], mask: bits(dims, 5) });
    check({ q: [2, 2, 5, 8], kv: [2, 2, 7], mask: normal(dims, 6), causal: true });
  });

  it('int32 and int64 masks, scale', () => {
    check({ q: [1, 1, 2, 4], kv: [1, 1, 3], mask: new Tensor(Int32Array.of(1, 0, 2), [3]), scale: 0.3 });
    check({ q: [1, 1, 2, 4], kv: [1, 1, 3], mask: new Tensor(BigInt64Array.of(0n, 1n, 1n), [3]), scale: 0 });
  });

  it('a masked key changes nothing', () => {
    const [q, keys, values] = [normal([1, 2, 4, 8], 1), normal([1, 2, 6, 8], 2), normal([1, 2, 6, 8], 3)];
    const mask = new Tensor(Uint8Array.of(1, 1, 1, 1, 0, 0), [1, 1, 1, 6]);
    const other = new Tensor(keys.data.slice(), keys.dims);
    for (const row of [4, 5, 10, 11]) other.data.fill(1000, row * 8, row * 8 + 8);
    const expected = k().attention(q, keys, values, { mask }).data;
    expect(k().attention(q, other, values, { mask }).data).toEqual(expected);
  });

  it('a query that may attend to nothing gives zeros', () => {
    const x = normal([1, 1, 3, 4], 1);
    const mask = new Tensor(Uint8Array.of(1, 1, 1, 0, 0, 0, 1, 0, 0), [3, 3]);
    const { output, attentions } = k().attention(x, x, x, { mask, outputAttentions: true });
    expect(output.data.slice(4, 8)).toEqual(new Float32Array(4));
    expect(attentions.data.slice(3, 6)).toEqual(new Float32Array(3));
    expect(output.data.slice(8, 12)).toEqual(x.data.slice(0, 4));
  });

  it('without a batch dim', () => {
    const [q, keys] = [normal([2, 5, 8], 1), normal([1, 7, 8], 2)];
    const out = k().attention(q, keys, keys, { mask: bits([5, 7], 3) });
    const four = (x: Tensor): Tensor => new Tensor(x.data, [1, ...x.dims]);
    expect(out.dims).toEqual([2, 5, 8]);
    expect(out.data).toEqual(k().attention(four(q), four(keys), four(keys), { mask: bits([5, 7], 3) }).data);
  });

  it('empty operands', () => {
    const empty = (dims: number[]): Tensor => new Tensor(new Float32Array(0), dims);
    expect(k().attention(empty([1, 2, 0, 4]), count([1, 2, 3, 4]), count([1, 2, 3, 4])).dims).toEqual([1, 2, 0, 4]);
    expect(k().attention(empty([0, 2, 3, 4]), empty([0, 2, 3, 4]), empty([0, 2, 3, 4])).dims).toEqual([0, 2, 3, 4]);
    const none = k().attention(count([1, 1, 2, 4]), empty([1, 1, 0, 4]), empty([1, 1, 0, 3]), {
      outputAttentions: true,
    });
    expect(none.output.toArray()).toEqual([
      [
        [
          [0, 0, 0],
          [0, 0, 0],
        ],
      ],
    ]);
    expect(none.attentions.dims).toEqual([1, 1, 2, 0]);
    const flat = k().attention(count([1, 1, 2, 4]), count([1, 1, 3, 4]), empty([1, 1, 3, 0]), {
      outputAttentions: true,
    });
    expect(flat.output.dims).toEqual([1, 1, 2, 0]);
    expect(flat.attentions.toArray()).toEqual(
      k()
        .attention(count([1, 1, 2, 4]), count([1, 1, 3, 4]), count([1, 1, 3, 4]), { outputAttentions: true })
        .attentions.toArray(),
    );
  });

  it('shapes that do not fit', () => {
    const x = count([1, 2, 3, 4]);
    expectError(() => k().attention(x, count([2, 3, 4]), x), 'INVALID_SHAPE', 'attention', '[1, 2, 3, 4]', '[2, 3, 4]');
    expectError(() => k().attention(x, count([1, 2, 3, 5]), x), 'INVALID_SHAPE', 'head size', '[1, 2, 3, 5]');
    expectError(() => k().attention(x, count([2, 2, 3, 4]), x), 'INVALID_SHAPE', 'batch');
    expectError(() => k().attention(x, x, count([1, 2, 2, 4])), 'INVALID_SHAPE', 'same heads and tokens');
    expectError(() => k().attention(count([1, 3, 3, 4]), x, x), 'INVALID_SHAPE', 'multiple');
    expectError(
      () => k().attention(x, x, x, { mask: count([2, 3]) }),
      'INVALID_SHAPE',
      'mask',
      '[2, 3]',
      '[1, 2, 3, 3]',
    );
    expectError(() => k().attention(x, x, x, { mask: count([1, 1, 2, 3, 3]) }), 'INVALID_SHAPE', 'mask');
    expectError(
      () => k().attention(x, x, x, { mask: new Tensor(new Float64Array(9), [3, 3]) }),
      'INVALID_ARGUMENT',
      'float64',
    );
    expectError(() => k().attention(x, x, x, { scale: NaN }), 'INVALID_ARGUMENT', 'scale', 'NaN');
    expectError(() => k().attention(x, x, x, { causal: 1 as unknown as boolean }), 'INVALID_ARGUMENT', 'causal');
  });
});
