// Rotary position embedding.
import * as R from '../../assembly/abi/records';
import { countOf, rowStrideOf, type Op, type Value } from '../core/graph';
import { check } from './check';

export interface RotaryOptions {
  heads: number;
  /** Columns of a head. */
  size: number;
  /** The first so many columns of a head are turned, the others copied; even. Default: `size`. */
  rotaryDim?: number;
  /** 'half': pairs (i, i + rotaryDim / 2), transformers' rotate_half. 'interleaved': pairs (2 i, 2 i + 1). */
  style: 'half' | 'interleaved';
}

const rotaryOp: Op<Required<RotaryOptions>> = {
  name: 'rotary',
  opcode: R.OP_ROTARY,
  recordSize: R.RO_SIZE,
  encode(record, { inputs: [x, table], outputs: [out], attrs }) {
    record.setAddress(R.RO_X, x);
    record.set(R.RO_X_STRIDE, rowStrideOf(x!));
    record.setAddress(R.RO_TABLE, table);
    record.setAddress(R.RO_OUT, out);
    record.setCell(R.RO_ROWS, countOf(out.dims.slice(0, 1)));
    record.set(R.RO_HEADS, attrs.heads);
    record.set(R.RO_SIZE_HEAD, attrs.size);
    record.set(R.RO_DIM, attrs.rotaryDim);
    record.set(R.RO_INTERLEAVED, attrs.style === 'interleaved' ? 1 : 0);
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)) * 0.5,
};

/** Turns pairs of every head's columns by the angles of the row's position; RoFormer, 3.2.2.
 *  @param x [tokens, heads * size]: rows may be views of wider rows
 *  @param table f32 [tokens, rotaryDim]: of each row's position rotaryDim / 2 cosines, then as many sines
 *  @returns [tokens, heads * size], contiguous */
export function rotary(x: Value, table: Value, options: RotaryOptions): Value {
  const { heads, size, rotaryDim = size, style } = options;
  check(x.dims.length === 2 && x.dims[1] === heads * size, 'rotary', `x must have ${heads} heads of ${size}`, x.dims);
  check(
    rotaryDim % 2 === 0 && rotaryDim <= size && table.isContiguous && table.dims[1] === rotaryDim,
    'rotary',
    `the table must have a row of rotaryDim = ${rotaryDim} columns for every row of x, even and at most ${size}`,
    x.dims,
    table.dims,
  );
  return x.graph.add(rotaryOp, [x, table], { heads, size, rotaryDim, style }, x.dims);
}
