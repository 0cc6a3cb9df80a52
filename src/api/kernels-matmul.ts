// Shapes of matrix products: numpy's rules, brought down to what the kernel does, a batch of products side by side.
import { sizeOfDims, shapeError } from './kernels-checks';

/** A product as the kernel sees it. Dims of equal size are reshapes of the operands; nothing is moved unless said so. */
export interface ProductShape {
  /** Dims of the result as the caller sees them. */
  readonly out: readonly number[];
  /** a [..., m, k] and b [..., k, n] ([..., n, k] when transposed), as they come in. */
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** Dims that they are spread out to where both repeat in different ways. */
  readonly aFull: readonly number[];
  readonly bFull: readonly number[];
  /** Dims of the kernel's result. */
  readonly result: readonly number[];
}

/** Works out a b with numpy.matmul's rules. Throws INVALID_SHAPE. */
export function productShape(aDims: readonly number[], bDims: readonly number[], transposed: boolean): ProductShape {
  const rule = (text: string): never => shapeError('matmul', text, aDims, bDims);
  if (aDims.length === 0 || bDims.length === 0) rule('both operands need at least one dim');
  // numpy: a vector is a row on the left, a column on the right, and its dim goes from the result
  const a = aDims.length === 1 ? [1, aDims[0]] : aDims;
  const b = bDims.length > 1 ? bDims : transposed ? [1, bDims[0]] : [bDims[0], 1];
  const [m, k] = a.slice(-2);
  const [n, depth] = transposed ? b.slice(-2) : b.slice(-2).reverse();
  if (k !== depth)
    rule(`the last dim of a must equal ${transposed ? 'the last dim of the transposed b' : 'the last but one of b'}`);
  const rank = Math.max(a.length, b.length) - 2;
  const lead = (dims: readonly number[]): number[] => [
    ...new Array<number>(rank + 2 - dims.length).fill(1),
    ...dims.slice(0, -2),
  ];
  const aLead = lead(a);
  const bLead = lead(b);
  if (aLead.some((dim, i) => dim !== bLead[i] && dim !== 1 && bLead[i] !== 1))
    rule('the leading dims must be equal or 1, aligned at the last');
  const outLead = aLead.map((dim, i) => (dim === 1 ? bLead[i] : dim));
  const out = [...outLead, ...(aDims.length === 1 ? [] : [m]), ...(bDims.length === 1 ? [] : [n])];

  // trailing matrices of a that share one b are rows of one taller matrix
  let rows = m;
  let keep = rank;
  while (keep > 0 && bLead[keep - 1] === 1) rows *= aLead[--keep];
  const matrixB = transposed ? [n, k] : [k, n];
  const shape = (from: readonly number[], matrix: readonly number[]): number[] => [...from.slice(0, keep), ...matrix];
  const aOwn = shape(aLead, [rows, k]);
  const bOwn = shape(bLead, matrixB);
  const batch = outLead.slice(0, keep);
  // one matrix for all is shared, equal batches pair up; anything else is spread out
  const isShared = sizeOfDims(aLead.slice(0, keep)) === 1;
  const isPaired = batch.every((dim, i) => dim === aLead[i] && dim === bLead[i]);
  const aFull = isShared || isPaired ? aOwn : shape(batch, [rows, k]);
  const bFull = isPaired || isShared ? bOwn : shape(batch, matrixB);
  return { out, a: aOwn, b: bOwn, aFull, bFull, result: [...batch, rows, n] };
}
