// Shape rules of the ops over symbolic row counts, which single kernels never have.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Core } from '../../src/core/core';
import { executeSync, read } from '../../src/core/execute';
import { Graph, SEQUENCES, TOKENS, type Dim, type Value } from '../../src/core/graph';
import { compile } from '../../src/core/plan';
import { binary } from '../../src/ops/binary';
import { columns, contiguous, reshape } from '../../src/ops/copy';
import { broadcastTo, concat, slice, transpose } from '../../src/ops/rearrange';
import { matmul } from '../../src/ops/matmul';
import { pack } from '../../src/ops/pack';
import { reduce } from '../../src/ops/reduce';
import { softmax } from '../../src/ops/softmax';
import { broadcastDims, broadcastStrides, collapse, padDims, stridesOf } from '../../src/ops/strides';
import { count } from '../support/kernels';

let core: Core;
beforeAll(async () => {
  core = await Core.create({ threads: 1 });
  core.beginCall(1);
});
afterAll(() => core.dispose());

/** Runs an op on inputs that count 0, 1, 2, ..., with 3 tokens in a plan for 5. */
function run(
  shapes: readonly (readonly Dim[])[],
  op: (...inputs: Value[]) => Value,
): { dims: readonly Dim[]; data: number[] } {
  const graph = new Graph();
  const inputs = shapes.map((dims, i) => graph.input(`x${i}`, dims));
  const out = op(...inputs);
  graph.output('out', out);
  const plan = compile(graph, core, { tokens: 5 });
  for (const value of inputs) {
    const { data } = count(value.dims.map((dim) => (typeof dim === 'number' ? dim : 3)));
    core.memory.f32(plan.address(value), data.length).set(data);
  }
  executeSync(plan, core, { tokens: 3 });
  core.memory.free(plan.region);
  return { dims: out.dims, data: [...read(plan, core, out, { tokens: 3 })] };
}

describe('strides', () => {
  it('broadcasting', () => {
    expect(broadcastDims([2, 1, 4], [3, 1])).toEqual([2, 3, 4]);
    expect(broadcastDims([TOKENS, 4], [4])).toEqual([TOKENS, 4]);
    expect(broadcastDims([TOKENS, 1], [1, 4])).toEqual([TOKENS, 4]);
    expect(broadcastDims([TOKENS, 4], [3, 4])).toBeNull();
    expect(broadcastDims([TOKENS], [SEQUENCES])).toBeNull();
    expect(broadcastDims([2], [3])).toBeNull();
    expect(broadcastStrides([3, 1], [2, 3, 4])).toEqual([0, 1, 0]);
    expect(stridesOf([TOKENS, 3, 4])).toEqual([12, 4, 1]);
  });

  it('collapse merges what every operand runs through', () => {
    expect(
      collapse(
        [2, 3, 4],
        [
          [12, 4, 1],
          [12, 4, 1],
        ],
      ),
    ).toEqual({ dims: [24], strides: [[1], [1]] });
    expect(
      collapse(
        [2, 3, 4],
        [
          [12, 4, 1],
          [0, 4, 1],
        ],
      ),
    ).toEqual({
      dims: [2, 12],
      strides: [
        [12, 1],
        [0, 1],
      ],
    });
    expect(collapse([2, 1, 4], [[4, 9, 1]])).toEqual({ dims: [8], strides: [[1]] });
    expect(collapse([TOKENS, 4], [[4, 1]])).toEqual({ dims: [TOKENS, 4], strides: [[4, 1]] });
    expect(collapse([1, 1], [[1, 1]])).toEqual({ dims: [], strides: [[]] });
  });

  it('padding leaves a symbolic dim in front', () => {
    expect(padDims([2, 3], [[3, 1]], 4)).toEqual({ dims: [1, 1, 2, 3], strides: [[0, 0, 3, 1]] });
    expect(padDims([TOKENS, 3], [[3, 1]], 4)).toEqual({ dims: [TOKENS, 1, 1, 3], strides: [[3, 0, 0, 1]] });
    expect(padDims([], [[]], 2)).toEqual({ dims: [1, 1], strides: [[0, 0]] });
  });
});

