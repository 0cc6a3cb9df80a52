// Options of single kernels and of createKernels.
import * as platform from '#platform';
import type { CoreOptions } from '../core/core';
import type { Activation } from '../ops/activation';
import { flag, invalid, oneOf } from './kernels-checks';
import type { Tensor } from './tensor';

export interface KernelsOptions {
  /** Threads that compute, this one included, or 'auto': min(8, cores) in Node; cores - 1, 1 to 8, in a page. Default 'auto'.
   *  More than one needs shared memory, which a page has only when it is cross-origin isolated; else there is one. */
  threads?: number | 'auto';
  /** 'relaxed' uses fused multiply-add, 'base' does not. Default: relaxed where the platform has it. */
  build?: 'base' | 'relaxed';
  /** The same choice as in createEngine: false is build 'base'. Default true. */
  relaxedSimd?: boolean;
  /** Set V8's experimental flag that fuses 128-bit operations into 256-bit ones (Node 24 and later; process-wide). Default false. */
  revectorize?: boolean;
}

export interface MatmulOptions {
  /** float32 [n], added to every row. */
  bias?: Tensor | null;
  /** Applied after the bias. */
  activation?: Activation | null;
  /** float32 with the dims of the result, added last. */
  residual?: Tensor | null;
  /** b is [..., n, k], as nn.Linear stores a weight. Default false. Not for a PackedWeight, which is always that. */
  transposeB?: boolean;
}

export interface AttentionOptions {
  /** Broadcastable to [batch, heads, queries, keys]. Integers (uint8, int8, int32, int64): nonzero may attend. float32: added to
   *  the scores. Padding of keys is a mask [batch, 1, 1, keys]. */
  mask?: Tensor | null;
  /** Query i of n sees the first keys - n + i + 1 keys: the last query sees all. Default false. */
  causal?: boolean;
  /** Scores are multiplied by it. Default 1 / sqrt(head size). */
  scale?: number;
}

export interface ReduceOptions {
  /** Axes to reduce; negative ones count from the end. Default: all. */
  axis?: number | readonly number[];
  /** Keep reduced axes as dims of 1. Default false. */
  keepDims?: boolean;
}

const MAX_THREADS = 64;

/** Throws INVALID_ARGUMENT. */
export function coreOptionsOf(options: KernelsOptions): CoreOptions {
  const op = 'createKernels';
  const { threads = 'auto', build, relaxedSimd = true, revectorize = false } = options;
  if (threads !== 'auto' && !(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    invalid(op, `threads must be 'auto' or a whole number from 1 to ${MAX_THREADS}, not ${String(threads)}`);
  }
  if (build !== undefined) oneOf(op, 'build', build, ['base', 'relaxed']);
  return {
    threads: threads === 'auto' ? platform.defaultThreads() : threads,
    relaxedSimd: build === undefined ? flag(op, 'relaxedSimd', relaxedSimd) : build === 'relaxed',
    revectorize: flag(op, 'revectorize', revectorize),
  };
}
