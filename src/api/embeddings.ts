// Embeddings in place of token ids, an encoder's output, and masks of who sees whom: checked, and made into ragged batches.
import { WasmformerError } from '../errors';
import type { BatchMask, MemoryBatch } from '../runtime/batch';
import { prepareIds } from './ids';
import { invalid, type Ids, type InputLimits, type Prepared } from './inputs';
import { Tensor } from './tensor';

/** Rows of d floats [batch, tokens, d]: nested arrays (sequences may differ in length) or a tensor. [tokens, d] is a batch of one. */
export type Embeddings = readonly (readonly ArrayLike<number>[])[] | readonly ArrayLike<number>[] | Tensor;

/** Who sees whom, [tokens, tokens]: row i says what token i does with every token. Booleans (or an integer tensor): true hides, as
 *  in torch.nn. Numbers (or a float tensor) are added to the scores; -Infinity hides. A token that sees nobody gets zeros from
 *  attention. */
export type Mask = readonly (readonly boolean[] | readonly number[])[] | Tensor;

/** Embeddings with what belongs to them. */
export interface EmbeddingInputs {
  /** [batch, tokens, d], in place of the word embeddings. */
  inputsEmbeds: Embeddings;
  /** 1: a token; 0: padding, left or right. Default: all ones. */
  attentionMask?: Ids;
  /** Segment ids, for a model that has them. Default: zeros. */
  tokenTypeIds?: Ids;
  /** Default: the number of unmasked tokens before each token. */
  positionIds?: Ids;
  /** [tokens, tokens], for all sequences; only a stack alone ("transformer_encoder") takes it. */
  mask?: Mask;
}

/** What the stack of a decoder alone ("transformer_decoder") takes. */
export interface DecoderStackInputs {
  /** [batch, tokens, d] */
  inputsEmbeds: Embeddings;
  /** 1: a token; 0: padding, left or right. Default: all ones. */
  attentionMask?: Ids;
  /** The encoder's output, [batch, source tokens, d]. */
  encoderHiddenStates: Embeddings;
  encoderAttentionMask?: Ids;
  /** [tokens, tokens], for all sequences. Default: every token sees itself and those before it. */
  mask?: Mask;
}

/** What a model says of itself that matters for embeddings. */
interface EmbeddingLimits extends InputLimits {
  readonly hiddenSize: number;
}

function wrongShape(message: string): never {
  throw new WasmformerError('INVALID_SHAPE', message);
}

/** The rows of every sequence, one behind another. */
function sequencesOf(value: Embeddings, name: string, d: number): Float32Array[] {
  if (value instanceof Tensor) {
    const { data, dims } = value;
    if (data instanceof BigInt64Array) invalid(`${name} must be a tensor of floats, not of type ${value.type}`);
    if (dims.length < 2 || dims.length > 3 || dims.at(-1) !== d)
      wrongShape(`${name} must have the dims [batch, tokens, ${d}], but has [${dims.join(', ')}]`);
    const [n, tokens] = dims.length === 3 ? dims : [1, dims[0]];
    const rows = data instanceof Float32Array ? data : Float32Array.from(data);
    return Array.from({ length: n }, (_, i) => rows.subarray(i * tokens * d, (i + 1) * tokens * d));
  }
  if (!Array.isArray(value))
    invalid(`${name} must be nested arrays of numbers or a Tensor, not ${value === null ? 'null' : typeof value}`);
  const isRow = (row: unknown): row is ArrayLike<number> =>
    ArrayBuffer.isView(row) || (Array.isArray(row) && !Array.isArray(row[0]) && !ArrayBuffer.isView(row[0]));
  const sequences: unknown[] = value.length > 0 && isRow(value[0]) && value[0].length > 0 ? [value] : value;
  return sequences.map((sequence, i) => {
    if (!Array.isArray(sequence)) invalid(`${name}: sequence ${i} must be an array of rows of ${d} numbers`);
    const rows = new Float32Array(sequence.length * d);
    sequence.forEach((row: unknown, t) => {
      if (!isRow(row)) invalid(`${name}: sequence ${i} must be an array of rows of ${d} numbers`);
      if (row.length !== d) wrongShape(`${name}: token ${t} of sequence ${i} has ${row.length} numbers, not ${d}`);
      const wrong = Array.prototype.find.call(row, (x: unknown) => typeof x !== 'number') as unknown;
      if (wrong !== undefined) invalid(`${name} must hold numbers, but has ${String(wrong)}`);
      rows.set(row, t * d);
    });
    return rows;
  });
}

/** Drops the padding of embeddings. */
function prepareRows(
  value: Embeddings,
  called: { ids: string; mask: string },
  rest: { attentionMask?: Ids; tokenTypeIds?: Ids; positionIds?: Ids },
  limits: EmbeddingLimits,
): { prepared: Prepared; rows: Float32Array } {
  const d = limits.hiddenSize;
  const sequences = sequencesOf(value, called.ids, d);
  const ids = sequences.map((rows) => new Array<number>(rows.length / d).fill(0));
  const prepared = prepareIds({ ...rest, inputIds: ids }, { ...limits, vocabSize: 1 }, called);
  const rows = new Float32Array(prepared.batch.ids.length * d);
  let at = 0;
  sequences.forEach((sequence, i) => {
    const columns = prepared.columns[i];
    if (!columns) rows.set(sequence, at);
    else columns.forEach((column, t) => rows.set(sequence.subarray(column * d, (column + 1) * d), at + t * d));
    at += prepared.batch.lengths[i] * d;
  });
  return { prepared, rows };
}

