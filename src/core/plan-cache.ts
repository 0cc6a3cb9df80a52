// A small LRU of plans. A plan serves all sizes up to its capacity, so the keys are kinds of call, not lengths.
import type { Core } from './core';
import type { Graph, Sizes } from './graph';
import { compile, type Plan } from './plan';

const LIMIT = 64;

export class PlanCache {
  private readonly plans = new Map<string, Plan>();

  constructor(private readonly core: Core) {}

  /** The plan of a key with room for `sizes`; built (and its graph recorded) if there is none. */
  get(key: string, sizes: Sizes, record: () => Graph, capacity: (needed: Sizes) => Sizes = (needed) => needed): Plan {
    const known = this.plans.get(key);
    if (known) {
      this.plans.delete(key);
      const fits = Object.entries(sizes).every(([symbol, size]) => size <= known.capacity[symbol]);
      if (fits && known.arenaVersion === this.core.arenaVersion) {
        this.plans.set(key, known);
        return known;
      }
      this.core.memory.free(known.region);
      const needed = Object.fromEntries(
        Object.entries(sizes).map(([symbol, size]) => [symbol, Math.max(size, known.capacity[symbol])]),
      );
      return this.add(key, compile(known.graph, this.core, fits ? needed : capacity(needed)));
    }
    return this.add(key, compile(record(), this.core, capacity(sizes)));
  }

  /** Frees all plans whose key starts with a prefix. */
  clear(prefix = ''): void {
    for (const [key, plan] of this.plans) {
      if (!key.startsWith(prefix)) continue;
      this.core.memory.free(plan.region);
      this.plans.delete(key);
    }
  }

  private add(key: string, plan: Plan): Plan {
    this.plans.set(key, plan);
    for (const [oldest, { region }] of this.plans) {
      if (this.plans.size <= LIMIT) break;
      this.core.memory.free(region);
      this.plans.delete(oldest);
    }
    return plan;
  }
}
