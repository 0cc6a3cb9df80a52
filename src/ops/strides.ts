// How indices become positions: strides, broadcasting, and the fewest dims that say the same.
import { sameDim, type Dim } from '../core/graph';

/** Row-major strides of contiguous dims; the first dim's size does not matter. */
export function stridesOf(dims: readonly Dim[]): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * (dims[i + 1] as number);
  return strides;
}

/** numpy's rule: dims are aligned at the last one; equal ones stay, 1 stretches. Null if the shapes do not fit. */
export function broadcastDims(a: readonly Dim[], b: readonly Dim[]): Dim[] | null {
  const dims: Dim[] = [];
  for (let i = 1; i <= Math.max(a.length, b.length); i++) {
    const x = a.at(-i) ?? 1;
    const y = b.at(-i) ?? 1;
    if (y === 1 || sameDim(x, y)) dims.unshift(x);
    else if (x === 1) dims.unshift(y);
    else return null;
  }
  return dims;
}

/** Strides that read contiguous `from` as the larger shape `to`: 0 where a dim stretches. */
export function broadcastStrides(from: readonly Dim[], to: readonly Dim[]): number[] {
  const own = stridesOf(from);
  const shift = to.length - from.length;
  return to.map((dim, i) => (i < shift || !sameDim(from[i - shift], dim) ? 0 : own[i - shift]));
}

/** Merges neighbouring dims that every operand runs through without a gap, and drops those of 1.
 *  @param strides one list an operand, as long as dims */
export function collapse(
  dims: readonly Dim[],
  strides: readonly (readonly number[])[],
): { dims: Dim[]; strides: number[][] } {
  const kept: Dim[] = [];
  const merged: number[][] = strides.map(() => []);
  for (let i = dims.length - 1; i >= 0; i--) {
    const dim = dims[i];
    if (dim === 1) continue;
    const inner = kept[0];
    const joins =
      typeof dim === 'number' &&
      typeof inner === 'number' &&
      strides.every((own, s) => own[i] === merged[s][0] * inner);
    if (joins) {
      kept[0] = dim * inner;
    } else {
      kept.unshift(dim);
      merged.forEach((own, s) => own.unshift(strides[s][i]));
    }
  }
  return { dims: kept, strides: merged };
}

/** Adds dims of 1 up to `rank`. A symbolic dim stays first, where records read it from a cell. */
export function padDims(
  dims: readonly Dim[],
  strides: readonly (readonly number[])[],
  rank: number,
): { dims: Dim[]; strides: number[][] } {
  const at = typeof dims[0] === 'number' ? 0 : 1;
  const pad = <T>(list: readonly T[], fill: T): T[] => [
    ...list.slice(0, at),
    ...new Array<T>(rank - list.length).fill(fill),
    ...list.slice(at),
  ];
  return { dims: pad<Dim>(dims, 1), strides: strides.map((own) => pad(own, 0)) };
}