/** Checks embeddings and drops their padding. */
export function prepareEmbeddings(
  { inputsEmbeds, attentionMask, tokenTypeIds, positionIds }: EmbeddingInputs,
  limits: EmbeddingLimits,
): Prepared {
  const given = { attentionMask, tokenTypeIds, positionIds };
  const { prepared, rows } = prepareRows(inputsEmbeds, { ids: 'inputsEmbeds', mask: 'attentionMask' }, given, limits);
  return { ...prepared, batch: { ...prepared.batch, embeds: rows } };
}

/** An encoder's output for every sequence of a batch. */
export function prepareMemory(
  { encoderHiddenStates, encoderAttentionMask }: DecoderStackInputs,
  sequences: number,
  limits: EmbeddingLimits,
): { prepared: Prepared; memory: MemoryBatch } {
  if (encoderHiddenStates === undefined)
    invalid('encoderHiddenStates are missing: a decoder attends to an encoder, so pass its output [batch, tokens, d]');
  const given = { attentionMask: encoderAttentionMask };
  const { prepared, rows } = prepareRows(
    encoderHiddenStates,
    { ids: 'encoderHiddenStates', mask: 'encoderAttentionMask' },
    given,
    limits,
  );
  const { lengths } = prepared.batch;
  if (lengths.length !== sequences)
    wrongShape(`encoderHiddenStates has ${lengths.length} sequences, but inputsEmbeds has ${sequences}`);
  return { prepared, memory: { lengths, rows } };
}

/** A mask's elements as numbers to add, [width, width]. */
function additive(mask: Mask, width: number): Float32Array {
  const must = `mask must be [${width}, ${width}], as long as the rows of inputsEmbeds`;
  const out = new Float32Array(width * width);
  const set = (i: number, value: unknown, hides: boolean): void => {
    const number = hides ? (value ? -Infinity : 0) : Number(value);
    if (!(number < Infinity))
      invalid(`mask must hold booleans, or finite numbers and -Infinity, but has ${String(value)}`);
    out[i] = number;
  };
  if (mask instanceof Tensor) {
    const { data, dims } = mask;
    if (dims.length !== 2 || dims.some((dim) => dim !== width)) wrongShape(`${must}, but is [${dims.join(', ')}]`);
    const hides = !(data instanceof Float32Array || data instanceof Float64Array);
    data.forEach((value: number | bigint, i: number) => set(i, value, hides));
    return out;
  }
  if (!Array.isArray(mask))
    invalid(`mask must be an array of arrays or a Tensor, not ${mask === null ? 'null' : typeof mask}`);
  const rows = mask as readonly unknown[];
  if (rows.length !== width) wrongShape(`${must}, but has ${rows.length} rows`);
  const kind = typeof (rows[0] as readonly unknown[] | undefined)?.[0];
  rows.forEach((row, i) => {
    if (!Array.isArray(row) || row.length !== width)
      wrongShape(`${must}, but row ${i} has ${Array.isArray(row) ? row.length : 'no'} elements`);
    row.forEach((value: unknown, j) => {
      if (typeof value !== kind || (kind !== 'boolean' && kind !== 'number'))
        invalid(`mask must hold booleans, or numbers, all of one kind, but has ${String(value)}`);
      set(i * width + j, value, kind === 'boolean');
    });
  });
  return out;
}

/** A mask for the tokens of a batch, whose sequences have lost their padding. */
export function prepareMask(mask: Mask, { batch, width, columns }: Prepared): BatchMask {
  const values = additive(mask, width);
  // plans are made for a distance between rows: powers of two, so that lengths share them
  const stride = 2 ** Math.ceil(Math.log2(Math.max(16, width)));
  const blocks: Int32Array[] = [];
  const starts = new Int32Array(batch.lengths.length);
  // sequences without padding in front share the mask as it is
  const all = Int32Array.from({ length: width }, (_, i) => i);
  const add = (places: Int32Array): number => (blocks.push(places) - 1) * width * stride;
  let shared: number | undefined;
  batch.lengths.forEach((length, i) => {
    const places = columns[i];
    const moved = places?.some((column, t) => column !== t) ?? false;
    starts[i] = moved ? add(places!.subarray(0, length)) : (shared ??= add(all));
  });
  const out = new Float32Array(blocks.length * width * stride);
  blocks.forEach((places, block) => {
    places.forEach((row, i) => {
      const at = (block * width + i) * stride;
      places.forEach((column, j) => (out[at + j] = values[row * width + column]));
    });
  });
  return { values: out, stride, starts };
}
