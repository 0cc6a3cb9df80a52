// References of what moves or combines elements by index: strided copies, broadcasting arithmetic, packed weights, f16.
import * as R from '../../assembly/abi/records';

type Numbers = ArrayLike<number>;

/** Calls back with every multi-index of `dims`, the last running fastest. */
export function eachIndex(dims: readonly number[], callback: (index: number[], flat: number) => void): void {
  const total = dims.reduce((a, b) => a * b, 1);
  const index = dims.map(() => 0);
  for (let flat = 0; flat < total; flat++) {
    callback(index, flat);
    for (let i = dims.length - 1; i >= 0 && ++index[i] === dims[i]; i--) index[i] = 0;
  }
}

/** Position of a multi-index under strides. */
export function position(index: readonly number[], strides: readonly number[]): number {
  return index.reduce((sum, i, dim) => sum + i * strides[dim], 0);
}

/** One BIN_* operation. */
export function combine(kind: number, a: number, b: number): number {
  switch (kind) {
    case R.BIN_ADD:
      return a + b;
    case R.BIN_SUB:
      return a - b;
    case R.BIN_MUL:
      return a * b;
    case R.BIN_DIV:
      return a / b;
    case R.BIN_MAX:
      return Math.max(a, b);
    case R.BIN_MIN:
      return Math.min(a, b);
    default:
      throw new Error(`no operation ${kind}`);
  }
}

/** BIN_* with broadcasting strides: out of `dims`, contiguous. */
export function binary(
  kind: number,
  dims: readonly number[],
  a: Numbers,
  stridesA: readonly number[],
  b: Numbers,
  stridesB: readonly number[],
): Float64Array {
  const out = new Float64Array(dims.reduce((x, y) => x * y, 1));
  eachIndex(dims, (index, flat) => {
    out[flat] = combine(kind, a[position(index, stridesA)], b[position(index, stridesB)]);
  });
  return out;
}

/** A weight [n, k] (row n is an output column) as assembly/kernels/pack.ts lays it out. */
export function packWeight(weight: Numbers, n: number, k: number): Float32Array {
  const padded = Math.ceil(n / 8) * 8;
  const out = new Float32Array(padded * k);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < k; j++) {
      const block = Math.floor(j / 512);
      const size = Math.min(512, k - block * 512);
      out[block * 512 * padded + (i >> 3) * size * 8 + (j % 512) * 8 + (i & 7)] = weight[i * k + j];
    }
  }
  return out;
}

/** Codes of 16 bits [n, k] as packed: the columns i and i + 4 of a panel are the low and the high half of its word i. */
export function packHalves(codes: ArrayLike<number>, n: number, k: number): number[] {
  const places = packWeight(
    Array.from(codes, (_, i) => i + 1),
    n,
    k,
  );
  const out = new Array<number>(places.length).fill(0);
  places.forEach((place, at) => {
    const column = at & 7;
    if (place > 0) out[at - column + (column & 3) * 2 + (column >> 2)] = codes[place - 1];
  });
  return out;
}

/** The value of an IEEE 754 half. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + mantissa / 1024) : sign * 2 ** -14 * (mantissa / 1024);
}

/** The value of a bfloat16. */
export function bfloat16Value(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0];
}

/** How an IEEE 754 half below 128 is held (assembly/kernels/halves.ts): bias 25, nothing subnormal. */
export function heldHalf(bits: number): number {
  const size = Math.abs(halfValue(bits));
  if (size === 0) return bits;
  const exponent = Math.floor(Math.log2(size));
  return (bits & 0x8000) | ((exponent + 25) << 10) | ((size / 2 ** exponent - 1) * 1024);
}
