// Token ids made into a ragged batch, and results padded back to the caller's shape.
import { WasmformerError } from '../errors';
import { describe } from '../io/source';
import type { RaggedBatch } from '../runtime/batch';
import { checkLength, checkRange, invalid, type IdInputs, type Ids, type InputLimits, type Prepared } from './inputs';
import { Tensor } from './tensor';

/** Positions are no further apart than this where a model sets no limit: tables of them must fit into memory. */
const MAX_POSITION = 2 ** 20;

type Row = ArrayLike<number>;

/** Rows of whole numbers. Loops by index here and below: every call passes all of its ids, and an iterator leaves an object for each. */
function rowsOf(value: Ids, name: string): Row[] {
  const rows = value instanceof Tensor ? rowsOfTensor(value, name) : rowsOfArray(value, name);
  for (const row of rows) {
    for (let t = 0; t < row.length; t++)
      if (!Number.isInteger(row[t])) invalid(`${name} must hold whole numbers, but has ${String(row[t])}`);
  }
  return rows;
}

function rowsOfTensor({ data, dims }: Tensor, name: string): Row[] {
  if (dims.length < 1 || dims.length > 2)
    invalid(`${name} must have the dims [batch, tokens], not [${dims.join(', ')}]`);
  const [n, width] = dims.length === 2 ? dims : [1, dims[0]];
  const numbers = data instanceof BigInt64Array ? Float64Array.from(data, Number) : data;
  return Array.from({ length: n }, (_, i) => numbers.subarray(i * width, (i + 1) * width));
}

function rowsOfArray(value: unknown, name: string): Row[] {
  const mustBe = `${name} must be an array of arrays of whole numbers or a Tensor`;
  const isRow = (row: unknown): row is Row => Array.isArray(row) || ArrayBuffer.isView(row);
  if (!Array.isArray(value)) invalid(`${mustBe}, not ${value === null ? 'null' : typeof value}`);
  const rows: unknown[] = value.length > 0 && typeof value[0] !== 'object' ? [value] : value;
  if (!rows.every(isRow)) invalid(`${mustBe}, but has ${describe(rows.find((row) => !isRow(row)))} among its rows`);
  return rows;
}

/** What a caller calls ids and their mask, if not inputIds and attentionMask. */
interface CalledBy {
  ids?: string;
  mask?: string;
}

/** Checks ids, masks and positions, and drops the padding.
 *  @param called what the caller calls them, for messages */
export function prepareIds(inputs: IdInputs, facts: InputLimits, called: CalledBy = {}): Prepared {
  const { ids: name = 'inputIds', mask: maskName = 'attentionMask' } = called;
  const ids = rowsOf(inputs.inputIds, name);
  if (ids.length === 0) invalid(`the batch is empty: ${name} has no rows`);
  const likewise = (value: Ids | undefined, other: string): Row[] | null => {
    if (value === undefined) return null;
    const rows = rowsOf(value, other);
    const same = rows.length === ids.length && rows.every((row, i) => row.length === ids[i].length);
    if (!same) {
      throw new WasmformerError(
        'INVALID_SHAPE',
        `${other} must have the shape of ${name}: ${shapeOf(ids)}, but is ${shapeOf(rows)}`,
      );
    }
    return rows;
  };
  const masks = likewise(inputs.attentionMask, maskName);
  const types = likewise(inputs.tokenTypeIds, 'tokenTypeIds');
  const positions = likewise(inputs.positionIds, 'positionIds');
  const columns = ids.map((_, i) => (masks ? unmasked(masks[i], maskName) : null));
  const lengths = Int32Array.from(ids, (row, i) => columns[i]?.length ?? row.length);
  lengths.forEach((length, i) => {
    if (length === 0)
      invalid(`sequence ${i} has no tokens${ids[i].length > 0 ? `: its ${maskName} is all zeros` : ''}`);
    checkLength(length, facts, i);
  });
  /** The values at the columns, none: at the first `length`. Checked before they become 32 bits. */
  const pick = (rows: readonly Row[], limit: number, label: string, what: string): Int32Array => {
    const values = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
    let at = 0;
    for (let i = 0; i < rows.length; i++) {
      const [row, places] = [rows[i], columns[i]];
      for (let t = 0; t < lengths[i]; t++) {
        const value = row[places ? places[t] : t];
        checkRange(value, limit, label, what);
        values[at++] = value;
      }
    }
    return values;
  };
  const { vocabSize, typeVocabSize = 0, maxPositions } = facts;
  const batch: RaggedBatch = {
    lengths,
    ids: pick(ids, vocabSize, name, 'the vocabulary has'),
    typeIds: types
      ? pick(types, Math.max(1, typeVocabSize), 'tokenTypeIds', 'the number of token types is')
      : undefined,
    positions: positions
      ? pick(positions, Math.min(maxPositions, MAX_POSITION), 'positionIds', 'the number of positions is')
      : undefined,
  };
  return { batch, width: Math.max(...ids.map((row) => row.length)), columns };
}

/** Columns of a mask's ones. */
function unmasked(mask: Row, name: string): Int32Array {
  const columns = new Int32Array(mask.length);
  let n = 0;
  for (let t = 0; t < mask.length; t++) {
    if (mask[t] === 1) columns[n++] = t;
    else if (mask[t] !== 0) invalid(`${name} must hold 0 and 1, but has ${mask[t]}`);
  }
  return columns.subarray(0, n);
}

/** Rows of tokens [sum of lengths, d] back in the caller's places: [batch, width, d]; padded rows are zero. */
export function padRows(data: Float32Array, d: number, { batch, width, columns }: Prepared): Tensor<Float32Array> {
  const n = batch.lengths.length;
  const out = new Float32Array(n * width * d);
  let row = 0;
  batch.lengths.forEach((length, i) => {
    const places = columns[i];
    for (let t = 0; t < length; t++, row++) {
      out.set(data.subarray(row * d, (row + 1) * d), (i * width + (places ? places[t] : t)) * d);
    }
  });
  return new Tensor(out, [n, width, d]);
}

/** Attention maps [heads][query][key] of every sequence as [batch, heads, width, width]; padding is zero. */
export function padMaps(data: Float32Array, heads: number, prepared: Prepared): Tensor<Float32Array> {
  return padCrossMaps(data, heads, prepared, prepared);
}

/** Maps from one batch's tokens to another's: [batch, heads, width of the queries, width of the keys]; padding is zero. */
export function padCrossMaps(
  data: Float32Array,
  heads: number,
  queries: Prepared,
  keys: Prepared,
): Tensor<Float32Array> {
  const n = queries.batch.lengths.length;
  const out = new Float32Array(n * heads * queries.width * keys.width);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const [rows, length] = [queries.batch.lengths[i], keys.batch.lengths[i]];
    const [rowPlaces, places] = [queries.columns[i], keys.columns[i]];
    for (let h = 0; h < heads; h++) {
      for (let q = 0; q < rows; q++, at += length) {
        const to = ((i * heads + h) * queries.width + (rowPlaces ? rowPlaces[q] : q)) * keys.width;
        if (places) for (let k = 0; k < length; k++) out[to + places[k]] = data[at + k];
        else out.set(data.subarray(at, at + length), to);
      }
    }
  }
  return new Tensor(out, [n, heads, queries.width, keys.width]);
}

function shapeOf(rows: readonly Row[]): string {
  const widths = new Set(rows.map((row) => row.length));
  return `[${rows.length}, ${widths.size === 1 ? [...widths][0] : [...widths].join(' | ')}]`;
}
