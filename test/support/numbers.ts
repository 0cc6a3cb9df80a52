// Test data and comparisons with f64 references.
import { expect } from 'vitest';

/** A small deterministic generator (xorshift32). */
export class Random {
  constructor(private state = 0x9e3779b9) {}

  /** In [0, 1). */
  uniform(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) / 2 ** 32;
  }

  /** An integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Normally distributed floats. */
  normal(length: number, scale = 1, mean = 0): Float32Array {
    return Float32Array.from({ length }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      return mean + scale * radius * Math.cos(2 * Math.PI * this.uniform());
    });
  }
}

/** Expects |actual - expected| <= bound(i) for every element; NaNs and infinities must agree. */
export function expectWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: number | ((i: number) => number),
  what = '',
): void {
  expect(actual.length, `${what} length`).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i])) {
      const allowed = typeof bound === 'number' ? bound : bound(i);
      if (!(Math.abs(actual[i] - expected[i]) <= allowed)) {
        expect.fail(`${what} element ${i}: ${actual[i]}, reference ${expected[i]}, allowed difference ${allowed}`);
      }
    } else if (!Object.is(actual[i], expected[i])) {
      expect.fail(`${what} element ${i}: ${actual[i]}, reference ${expected[i]}`);
    }
  }
}
