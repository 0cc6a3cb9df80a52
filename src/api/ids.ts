// Token ids made into a ragged batch, and results padded back to the caller's shape.
import { WasmformerError } from '../errors';
import type { RaggedBatch } from '../runtime/batch';
import { checkLength, checkRange, invalid, type IdInputs, type Ids, type InputLimits, type Prepared } from './inputs';
import { Tensor } from './tensor';

/** Positions are no further apart than this where a model sets no limit: tables of them must fit into memory. */
const MAX_POSITION = 2 ** 20;

/** Rows of whole numbers. */
function rowsOf(value: Ids, name: string): number[][] {
  if (value instanceof Tensor) {
    if (value.dims.length < 1 || value.dims.length > 2)
      invalid(`${name} must have the dims [batch, tokens], not [${value.dims.join(', ')}]`);
    const [n, width] = value.dims.length === 2 ? value.dims : [1, value.dims[0]];
    const data = Array.from(value.data as ArrayLike<number | bigint>, Number);
    return Array.from({ length: n }, (_, i) => data.slice(i * width, (i + 1) * width)).map((row) =>
      checkRow(row, name),
    );
  }
  if (!Array.isArray(value))
    invalid(
      `${name} must be an array of arrays of whole numbers or a Tensor, not ${value === null ? 'null' : typeof value}`,
    );
  const rows = (
    value.length > 0 && !Array.isArray(value[0]) && !ArrayBuffer.isView(value[0]) ? [value] : value
  ) as ArrayLike<number>[];
  return rows.map((row) => checkRow(Array.from(row), name));
}

function checkRow(row: number[], name: string): number[] {
  for (const id of row) if (!Number.isInteger(id)) invalid(`${name} must hold whole numbers, but has ${String(id)}`);
  return row;
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
  const likewise = (value: Ids | undefined, other: string): number[][] | null => {
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
  const columns = ids.map((row, i) => {
    if (!masks) return null;
    for (const value of masks[i])
      if (value !== 0 && value !== 1) invalid(`${maskName} must hold 0 and 1, but has ${value}`);
    return Int32Array.from(row.keys()).filter((column) => masks[i][column] === 1);
  });
  const pick = (row: number[], i: number): number[] =>
    columns[i] ? Array.from(columns[i], (column) => row[column]) : row;
  const lengths = Int32Array.from(ids, (row, i) => columns[i]?.length ?? row.length);
  lengths.forEach((length, i) => {
    if (length === 0)
      invalid(`sequence ${i} has no tokens${ids[i].length > 0 ? `: its ${maskName} is all zeros` : ''}`);
    checkLength(length, facts, i);
  });
  const batch: RaggedBatch = {
    lengths,
    ids: Int32Array.from(ids.flatMap(pick)),
    typeIds: types ? Int32Array.from(types.flatMap(pick)) : undefined,
    positions: positions ? Int32Array.from(positions.flatMap(pick)) : undefined,
  };
  checkRange(batch.ids, facts.vocabSize, name, 'the vocabulary has');
  if (batch.typeIds)
    checkRange(batch.typeIds, Math.max(1, facts.typeVocabSize ?? 0), 'tokenTypeIds', 'the number of token types is');
  if (batch.positions)
    checkRange(
      batch.positions,
      Math.min(facts.maxPositions, MAX_POSITION),
      'positionIds',
      'the number of positions is',
    );
  return { batch, width: Math.max(...ids.map((row) => row.length)), columns };
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

function shapeOf(rows: readonly (readonly unknown[])[]): string {
  const widths = new Set(rows.map((row) => row.length));
  return `[${rows.length}, ${widths.size === 1 ? [...widths][0] : [...widths].join(' | ')}]`;
}