describe('ops over tokens', () => {
  it('copies of columns', () => {
    expect(run([[TOKENS, 4]], (x) => contiguous(columns(x, 1, 3)))).toEqual({
      dims: [TOKENS, 2],
      data: [1, 2, 5, 6, 9, 10],
    });
  });

  it('transpose within rows', () => {
    const { dims, data } = run([[TOKENS, 2, 3]], (x) => transpose(x, [0, 2, 1]));
    expect(dims).toEqual([TOKENS, 3, 2]);
    expect(data.slice(6, 12)).toEqual([6, 9, 7, 10, 8, 11]);
    expect(() => run([[TOKENS, 2, 3]], (x) => transpose(x, [1, 0, 2]))).toThrow(
      expect.objectContaining({ code: 'INVALID_SHAPE' }),
    );
  });

  it('slices of rows', () => {
    expect(run([[TOKENS, 4]], (x) => slice(x, [0, 3], [TOKENS, 2], [1, -2]))).toEqual({
      dims: [TOKENS, 2],
      data: [3, 1, 7, 5, 11, 9],
    });
  });

  it('concat of columns', () => {
    const { dims, data } = run(
      [
        [TOKENS, 1],
        [TOKENS, 2],
      ],
      (a, b) => concat([a, b, columns(b, 1, 2)], 1),
    );
    expect(dims).toEqual([TOKENS, 4]);
    expect(data).toEqual([0, 0, 1, 1, 1, 2, 3, 3, 2, 4, 5, 5]);
    expect(() =>
      run(
        [
          [TOKENS, 1],
          [TOKENS, 2],
        ],
        (a, b) => concat([a, b], 0),
      ),
    ).toThrow(expect.objectContaining({ code: 'INVALID_SHAPE' }));
  });

  it('arithmetic with a row, a column and a view', () => {
    expect(run([[TOKENS, 2], [2]], (a, b) => binary(a, b, 'add')).data).toEqual([0, 2, 2, 4, 4, 6]);
    expect(
      run(
        [
          [TOKENS, 2],
          [TOKENS, 1],
        ],
        (a, b) => binary(a, b, 'sub'),
      ).data,
    ).toEqual([0, 1, 1, 2, 2, 3]);
    expect(
      run(
        [
          [TOKENS, 4],
          [TOKENS, 2],
        ],
        (a, b) => binary(columns(a, 2, 4), b, 'mul'),
      ).data,
    ).toEqual([0, 3, 12, 21, 40, 55]);
    expect(run([[TOKENS], [TOKENS]], (a, b) => binary(a, b, 'add'))).toEqual({ dims: [TOKENS], data: [0, 2, 4] });
  });

  it('broadcastTo', () => {
    expect(run([[TOKENS, 1]], (x) => broadcastTo(x, [TOKENS, 2])).data).toEqual([0, 0, 1, 1, 2, 2]);
    expect(run([[2]], (x) => broadcastTo(x, [2, 2])).data).toEqual([0, 1, 0, 1]);
    expect(() => run([[3]], (x) => broadcastTo(x, [2]))).toThrow(expect.objectContaining({ code: 'INVALID_SHAPE' }));
    expect(() => run([[2, 1]], (x) => broadcastTo(x, [2]))).toThrow(expect.objectContaining({ code: 'INVALID_SHAPE' }));
  });

  it('reductions and softmax over the dims of a row', () => {
    expect(run([[TOKENS, 2, 2]], (x) => reduce(x, 'sum', 1, 3))).toEqual({ dims: [TOKENS], data: [6, 22, 38] });
    expect(run([[TOKENS, 2, 2]], (x) => reduce(x, 'max', 1, 2))).toEqual({
      dims: [TOKENS, 2],
      data: [2, 3, 6, 7, 10, 11],
    });
    expect(run([[TOKENS, 2]], (x) => softmax(binary(x, x, 'sub'), 1)).data).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
  });

  it('batched products share or pair up, with a residual for each', () => {
    const product = (a: number[], b: number[]): number[] =>
      run([a, b, [2, 1, 2]], (x, y, residual) => matmul(x, pack(y), { residual })).data;
    // a = [0 1], [2 3]; b = [0 1; 2 3], [4 5; 6 7]; residual = [0 1], [2 3]
    expect(product([2, 1, 2], [2, 2, 2])).toEqual([2, 3 + 1, 26 + 2, 31 + 3]);
    expect(product([1, 2], [2, 2, 2])).toEqual([2, 3 + 1, 6 + 2, 7 + 3]);
    expect(() =>
      run(
        [
          [3, 1, 2],
          [2, 2, 2],
        ],
        (x, y) => matmul(x, pack(y)),
      ),
    ).toThrow(
      expect.objectContaining({ code: 'INVALID_SHAPE', message: expect.stringContaining('[3, 1, 2] and [2, 2, 2]') }),
    );
    expect(() =>
      run(
        [
          [2, 2],
          [2, 2],
        ],
        (x, y) => matmul(x, y),
      ),
    ).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  it('reshape of a strided view copies it first', () => {
    expect(run([[TOKENS, 4]], (x) => reshape(columns(x, 0, 2), [TOKENS, 2, 1]))).toEqual({
      dims: [TOKENS, 2, 1],
      data: [0, 1, 4, 5, 8, 9],
    });
  });
});
