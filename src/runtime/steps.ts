// Steps of a causal model: new tokens of any mixture of sequences, over the paged cache. Prefill, one token of forty sequences and
// both at once are the same plan.
import type { Core } from '../core/core';
import { executeStep } from '../core/execute-step';
import { Graph, LONGEST, MAP, SEQUENCES, TOKENS, type Sizes, type Sym, type Value } from '../core/graph';
import type { Plan } from '../core/plan';
import { PlanCache } from '../core/plan-cache';
import type { CausalModel } from '../models/model';
import { RotaryTable } from '../nn/rotary';
import { roundUp } from './batch';
import { PagePool, type CachedSequence } from './kv-cache';
import type { CallContext } from './runner';
import { PAGE_TOKENS, SEG_WORDS, SegmentWriter } from './segments';

/** New tokens of one sequence. */
export interface StepItem {
  readonly cache: CachedSequence;
  /** What the encoder left of the sequence's input, for a model with cross-attention. */
  readonly cross?: CachedSequence;
  readonly ids: ArrayLike<number>;
  /** Default: behind the tokens that are cached. */
  readonly positions?: ArrayLike<number>;
  /** How many of the last tokens' logits are wanted. Default 1. */
  readonly logits?: number;
}

/** What a step keeps. */
export interface Wants {
  readonly lastHiddenState: boolean;
  readonly hiddenStates: boolean;
  readonly attentions: boolean;
  readonly logits: boolean;
  /** Logits of the chosen rows only. */
  readonly selected: boolean;
}

const SELECTED: Sym = { symbol: 'selected' };
const PAGES: Sym = { symbol: 'pages' };
const CROSS_PAGES: Sym = { symbol: 'crossPages' };
const CROSS_MAP: Sym = { symbol: 'crossMap' };

/** Tokens a step: longer prompts are stored piece by piece, which the numeric contract makes invisible. */
const CHUNK_TOKENS = 512;

const GENERATE: Wants = {
  lastHiddenState: false,
  hiddenStates: false,
  attentions: false,
  logits: true,
  selected: true,
};

export class Steps {
  /** Pages of the sequences' keys and values. */
  readonly pool: PagePool;
  private readonly plans: PlanCache;
  private readonly rotary: RotaryTable | null;

  /** @param crossPool pages of what an encoder left, for a model with cross-attention */
  constructor(
    private readonly model: CausalModel,
    private readonly core: Core,
    private readonly crossPool: PagePool | null = null,
  ) {
    this.plans = new PlanCache(core);
    this.pool = new PagePool(core, model.cache);
    this.rotary = model.rotary && new RotaryTable(model.rotary);
  }

  /** Rows of logits have so many columns. */
  get vocabSize(): number {
    return this.model.vocabSize;
  }

  /** Stores new tokens of some sequences and gives the logits of the last of them: rows [wanted, vocabulary], a view that the
   *  next step overwrites. Sequences whose tokens are more than a chunk are stored piece by piece.
   *  A promise only where time passes on the way, so that small models need no turn of the event loop for every token. */
  step(items: readonly StepItem[], context: CallContext): Float32Array | Promise<Float32Array> {
    const total = items.reduce((sum, { ids }) => sum + ids.length, 0);
    if (total > CHUNK_TOKENS && items.some(({ ids, logits = 1 }) => ids.length > logits))
      return this.stepInChunks(items, context);
    const { plan, sizes } = this.prepare(items, GENERATE);
    const finish = (): Float32Array => {
      for (const { cache, ids } of items) cache.advance(ids.length);
      const value = plan.graph.outputs.get('logits')!;
      return this.core.memory.f32(plan.address(value), sizes[SELECTED.symbol] * this.model.vocabSize);
    };
    const running = executeStep(plan, this.core, sizes, { isCancelled: () => context.isCancelled() });
    return running ? running.then(finish) : finish();
  }

  private async stepInChunks(items: readonly StepItem[], context: CallContext): Promise<Float32Array> {
    const rest: StepItem[] = [];
    for (const item of items) {
      const { cache, cross, ids, positions, logits = 1 } = item;
      let from = 0;
      while (ids.length - logits - from >= CHUNK_TOKENS) {
        const to = from + CHUNK_TOKENS;
        await this.step([{ cache, cross, ...part(ids, positions, from, to), logits: 0 }], context);
        from = to;
      }
      rest.push({ cache, cross, ...part(ids, positions, from, ids.length), logits });
    }
    // what is left of each may together still be more than a chunk: all but the wanted rows go in first
    if (rest.reduce((sum, { ids }) => sum + ids.length, 0) > CHUNK_TOKENS) {
      for (const [i, { cache, cross, ids, positions, logits = 1 }] of rest.entries()) {
        const to = ids.length - logits;
        if (to > 0) await this.step([{ cache, cross, ...part(ids, positions, 0, to), logits: 0 }], context);
        rest[i] = { cache, cross, ...part(ids, positions, to, ids.length), logits };
      }
    }
    return this.step(rest, context);
  }

  dispose(): void {
    this.plans.clear();
    this.pool.trim();
  }

