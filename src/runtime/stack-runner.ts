// The engine's side of a decoder's stack alone: embeddings and an encoder's output in, rows out. Sequences run one after another;
// their keys and values live for one run, so there is no cache.
import type { Core } from '../core/core';
import { explainPlan, profilePlan, type ProfileRow } from '../core/explain';
import { execute } from '../core/execute';
import { Graph, LONGEST, MAP, SEQUENCES, SLOTS, TOKENS, type Sizes, type Sym, type Value } from '../core/graph';
import type { Plan } from '../core/plan';
import { PlanCache } from '../core/plan-cache';
import type { Architecture, Config, DecoderStack } from '../models/model';
import { kvBytes } from '../ops/store-kv';
import { joinOutputs, outputsOf, roundUp, type Outputs } from './batch';
import type { DecoderCall, DecoderFacts } from './decoder-runner';
import type { HeldWeights } from './held-weights';
import type { LoadOptions } from './load';
import { loadModel, type WeightSource } from './load-model';
import { ModelRunner, type CallContext } from './runner';
import { SEG_WORDS, SegmentWriter, slots } from './segments';

const MEMORY: Sym = { symbol: 'memory' };
const MEMORY_SLOTS: Sym = { symbol: 'memorySlots' };
const CROSS_MAP: Sym = { symbol: 'crossMap' };
const MASK: Sym = { symbol: 'mask' };

/** Where a sequence's tokens and its memory's lie in a call. */
interface Place {
  readonly sequence: number;
  readonly token: number;
  readonly tokens: number;
  readonly source: number;
  readonly sources: number;
}

export class StackRunner extends ModelRunner {
  readonly facts: DecoderFacts;
  private readonly plans: PlanCache;

  private constructor(
    private readonly model: DecoderStack,
    weights: HeldWeights,
    private readonly core: Core,
  ) {
    super(weights);
    this.plans = new PlanCache(core);
    const { hiddenSize, layers, heads } = model;
    const none = { head: false, stack: true, vocabSize: 0, maxPositions: Infinity };
    this.facts = { ...none, hiddenSize, layers, heads, weightBytes: weights.bytes };
  }

  static async load(
    architecture: Architecture<DecoderStack>,
    core: Core,
    config: Config,
    source: WeightSource,
    options: LoadOptions,
  ): Promise<StackRunner> {
    const { model, weights } = await loadModel(architecture, core, config, source, options);
    return new StackRunner(model, weights, core);
  }

  async forward(call: DecoderCall, context: CallContext): Promise<Outputs> {
    const parts: Outputs[] = [];
    for (const place of placesOf(call)) {
      const { plan, sizes } = this.prepare(call, place);
      await execute(plan, this.core, sizes, { isCancelled: () => context.isCancelled() });
      parts.push(outputsOf(plan, this.core, sizes));
    }
    return joinOutputs(parts);
  }

  /** The plan of a call's first sequence as a table. */
  async explain(call: DecoderCall): Promise<string> {
    const { plan, sizes } = this.prepare(call, placesOf(call)[0]);
    return explainPlan(plan, sizes);
  }

  /** Time of every record of that plan. */
  async profile(call: DecoderCall): Promise<ProfileRow[]> {
    const { plan, sizes } = this.prepare(call, placesOf(call)[0]);
    return profilePlan(plan, this.core, sizes);
  }

  override dispose(): void {
    this.plans.clear();
    super.dispose();
  }

  private prepare(call: DecoderCall, place: Place): { plan: Plan; sizes: Sizes } {
    const { sequence, token, tokens, source, sources } = place;
    const { heads, hiddenSize: d } = this.model;
    const mask = call.mask;
    const sizes: Record<string, number> = {
      [TOKENS.symbol]: tokens,
      [SEQUENCES.symbol]: 1,
      [LONGEST.symbol]: Math.max(tokens, sources),
      [SLOTS.symbol]: slots(tokens),
      [MEMORY.symbol]: sources,
      [MEMORY_SLOTS.symbol]: slots(sources),
    };
    if (call.attentions) {
      sizes[MAP.symbol] = heads * tokens * tokens;
      sizes[CROSS_MAP.symbol] = heads * tokens * sources;
    }
    if (mask) sizes[MASK.symbol] = mask.values.length;
    const key = `${Number(call.hiddenStates)}${Number(call.attentions)} ${mask?.stride ?? 0}`;
    const plan = this.plans.get(key, sizes, () => this.record(call), roundUp);
    const { memory } = this.core;
    const address = (name: string): number => plan.address(plan.graph.inputs.get(name)!);
    const write = (name: string, rows: Float32Array): void => memory.f32(address(name), rows.length).set(rows);
    write('embeds', call.batch.embeds!.subarray(token * d, (token + tokens) * d));
    write('memory', call.memory!.rows.subarray(source * d, (source + sources) * d));
    if (mask) write('mask', mask.values);
    const bytesPerSlot = kvBytes(heads, d / heads, d / heads, 8) / 8;
    const segment = (name: string, queries: number, options?: { keys?: number; mask?: number }): void =>
      new SegmentWriter(memory.i32(address(name), SEG_WORDS), memory.i32(address(`${name}.page`), 1)).addOwn(
        0,
        queries,
        0,
        bytesPerSlot,
        heads,
        options,
      );
    segment('segments', tokens, { mask: mask?.starts[sequence] });
    segment('memorySegments', sources);
    segment('crossSegments', tokens, { keys: sources });
    return { plan, sizes };
  }

  private record({ hiddenStates, attentions, mask }: DecoderCall): Graph {
    const g = new Graph();
    const { hiddenSize: d } = this.model;
    const segment = (name: string): Value => {
      // page tables are reached through addresses in the segment tables
      g.input(`${name}.page`, [SEQUENCES], 'i32');
      return g.input(name, [SEQUENCES, SEG_WORDS], 'i32');
    };
    const result = this.model.record(
      {
        embeds: g.input('embeds', [TOKENS, d]),
        memory: g.input('memory', [MEMORY, d]),
        segments: segment('segments'),
        memorySegments: segment('memorySegments'),
        crossSegments: segment('crossSegments'),
        memorySlots: MEMORY_SLOTS,
        crossMap: CROSS_MAP,
        mask: mask ? { value: g.input('mask', [MASK]), headStride: 0, queryStride: mask.stride } : null,
      },
      { head: false, hiddenStates, attentions, selected: false },
    );
    g.output('lastHiddenState', result.lastHiddenState);
    if (hiddenStates) result.hiddenStates.forEach((value, i) => g.output(`hiddenStates.${i}`, value));
    if (attentions) {
      result.attentions.forEach((value, i) => g.output(`attentions.${i}`, value));
      result.crossAttentions.forEach((value, i) => g.output(`crossAttentions.${i}`, value));
    }
    return g;
  }
}

function placesOf({ batch, memory }: DecoderCall): Place[] {
  let token = 0;
  let source = 0;
  return Array.from(batch.lengths, (tokens, sequence) => {
    const sources = memory!.lengths[sequence];
    const place = { sequence, token, tokens, source, sources };
    token += tokens;
    source += sources;
    return place;
  });
}
