// Pooling: the rows of each sequence's queries to one row.
//
//   mean   sum of the rows / count    mean sqrt   sum of the rows / sqrt(count)     max   the largest of each column
//   cls    the first row              last        the last row
//
//   x [tokens, d], segments as in abi/records.ts, out [sequences, d]. A sequence without rows gives zeros.
//
// Order: one chain a column, rows ascending. Error: 2^-24 count times the sum of |x|, over the divisor; max, cls and
// last are exact. Threads: by groups of 16 columns of a sequence.
import * as R from '../abi/records';
import { shareStart } from '../share';
import { reduceColumns } from './reduce';

export function pool(record: usize, ith: i32, nth: i32): void {
  const x = <usize>load<u32>(record, R.PO_X),
    out = <usize>load<u32>(record, R.PO_OUT);
  const segments = <usize>load<u32>(record, R.PO_SEGMENTS);
  const sequences = load<i32>(<usize>load<u32>(record, R.PO_SEQUENCES));
  const d = load<i32>(record, R.PO_D),
    kind = load<i32>(record, R.PO_KIND);
  const groups = (d + 15) >> 4;
  const to = shareStart(sequences * groups, ith + 1, nth);
  for (let i = shareStart(sequences * groups, ith, nth); i < to; i++) {
    const s = i / groups,
      column = (i - s * groups) << 4;
    const width = min(16, d - column);
    const segment = segments + <usize>s * R.SEG_BYTES;
    const rows = load<i32>(segment, R.SEG_QUERIES),
      first = load<i32>(segment, R.SEG_QUERY);
    const p = x + ((<usize>first * d + column) << 2),
      q = out + ((<usize>s * d + column) << 2);
    if (rows == 0) {
      memory.fill(q, 0, (<usize>width) << 2);
    } else if (kind == R.POOL_CLS) {
      memory.copy(q, p, (<usize>width) << 2);
    } else if (kind == R.POOL_LAST) {
      memory.copy(q, p + ((<usize>(rows - 1) * d) << 2), (<usize>width) << 2);
    } else {
      const divisor = kind == R.POOL_MEAN ? <f32>rows : sqrt<f32>(<f32>rows);
      reduceColumns(kind == R.POOL_MAX ? R.RED_MAX : R.RED_SUM, p, rows, (<usize>d) << 2, width, q, divisor);
    }
  }
}
