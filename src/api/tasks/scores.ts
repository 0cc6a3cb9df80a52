// Logits to probabilities and the order of results: shared by all tasks. Computed in f64.

import { WasmformerError } from '../../errors';

/** Softmax of `logits[from .. from + length)`, in f64. */
export function softmax(logits: ArrayLike<number>, from = 0, length = logits.length): Float64Array {
  let max = -Infinity;
  for (let i = 0; i < length; i++) max = Math.max(max, logits[from + i]);
  const out = new Float64Array(length);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += out[i] = Math.exp(logits[from + i] - max);
  for (let i = 0; i < length; i++) out[i] /= sum;
  return out;
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Index of the largest value; of equal ones the first. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/**
 * Indices of the `count` largest values, largest first; of equal ones the lower index first. Keeps a heap of `count`
 * indices, so that five of a vocabulary cost one pass over it and not a sort.
 */
export function topIndices(values: ArrayLike<number>, count: number): number[] {
  const heap: number[] = []; // the worst of those kept is at the root
  const worse = (a: number, b: number): boolean => values[a] < values[b] || (values[a] === values[b] && a > b);
  for (let i = 0; i < values.length; i++) {
    if (heap.length < count) {
      heap.push(i);
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        if (!worse(heap[at], heap[parent])) break;
        [heap[at], heap[parent]] = [heap[parent], heap[at]];
        at = parent;
      }
    } else if (count > 0 && worse(heap[0], i)) {
      heap[0] = i;
      for (let at = 0; ;) {
        let child = 2 * at + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && worse(heap[child + 1], heap[child])) child++;
        if (!worse(heap[child], heap[at])) break;
        [heap[at], heap[child]] = [heap[child], heap[at]];
        at = child;
      }
    }
  }
  return heap.sort((a, b) => (worse(a, b) ? 1 : -1));
}

/** Throws `INVALID_ARGUMENT` unless `value` is a whole number of at least `least`. */
export function checkCount(name: string, value: number, least = 1): void {
  if (!Number.isInteger(value) || value < least) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `${name} must be a whole number of at least ${least}, not ${String(value)}`,
    );
  }
}

/** Throws `INVALID_SHAPE` unless `logits` has `rows * columns` values. */
export function checkLogits(task: string, logits: ArrayLike<number>, rows: number, columns: number): void {
  if (logits.length !== rows * columns) {
    throw new WasmformerError(
      'INVALID_SHAPE',
      `${task}: ${logits.length} logits do not make [${rows}, ${columns}]: one row for each token is needed`,
    );
  }
}

/** config.json's `id2label`: keys are label numbers as strings. */
export type LabelMap = Readonly<Record<string, string>>;

/** The label's name; `LABEL_i` where the config has none, as Hugging Face. */
export function labelName(id2label: LabelMap | undefined, index: number): string {
  return id2label?.[index] ?? `LABEL_${index}`;
}
