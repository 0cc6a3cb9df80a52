// Recording: dims, counts, views.
import { describe, expect, it } from 'vitest';
import {
  countOf,
  Graph,
  lastDim,
  rowsOf,
  rowStrideOf,
  sameDim,
  SEQUENCES,
  showDims,
  sizeOf,
  TOKENS,
} from '../../src/core/graph';
import { activation } from '../../src/ops/activation';
import { columns, reshape } from '../../src/ops/copy';

describe('dims', () => {
  it('count with at most one symbol', () => {
    expect(countOf([])).toEqual({ symbol: null, factor: 1 });
    expect(countOf([2, TOKENS, 3])).toEqual({ symbol: 'tokens', factor: 6 });
    expect(rowsOf([TOKENS, 8])).toEqual({ symbol: 'tokens', factor: 1 });
    expect(() => countOf([TOKENS, SEQUENCES])).toThrow('two symbols');
    expect(sizeOf({ symbol: 'tokens', factor: 6 }, { tokens: 7 })).toBe(42);
  });

  it('compare and print', () => {
    expect(sameDim(TOKENS, { symbol: 'tokens' })).toBe(true);
    expect(sameDim(TOKENS, SEQUENCES)).toBe(false);
    expect(sameDim(TOKENS, 3)).toBe(false);
    expect(showDims([TOKENS, 3])).toBe('[tokens, 3]');
    expect(lastDim([])).toBe(1);
  });
});

describe('Graph', () => {
  it('an input of the same name is the same value', () => {
    const g = new Graph();
    expect(g.input('x', [TOKENS, 4])).toBe(g.input('x', [TOKENS, 4]));
  });

  it('a view of a view shares the first storage', () => {
    const g = new Graph();
    const x = g.input('x', [TOKENS, 8]);
    const inner = columns(columns(x, 2, 8), 1, 3);
    expect(inner).toMatchObject({ offset: 3, rowStride: 8, dims: [TOKENS, 2], isContiguous: false });
    expect(inner.storage).toBe(x);
    expect(rowStrideOf(inner)).toBe(8);
    expect(g.nodes).toHaveLength(0);
  });

  it('ops copy views whose rows have gaps', () => {
    const g = new Graph();
    const x = g.input('x', [TOKENS, 8]);
    activation(columns(x, 0, 4), 'relu');
    expect(g.nodes.map(({ op }) => op.name)).toEqual(['copy', 'unary']);
  });

  it('reshape keeps the elements', () => {
    const g = new Graph();
    const x = g.input('x', [TOKENS, 8]);
    expect(reshape(x, [TOKENS, 2, 4]).storage).toBe(x);
    expect(() => reshape(x, [TOKENS, 9])).toThrow(
      expect.objectContaining({
        code: 'INVALID_SHAPE',
        message: expect.stringContaining('[tokens, 8] and [tokens, 9]'),
      }),
    );
  });
});
