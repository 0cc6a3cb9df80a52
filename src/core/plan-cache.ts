// A small LRU of plans. A plan serves all sizes up to its capacity, so the keys are kinds of call, not lengths.
import type { Core } from './core';
import type { Graph, Sizes } from './graph';
import { compile, type Plan } from './plan';

const LIMIT = 64;

interface Kept {
  plan: Plan;
  /** When it was last asked for. */
  used: number;
}

export class PlanCache {
  /** In no order that tells of their use: a Map that entries leave and enter makes a new table every few calls. */
  private readonly kept = new Map<string, Kept>();
  private clock = 0;

  constructor(private readonly core: Core) {}

  /** The plan of a key with room for `sizes`; built (and its graph recorded) if there is none. */
  get(key: string, sizes: Sizes, record: () => Graph, capacity: (needed: Sizes) => Sizes = (needed) => needed): Plan {
    const used = ++this.clock;
    const known = this.kept.get(key);
    if (!known) {
      const plan = compile(record(), this.core, capacity(sizes));
      this.kept.set(key, { plan, used });
      if (this.kept.size > LIMIT) {
        const [[oldest]] = [...this.kept].sort(([, a], [, b]) => a.used - b.used);
        this.drop(oldest);
      }
      return plan;
    }
    const { plan } = known;
    const hasRoom = fits(sizes, plan.capacity);
    if (!hasRoom || plan.arenaVersion !== this.core.arenaVersion) {
      // where compiling fails, none is kept
      this.kept.delete(key);
      this.core.memory.free(plan.region);
      const needed = Object.fromEntries(
        Object.entries(sizes).map(([symbol, size]) => [symbol, Math.max(size, plan.capacity[symbol])]),
      );
      known.plan = compile(plan.graph, this.core, hasRoom ? needed : capacity(needed));
      this.kept.set(key, known);
    }
    known.used = used;
    return known.plan;
  }

  /** Frees all plans whose key starts with a prefix. */
  clear(prefix = ''): void {
    for (const key of this.kept.keys()) if (key.startsWith(prefix)) this.drop(key);
  }

  private drop(key: string): void {
    this.core.memory.free(this.kept.get(key)!.plan.region);
    this.kept.delete(key);
  }
}

function fits(sizes: Sizes, capacity: Sizes): boolean {
  for (const symbol in sizes) if (sizes[symbol] > capacity[symbol]) return false;
  return true;
}
