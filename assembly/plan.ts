// The plan interpreter: every thread walks the same records and does its share of each.
import { CTL_COUNT, CTL_PART, CTL_PARTS, CTL_RECORD, CTL_STOP } from './abi/layout';
import * as R from './abi/records';
import { attention } from './kernels/attention';
import { convert } from './kernels/convert';
import { copy } from './kernels/copy';
import { binary, unary } from './kernels/elementwise';
import { gatherRows } from './kernels/gather';
import { matmul } from './kernels/matmul';
import { l2Normalize, layerNorm, rmsNorm } from './kernels/norm';
import { pack } from './kernels/pack';
import { pool } from './kernels/pool';
import { reduce } from './kernels/reduce';
import { rotary } from './kernels/rotary';
import { softmax } from './kernels/softmax';
import { storeKv } from './kernels/store-kv';
import { scratchOf } from './share';
import { barrier } from './sync';

/** Runs one record's share `ith` of `nth`, with this thread's scratch memory. */
function execute(record: usize, ith: i32, nth: i32, scratch: usize): void {
  switch (load<i32>(record, R.R_OP)) {
    case R.OP_MATMUL:
      matmul(record, ith, nth, scratch);
      break;
    case R.OP_PACK:
      pack(record, ith, nth);
      break;
    case R.OP_ATTENTION:
      attention(record, ith, nth, scratch);
      break;
    case R.OP_SOFTMAX:
      softmax(record, ith, nth);
      break;
    case R.OP_LAYER_NORM:
      layerNorm(record, ith, nth);
      break;
    case R.OP_RMS_NORM:
      rmsNorm(record, ith, nth);
      break;
    case R.OP_UNARY:
      unary(record, ith, nth);
      break;
    case R.OP_BINARY:
      binary(record, ith, nth);
      break;
    case R.OP_GATHER:
      gatherRows(record, ith, nth);
      break;
    case R.OP_COPY:
      copy(record, ith, nth);
      break;
    case R.OP_REDUCE:
      reduce(record, ith, nth);
      break;
    case R.OP_POOL:
      pool(record, ith, nth);
      break;
    case R.OP_L2_NORMALIZE:
      l2Normalize(record, ith, nth);
      break;
    case R.OP_CONVERT:
      convert(record, ith, nth);
      break;
    case R.OP_STORE_KV:
      storeKv(record, ith, nth);
      break;
    case R.OP_ROTARY:
      rotary(record, ith, nth);
      break;
    default:
      unreachable();
  }
}

/** Walks the slice that the control block describes, as thread `thread` of `threads`. False if it was stopped. */
export function walk(thread: i32, threads: i32): bool {
  const count = load<i32>(CTL_COUNT);
  const part = load<i32>(CTL_PART),
    parts = load<i32>(CTL_PARTS),
    scratch = scratchOf(thread);
  let record = <usize>load<u32>(CTL_RECORD);
  for (let i = 0; i < count; i++) {
    if (load<i32>(record, R.R_BARRIER) != 0 && i > 0 && !barrier(thread, threads)) return false;
    execute(record, part * threads + thread, parts * threads, scratch);
    record += load<i32>(record, R.R_SIZE);
  }
  return load<i32>(CTL_STOP) == 0;
}
