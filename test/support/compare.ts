// How far results are from expected tensors.
import { expect } from 'vitest';
import type { Tensor } from '../../src/api/tensor';
import type { ExpectedTensor } from '../golden/load';

/** Largest difference relative to the largest expected magnitude, in the rows that the mask keeps. Dims must agree. */
export function relative(actual: Tensor, expected: ExpectedTensor, mask?: ArrayLike<number>): number {
  expect([...actual.dims]).toEqual(expected.dims);
  const width = mask ? expected.data.length / mask.length : 1;
  let difference = 0;
  let scale = 0;
  expected.data.forEach((value, i) => {
    if (mask && mask[Math.floor(i / width)] === 0) return;
    difference = Math.max(difference, Math.abs(value - Number(actual.data[i])));
    scale = Math.max(scale, Math.abs(value));
  });
  return difference / scale;
}

/** Largest difference, in the rows that the mask keeps. */
export function absolute(actual: Tensor, expected: ExpectedTensor, mask?: ArrayLike<number>): number {
  const scale = Math.max(...Array.from(expected.data, Math.abs));
  return relative(actual, expected, mask) * scale;
}

/** Maps [n, heads, t, t] agree in every row whose query is a token. */
export function expectMaps(map: Tensor, { dims, data }: ExpectedTensor, mask: ArrayLike<number>): void {
  const [, heads, t] = dims;
  expect([...map.dims]).toEqual(dims);
  let worst = 0;
  data.forEach((value, at) => {
    const query = Math.floor(at / t) % t;
    const sequence = Math.floor(at / (heads * t * t));
    if (mask[sequence * t + query] === 1) worst = Math.max(worst, Math.abs(value - Number(map.data[at])));
  });
  expect(worst).toBeLessThan(2e-5);
}
