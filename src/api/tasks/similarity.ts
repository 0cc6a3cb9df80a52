// How near embeddings are to each other: matrices of scores, and the nearest of many. A plain loop over blocks that stay in the
// cache, four embeddings at a time, with sums in float64: 100,000 of 384 dimensions take a query about as long as copying them into
// the engine would.
import { WasmformerError } from '../../errors';
import { Turns } from '../../runtime/turns';
import { Tensor } from '../tensor';
import { checkCount, topIndices } from './scores';
import {
  levelsOf,
  matrixOf,
  PRECISIONS,
  readerOf,
  type Matrix,
  type Precision,
  type Ranges,
  type RowReader,
  type Vectors,
} from './vectors';

/** The cosine of the angle, the dot product, or the distance with its sign turned: the greater, the nearer. */
export type SimilarityMetric = 'cosine' | 'dot' | 'euclidean' | 'manhattan';

export const METRICS: readonly SimilarityMetric[] = ['cosine', 'dot', 'euclidean', 'manhattan'];

export interface CompareOptions {
  /** How embeddings are compared. Default: the folder's similarity_fn_name, else 'cosine'. */
  metric?: SimilarityMetric;
  /** What embeddings of bytes hold, where that is not clear: bytes that are as many as the other side's dimensions are levels
   *  (int8, uint8), an eighth of them are signs (binary, ubinary). Signs are compared as 1 and -1. */
  precision?: Precision;
  /** The ranges that int8 and uint8 embeddings were quantised with, [2, d], to compare the values that their levels stand for.
   *  Default: levels are compared as they are. */
  ranges?: Ranges;
}

export interface SearchOptions extends CompareOptions {
  /** How many documents of each query. Default 10. */
  topK?: number;
}

/** A document that a query found. */
export interface SearchResult {
  /** Which row of the documents. */
  index: number;
  score: number;
}

/** Embeddings read at a time. */
const BLOCK = 256;
/** Scores held at a time in a search. */
const HELD_SCORES = 1 << 22;
/** Elements of the greatest matrix. */
const MOST_SCORES = 2 ** 31;

/** Throws INVALID_ARGUMENT. */
export function checkMetric(metric: unknown): SimilarityMetric {
  if (METRICS.includes(metric as SimilarityMetric)) return metric as SimilarityMetric;
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    `metric must be one of ${METRICS.join(', ')}, not ${JSON.stringify(metric)}`,
  );
}

/** Two matrices that can be compared. */
interface Comparison {
  readonly width: number;
  readonly a: RowReader;
  readonly b: RowReader;
}

function compared(a: Matrix, b: Matrix, names: readonly [string, string], options: CompareOptions): Comparison {
  const { precision, ranges } = options;
  if (precision !== undefined && !PRECISIONS.includes(precision)) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `precision must be one of ${PRECISIONS.join(', ')}, not ${JSON.stringify(precision)}`,
    );
  }
  const isBytes = ({ data }: Matrix): boolean => data instanceof Int8Array || data instanceof Uint8Array;
  const [least, most] = a.columns < b.columns ? [a, b] : [b, a];
  let width = most.columns;
  if (precision?.endsWith('binary') && isBytes(most)) width *= 8;
  const isPacked = width > least.columns && least.columns === Math.ceil(width / 8) && isBytes(least);
  if (a.rows > 0 && b.rows > 0 && least.columns !== width && !isPacked) {
    throw new WasmformerError(
      'INVALID_SHAPE',
      `${names[0]} and ${names[1]} have ${a.columns} and ${b.columns} dimensions: embed both with one model and the same dimensions`,
    );
  }
  const levels = ranges === undefined ? null : levelsOf(ranges, width);
  return { width, a: readerOf(a, width, levels), b: readerOf(b, width, levels) };
}

/** Scores of every row of `queries` with `count` rows of `block`, into `out[query * stride + at]`. */
function scoreDots(query: Float64Array, block: Float32Array, count: number, out: Float32Array, at: number): void {
  const d = query.length;
  let row = 0;
  for (; row + 4 <= count; row += 4) {
    const [first, second, third, fourth] = [row * d, (row + 1) * d, (row + 2) * d, (row + 3) * d];
    let [s, t, u, v] = [0, 0, 0, 0];
    for (let i = 0; i < d; i++) {
      const x = query[i];
      s += x * block[first + i];
      t += x * block[second + i];
      u += x * block[third + i];
      v += x * block[fourth + i];
    }
    out[at + row] = s;
    out[at + row + 1] = t;
    out[at + row + 2] = u;
    out[at + row + 3] = v;
  }
  for (; row < count; row++) {
    let sum = 0;
    for (let i = 0, from = row * d; i < d; i++) sum += query[i] * block[from + i];
    out[at + row] = sum;
  }
}

