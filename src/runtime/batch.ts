// What the runners share: batches without padding, results by name, capacities.
import type { Core } from '../core/core';
import { read } from '../core/execute';
import type { Sizes } from '../core/graph';
import type { Plan } from '../core/plan';

/** A batch without padding: the tokens of all sequences one after another. */
export interface RaggedBatch {
  /** Tokens of each sequence. */
  readonly lengths: Int32Array;
  readonly ids: Int32Array;
  /** Absent: all 0. */
  readonly typeIds?: Int32Array;
  /** Absent: 0, 1, 2, ... in every sequence. */
  readonly positions?: Int32Array;
  /** Rows of d floats for every token, in place of its id's. */
  readonly embeds?: Float32Array;
}

/** An encoder's output without padding: rows of d floats, so many for each sequence. */
export interface MemoryBatch {
  readonly lengths: Int32Array;
  readonly rows: Float32Array;
}

/** What is added to the scores of a batch: rows of `stride` floats, those of a sequence from its start on. */
export interface BatchMask {
  readonly values: Float32Array;
  readonly stride: number;
  /** [sequences] */
  readonly starts: Int32Array;
}

/** Results by name: `lastHiddenState`, `hiddenStates.0`, `attentions.0`, `poolerOutput`, `embeddings`, and the head's. */
export type Outputs = Record<string, Float32Array<ArrayBuffer>>;

/** Room for the next, somewhat larger call: powers of two. */
export function roundUp(sizes: Sizes): Sizes {
  return Object.fromEntries(
    Object.entries(sizes).map(([symbol, size]) => [symbol, 2 ** Math.ceil(Math.log2(Math.max(16, size)))]),
  );
}

/** A plan's outputs after a run. */
export function outputsOf(plan: Plan, core: Core, sizes: Sizes): Outputs {
  return Object.fromEntries([...plan.graph.outputs].map(([name, value]) => [name, read(plan, core, value, sizes)]));
}

/** Results of consecutive parts of a batch as one. */
export function joinOutputs(parts: readonly Outputs[]): Outputs {
  if (parts.length === 1) return parts[0];
  return Object.fromEntries(Object.keys(parts[0]).map((name) => [name, concat(parts.map((part) => part[name]))]));
}

/** Arrays one behind another. */
function concat(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
