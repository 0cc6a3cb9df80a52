// Runs the plan of one more token, which for small models takes less than a turn of the event loop.
import type { Core } from './core';
import { costsOf, execute, runAtOnce, setSizes, SLICE_NS, totalOf, type RunOptions } from './execute';
import { TOKENS, type Sizes } from './graph';
import type { Plan } from './plan';

interface Estimate {
  /** At the plan's capacity. */
  readonly full: number;
  /** Of one token. */
  readonly token: number;
}

const estimates = new WeakMap<Plan, Estimate>();

function estimateOf(plan: Plan): Estimate {
  let estimate = estimates.get(plan);
  if (!estimate) {
    const costAt = (sizes: Sizes): number => totalOf(costsOf(plan, sizes));
    estimate = { full: costAt(plan.capacity), token: costAt({ ...plan.capacity, [TOKENS.symbol]: 1 }) };
    estimates.set(plan, estimate);
  }
  return estimate;
}

/** Runs a step of a sequence: at once, with nothing given back, if the plan takes less than a slice even at its capacity; else as
 *  `execute` does. Small models take so many steps a second that a turn of the event loop for each would cost more than the step. */
export function executeStep(plan: Plan, core: Core, sizes: Sizes, options: RunOptions): Promise<void> | undefined {
  const { full, token } = estimateOf(plan);
  if (full / core.taking >= SLICE_NS) return execute(plan, core, sizes, options);
  setSizes(plan, core, sizes);
  runAtOnce(plan, core, token * sizes[TOKENS.symbol]);
  return undefined;
}
