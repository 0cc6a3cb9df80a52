// 16-bit floats to f32.
import * as R from '../../assembly/abi/records';
import { countOf, type Op, type Value } from '../core/graph';
import { check } from './check';

const TYPES = { f16: R.TYPE_F16, bf16: R.TYPE_BF16 } as const;

export type HalfType = keyof typeof TYPES;

const convertOp: Op<{ type: HalfType }> = {
  name: 'convert',
  opcode: R.OP_CONVERT,
  recordSize: R.CV_SIZE,
  encode(record, { inputs: [x], outputs: [out], attrs: { type } }) {
    record.setAddress(R.CV_SRC, x);
    record.setAddress(R.CV_DST, out);
    record.set(R.CV_COUNT, countOf(out.dims).factor);
    record.set(R.CV_TYPE, TYPES[type]);
  },
  cost: ({ outputs: [out] }, size) => size(countOf(out.dims)) * 0.4,
};

/** @param bits i32 [(n + 1) / 2]: two 16-bit values each
 *  @param n how many values
 *  @returns [n] */
export function convert(bits: Value, type: HalfType, n: number): Value {
  check(countOf(bits.dims).factor * 2 >= n, 'convert', `${n} values of 16 bits need half as many words`, bits.dims);
  return bits.graph.add(convertOp, [bits], { type }, [n]);
}
