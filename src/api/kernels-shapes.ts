// Shapes of reductions, slices and pooling, worked out before anything is recorded.
import { SEG_BYTES, SEG_QUERIES, SEG_QUERY } from '../../assembly/abi/records';
import { anyTensor, invalid, isInteger, shapeError, sizeOfDims } from './kernels-checks';

/** A reduction as groups of neighbouring dims that are all kept or all reduced. */
export interface ReductionShape {
  readonly out: readonly number[];
  readonly groups: readonly number[];
  /** Order that brings the reduced groups together at the end; null if there is only one. */
  readonly perm: readonly number[] | null;
  /** The group that is reduced where perm is null, else the first of those at the end. */
  readonly from: number;
  readonly to: number;
  /** Elements behind every result. */
  readonly count: number;
}

/** @param axes ascending */
export function reductionShape(dims: readonly number[], axes: readonly number[], keepDims: boolean): ReductionShape {
  const out = keepDims ? dims.map((dim, i) => (axes.includes(i) ? 1 : dim)) : dims.filter((_, i) => !axes.includes(i));
  const groups: { size: number; isReduced: boolean }[] = [];
  dims.forEach((size, i) => {
    if (size === 1) return;
    const isReduced = axes.includes(i);
    const last = groups.at(-1);
    if (last?.isReduced === isReduced) last.size *= size;
    else groups.push({ size, isReduced });
  });
  // one value is its own sum
  if (!groups.some(({ isReduced }) => isReduced)) groups.push({ size: 1, isReduced: true });
  const reduced = groups.flatMap(({ isReduced }, i) => (isReduced ? [i] : []));
  const kept = groups.flatMap(({ isReduced }, i) => (isReduced ? [] : [i]));
  const sizes = groups.map(({ size }) => size);
  const count = sizeOfDims(reduced.map((i) => sizes[i]));
  if (reduced.length === 1) return { out, groups: sizes, perm: null, from: reduced[0], to: reduced[0] + 1, count };
  return { out, groups: sizes, perm: [...kept, ...reduced], from: kept.length, to: groups.length, count };
}

export interface SliceShape {
  readonly starts: readonly number[];
  readonly counts: readonly number[];
  readonly steps: readonly number[];
}

type Bounds = readonly (number | null | undefined)[];

/** Python's slice for every dim: negative bounds count from the end, bounds beyond it are cut. Throws INVALID_ARGUMENT. */
export function sliceShape(dims: readonly number[], starts: Bounds, ends: Bounds, steps: Bounds): SliceShape {
  for (const [name, list] of Object.entries({ starts, ends, steps })) {
    if (!Array.isArray(list)) invalid('slice', `${name} must be an array with a number or null for every dim`);
    if (list.length > dims.length)
      shapeError('slice', `${name} has ${list.length} entries, more than there are dims`, dims);
    for (const bound of list as Bounds) {
      if (bound !== null && bound !== undefined && !Number.isInteger(bound))
        invalid('slice', `${name} must hold whole numbers or null, not ${String(bound)}`);
    }
  }
  const own = dims.map((dim, i) => {
    const step = steps[i] ?? 1;
    if (step === 0) invalid('slice', `the step of dim ${i} must not be 0`);
    // a step backwards may end before the first element
    const [least, most] = step > 0 ? [0, dim] : [-1, dim - 1];
    const bound = (value: number | null | undefined, otherwise: number): number =>
      value === null || value === undefined
        ? otherwise
        : Math.min(most, Math.max(least, value < 0 ? value + dim : value));
    const start = bound(starts[i], step > 0 ? 0 : dim - 1);
    const end = bound(ends[i], step > 0 ? dim : -1);
    return { start, count: Math.max(0, Math.ceil((end - start) / step)), step };
  });
  return {
    starts: own.map(({ start }) => start),
    counts: own.map(({ count }) => count),
    steps: own.map(({ step }) => step),
  };
}

/** The rows that each sequence pools. */
export interface PoolRows {
  readonly segments: Int32Array;
  /** Rows to bring together first, where a mask leaves holes; null if every sequence's rows lie together. */
  readonly rows: Int32Array | null;
}

/** @param mask [batch, tokens] of integers, nonzero: a token that counts; or nothing */
export function poolRows(mask: unknown, batch: number, tokens: number): PoolRows {
  const width = SEG_BYTES / 4;
  const segments = new Int32Array(batch * width);
  const set = (b: number, first: number, count: number): void => {
    segments[b * width + SEG_QUERY / 4] = first;
    segments[b * width + SEG_QUERIES / 4] = count;
  };
  if (mask === undefined || mask === null) {
    for (let b = 0; b < batch; b++) set(b, b * tokens, tokens);
    return { segments, rows: null };
  }
  const { data, dims, type } = anyTensor('pool', 'mask', mask);
  if (!isInteger(data))
    return invalid('pool', `the mask must hold integers (nonzero: a token that counts), not ${type}`);
  if (dims.length !== 2 || dims[0] !== batch || dims[1] !== tokens)
    shapeError('pool', `the mask must be [${batch}, ${tokens}]`, dims);
  const kept: number[] = [];
  let hasHoles = false;
  const ranges = Array.from({ length: batch }, (_, b) => {
    const begin = kept.length;
    for (let t = 0; t < tokens; t++) if (data[b * tokens + t]) kept.push(b * tokens + t);
    const count = kept.length - begin;
    if (count > 0 && kept[kept.length - 1] - kept[begin] !== count - 1) hasHoles = true;
    return { begin, count };
  });
  ranges.forEach(({ begin, count }, b) => set(b, hasHoles || count === 0 ? begin : kept[begin], count));
  return { segments, rows: hasHoles ? Int32Array.from(kept) : null };
}