function scoreEuclidean(query: Float64Array, block: Float32Array, count: number, out: Float32Array, at: number): void {
  const d = query.length;
  for (let row = 0; row < count; row++) {
    let sum = 0;
    for (let i = 0, from = row * d; i < d; i++) sum += (query[i] - block[from + i]) ** 2;
    out[at + row] = -Math.sqrt(sum);
  }
}

function scoreManhattan(query: Float64Array, block: Float32Array, count: number, out: Float32Array, at: number): void {
  const d = query.length;
  for (let row = 0; row < count; row++) {
    let sum = 0;
    for (let i = 0, from = row * d; i < d; i++) sum += Math.abs(query[i] - block[from + i]);
    out[at + row] = -sum;
  }
}

/** Lengths of rows; of one that is zero a number that leaves it so. */
function lengths(rows: Float32Array, count: number, d: number): Float64Array {
  return Float64Array.from({ length: count }, (_, row) => {
    let sum = 0;
    for (let i = row * d; i < (row + 1) * d; i++) sum += rows[i] * rows[i];
    return Math.max(1e-12, Math.sqrt(sum));
  });
}

/** Scores of rows `from` to `to` of a with all n rows of b, [to - from, n]. Gives the event loop a turn every 10 ms. */
async function scores(
  { a, b, width }: Comparison,
  from: number,
  to: number,
  n: number,
  metric: SimilarityMetric,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const out = new Float32Array((to - from) * n);
  const isCosine = metric === 'cosine';
  const rows = a(from, to);
  const norms = isCosine ? lengths(rows, to - from, width) : null;
  const queries = Array.from({ length: to - from }, (_, i) =>
    Float64Array.from(rows.subarray(i * width, (i + 1) * width), (value) => (norms ? value / norms[i] : value)),
  );
  const score = { cosine: scoreDots, dot: scoreDots, euclidean: scoreEuclidean, manhattan: scoreManhattan }[metric];
  const turns = new Turns();
  for (let first = 0; first < n; first += BLOCK) {
    const count = Math.min(BLOCK, n - first);
    const block = b(first, first + count);
    const divisors = isCosine ? lengths(block, count, width) : null;
    for (let i = 0; i < queries.length; i++) {
      const at = i * n + first;
      score(queries[i], block, count, out, at);
      if (divisors) for (let row = 0; row < count; row++) out[at + row] /= divisors[row];
      await turns.give(signal);
    }
  }
  return out;
}

/** Scores of every row of a with every row of b, [n, m]. Throws INVALID_ARGUMENT, INVALID_SHAPE, ABORTED. */
export async function similarityMatrix(
  a: Vectors,
  b: Vectors,
  metric: SimilarityMetric,
  options: CompareOptions & { signal?: AbortSignal },
): Promise<Tensor<Float32Array>> {
  const [rows, columns] = [matrixOf(a, 'a'), matrixOf(b, 'b')];
  if (rows.rows * columns.rows >= MOST_SCORES) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `${rows.rows} x ${columns.rows} scores are too many to hold: search gives the best of each row`,
    );
  }
  const comparison = compared(rows, columns, ['a', 'b'], options);
  const data = await scores(comparison, 0, rows.rows, columns.rows, metric, options.signal);
  return new Tensor(data, [rows.rows, columns.rows]);
}

/** The best documents of each query, best first; of equal ones the lower index. Throws as similarityMatrix. */
export async function searchVectors(
  query: Vectors,
  documents: Vectors,
  metric: SimilarityMetric,
  options: SearchOptions & { signal?: AbortSignal },
): Promise<SearchResult[][]> {
  const { topK = 10, signal } = options;
  checkCount('topK', topK);
  const [queries, corpus] = [matrixOf(query, 'the query'), matrixOf(documents, 'documents')];
  const comparison = compared(queries, corpus, ['the query', 'the documents'], options);
  const n = corpus.rows;
  const step = Math.max(1, Math.floor(HELD_SCORES / Math.max(1, n)));
  const results: SearchResult[][] = [];
  for (let from = 0; from < queries.rows; from += step) {
    const to = Math.min(from + step, queries.rows);
    const found = await scores(comparison, from, to, n, metric, signal);
    // what is not a number is no match
    for (let i = 0; i < found.length; i++) if (Number.isNaN(found[i])) found[i] = -Infinity;
    for (let i = 0; i < to - from; i++) {
      const own = found.subarray(i * n, (i + 1) * n);
      results.push(topIndices(own, topK).map((index) => ({ index, score: own[index] })));
    }
  }
  return results;
}
