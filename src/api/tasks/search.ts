// Texts and embeddings compared, searched and put in order: the options of sentence-transformers, its defaults in the folder.
import { throwIfAborted, WasmformerError } from '../../errors';
import { checkNames } from '../../runtime/option-names';
import type { EmbedOptions } from '../encoder';
import { encodeTexts } from '../inputs';
import type { Tensor } from '../tensor';
import { needHead, one, runHead, type TaskContext } from './context';
import { checkCount, sigmoid, topIndices } from './scores';
import {
  checkMetric,
  searchVectors,
  similarityMatrix,
  type CompareOptions,
  type SearchOptions,
  type SearchResult,
  type SimilarityMetric,
} from './similarity';
import type { Vectors } from './vectors';

/** How texts are embedded before they are compared. */
export type CompareTextOptions = Omit<EmbedOptions, 'precision' | 'ranges' | 'onProgress'>;

/** What is compared: texts, which are embedded first, or embeddings. */
export type Comparable = string | readonly string[] | Vectors;

export interface RerankOptions {
  /** How many documents. Default: all. */
  topK?: number | null;
  /** Give the documents' texts with the results. Default false. */
  returnDocuments?: boolean;
  /** Cut pairs that are too long, the longer text first. Default true: false makes them an error. */
  truncation?: boolean;
  /** Most tokens of a pair, special tokens included. Default: what the model has positions for. */
  maxLength?: number;
  /** Documents done, and all of them. */
  onProgress?: (progress: { phase: 'rerank'; done: number; total: number }) => void;
  signal?: AbortSignal;
}

/** A document as a cross-encoder scores it. */
export interface RerankResult {
  /** Which of the documents. */
  index: number;
  /** How well it goes with the query: from 0 to 1, unless the checkpoint's own function gives something else. */
  score: number;
  /** With `returnDocuments`. */
  document?: string;
}

/** Options of similarity; search has one more. */
const COMPARE_NAMES =
  'metric precision ranges pooling normalize dimensions truncation maxLength promptName prompt signal';

/** Pairs tokenised and run at a time. */
const GROUP = 64;

const isTexts = (value: unknown): value is string | readonly string[] =>
  typeof value === 'string' ||
  (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string'));

function embedded(context: TaskContext, value: Comparable, options: CompareTextOptions): Promise<Tensor> | Vectors {
  return isTexts(value) ? context.embedFloat(value, options) : value;
}

/** The metric of a call, else the folder's. */
function metricOf({ settings }: TaskContext, metric?: SimilarityMetric): SimilarityMetric {
  return checkMetric(metric ?? settings.sentence.json?.similarity_fn_name ?? 'cosine');
}

export async function similarityTask(
  context: TaskContext,
  a: Comparable,
  b: Comparable = a,
  all: CompareOptions & CompareTextOptions = {},
): Promise<Tensor<Float32Array>> {
  await checkNames(all, COMPARE_NAMES);
  const { metric, precision, ranges, ...options } = all;
  const { signal } = options;
  throwIfAborted(signal);
  const chosen = metricOf(context, metric);
  const first = await embedded(context, a, options);
  const second = b === a ? first : await embedded(context, b, options);
  return similarityMatrix(first, second, chosen, { precision, ranges, signal });
}

export async function searchTask(
  context: TaskContext,
  query: Comparable,
  documents: Vectors,
  all: SearchOptions & CompareTextOptions = {},
): Promise<SearchResult[] | SearchResult[][]> {
  await checkNames(all, `topK ${COMPARE_NAMES}`);
  const { metric, precision, ranges, topK, ...options } = all;
  const { signal } = options;
  throwIfAborted(signal);
  if (isTexts(documents))
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      'search looks through embeddings: pass await encoder.embed(documents)',
    );
  const chosen = metricOf(context, metric);
  const queries = await embedded(context, query, options);
  const results = await searchVectors(queries, documents, chosen, { precision, ranges, topK, signal });
  return typeof query === 'string' || isOne(query) ? results[0] : results;
}

/** Whether a query is one embedding without a batch. */
function isOne(query: Comparable): boolean {
  if (typeof query === 'object' && 'dims' in query) return query.dims.length === 1;
  return typeof (query as ArrayLike<unknown>)[0] === 'number';
}

/** What becomes of a cross-encoder's logits, by the last word of the path of a torch module. */
const ACTIVATIONS: Readonly<Record<string, (logit: number) => number>> = {
  Sigmoid: sigmoid,
  Identity: (logit) => logit,
  Tanh: Math.tanh,
};

/** The function that the checkpoint names: in config.json as sentence-transformers 4 and later, or older ones, wrote it, or in
 *  config_sentence_transformers.json. Throws UNSUPPORTED_MODEL. */
function activationOf({ config, settings }: TaskContext): (logit: number) => number {
  const own = config.sentence_transformers as { activation_fn?: unknown } | undefined;
  const path =
    own?.activation_fn ?? config.sbert_ce_default_activation_function ?? settings.sentence.json?.activation_fn;
  // sentence-transformers takes no other modules from a file either
  if (typeof path !== 'string' || !path.startsWith('torch.')) return sigmoid;
  const name = path.split('.').at(-1)!;
  if (Object.hasOwn(ACTIVATIONS, name)) return ACTIVATIONS[name];
  throw new WasmformerError(
    'UNSUPPORTED_MODEL',
    `the checkpoint's activation_fn ${JSON.stringify(path)} is not supported; ${Object.keys(ACTIVATIONS).join(', ')} are`,
  );
}

export async function rerankTask(
  context: TaskContext,
  query: string,
  documents: readonly string[],
  options: RerankOptions = {},
): Promise<RerankResult[]> {
  await checkNames(options, 'topK returnDocuments truncation maxLength onProgress signal');
  const { topK = null, returnDocuments = false, truncation = true, maxLength, onProgress, signal } = options;
  throwIfAborted(signal);
  needHead(context, 'rerank', 'sequenceClassification');
  if (topK !== null) checkCount('topK', topK);
  if (typeof query !== 'string' || !Array.isArray(documents) || !documents.every((text) => typeof text === 'string')) {
    throw new WasmformerError('INVALID_ARGUMENT', 'rerank takes a query and an array of documents, all of them texts');
  }
  const activation = activationOf(context);
  const scores = new Float64Array(documents.length);
  for (let from = 0; from < documents.length; from += GROUP) {
    const group = documents.slice(from, from + GROUP) as string[];
    const queries = new Array<string>(group.length).fill(query);
    const encodings = await encodeTexts(context, queries, group, { truncation, maxLength }, signal);
    await runHead(context, encodings, 'logits', one, signal, (logits, i) => {
      if (logits.length !== 1) {
        throw new WasmformerError(
          'NO_HEAD',
          `rerank needs a cross-encoder, whose head has one label, but this one has ${logits.length}: use classify with { text, textPair }`,
        );
      }
      scores[from + i] = activation(logits[0]);
    });
    onProgress?.({ phase: 'rerank', done: from + group.length, total: documents.length });
  }
  return topIndices(scores, topK ?? documents.length).map((index) => ({
    index,
    score: scores[index],
    ...(returnDocuments && { document: documents[index] }),
  }));
}