  /** Gets the plan of a kind of step and writes its inputs. */
  prepare(items: readonly StepItem[], wants: Wants): { plan: Plan; sizes: Sizes } {
    const { heads } = this.model;
    let [tokens, longest, pages, crossPages, selected, map, crossMap] = [0, 0, 0, 0, 0, 0, 0];
    for (const { cache, cross, ids, logits = 1 } of items) {
      const keys = cache.length + ids.length;
      cache.reserve(ids.length);
      tokens += ids.length;
      longest = Math.max(longest, keys, cross?.length ?? 0);
      pages += Math.ceil(keys / PAGE_TOKENS);
      crossPages += Math.ceil((cross?.length ?? 0) / PAGE_TOKENS);
      selected += logits;
      map += heads * ids.length * keys;
      crossMap += heads * ids.length * (cross?.length ?? 0);
    }
    const sizes: Record<string, number> = {
      [TOKENS.symbol]: tokens,
      [SEQUENCES.symbol]: items.length,
      [LONGEST.symbol]: longest,
      [PAGES.symbol]: pages,
    };
    if (this.crossPool) sizes[CROSS_PAGES.symbol] = crossPages;
    if (wants.attentions) sizes[MAP.symbol] = map;
    if (wants.attentions && this.crossPool) sizes[CROSS_MAP.symbol] = crossMap;
    if (wants.selected) sizes[SELECTED.symbol] = selected;
    const plan = this.plans.get(keyOf(wants), sizes, () => this.record(wants), roundUp);
    this.write(plan, items, tokens, pages, crossPages, selected);
    return { plan, sizes };
  }

  private write(
    plan: Plan,
    items: readonly StepItem[],
    tokens: number,
    pages: number,
    crossPages: number,
    selected: number,
  ): void {
    const { core, model, rotary } = this;
    const { inputs } = plan.graph;
    const view = (name: string, n: number): Int32Array | null => {
      const value = inputs.get(name);
      return value ? core.memory.i32(plan.address(value), n) : null;
    };
    const idRow = view('ids', tokens)!;
    const positionRow = view('positions', tokens)!;
    const chosen = view('selected', selected);
    const own = new SegmentWriter(view('segments', items.length * SEG_WORDS)!, view('pages', pages)!);
    const other = this.crossPool
      ? new SegmentWriter(view('crossSegments', items.length * SEG_WORDS)!, view('crossPages', crossPages)!)
      : null;
    const turns = rotary && inputs.get('rotary');
    const turnRows = turns ? core.memory.f32(plan.address(turns), tokens * model.rotary!.dim) : null;
    let token = 0;
    let choice = 0;
    for (const { cache, cross, ids, positions, logits = 1 } of items) {
      const n = ids.length;
      const keys = cache.length + n;
      const places = positionRow.subarray(token, token + n);
      idRow.set(ids, token);
      for (let t = 0; t < n; t++) places[t] = positions ? positions[t] : cache.length + t;
      if (turnRows) rotary!.write(places, keys, turnRows.subarray(token * model.rotary!.dim));
      if (model.positionOffset !== 0) for (let t = 0; t < n; t++) places[t] += model.positionOffset;
      own.add(cache, token, n, n, model.heads);
      if (other && cross) other.add(cross, token, n, 0, model.heads);
      if (chosen) for (let t = n - logits; t < n; t++) chosen[choice++] = token + t;
      token += n;
    }
  }

  private record(wants: Wants): Graph {
    const g = new Graph();
    // page tables are reached through addresses in the segment tables
    g.input('pages', [PAGES], 'i32');
    if (this.crossPool) g.input('crossPages', [CROSS_PAGES], 'i32');
    const result = this.model.record(
      {
        ids: g.input('ids', [TOKENS], 'i32'),
        positions: g.input('positions', [TOKENS], 'i32'),
        segments: g.input('segments', [SEQUENCES, SEG_WORDS], 'i32'),
        cacheOffsets: this.pool.offsets,
        cross: this.crossPool && {
          segments: g.input('crossSegments', [SEQUENCES, SEG_WORDS], 'i32'),
          cacheOffsets: this.crossPool.offsets,
          mapSize: CROSS_MAP,
        },
        rotary: () => g.input('rotary', [TOKENS, this.model.rotary!.dim]),
        selected: () => g.input('selected', [SELECTED], 'i32'),
      },
      { head: wants.logits, hiddenStates: wants.hiddenStates, attentions: wants.attentions, selected: wants.selected },
    );
    const keep = (name: string, value: Value | null): void => {
      if (value) g.output(name, value);
    };
    if (wants.lastHiddenState) keep('lastHiddenState', result.lastHiddenState);
    if (wants.hiddenStates) result.hiddenStates.forEach((value, i) => keep(`hiddenStates.${i}`, value));
    if (wants.attentions) {
      result.attentions.forEach((value, i) => keep(`attentions.${i}`, value));
      result.crossAttentions.forEach((value, i) => keep(`crossAttentions.${i}`, value));
    }
    keep('logits', result.logits);
    return g;
  }
}

function keyOf({ lastHiddenState, hiddenStates, attentions, logits, selected }: Wants): string {
  return [lastHiddenState, hiddenStates, attentions, logits, selected].map(Number).join('');
}

function part(
  ids: ArrayLike<number>,
  positions: ArrayLike<number> | undefined,
  from: number,
  to: number,
): Pick<StepItem, 'ids' | 'positions'> {
  const cut = (row: ArrayLike<number>): number[] => Array.prototype.slice.call(row, from, to) as number[];
  return { ids: cut(ids), positions: positions && cut(positions) };
}
