// The engine's side of an Encoder: ragged batches in, rows out. Splits a call into chunks of bounded memory, which the
// numeric contract makes invisible.
import type { Core } from '../core/core';
import type { ProfileRow } from '../core/explain';
import { execute } from '../core/execute';
import { Graph, LONGEST, MAP, SEQUENCES, SLOTS, TOKENS, type Sizes, type Sym, type Value } from '../core/graph';
import type { Plan } from '../core/plan';
import { PlanCache } from '../core/plan-cache';
import type { DenseSettings } from '../models/dense';
import type { Config, EncoderModel, Head } from '../models/model';
import { encoderOf } from '../models/encoders';
import { linear } from '../nn/layers';
import { l2Normalize } from '../ops/norm';
import { pool, type Pooling } from '../ops/pool';
import { kvBytes } from '../ops/store-kv';
import { joinOutputs, outputsOf, roundUp, type BatchMask, type Outputs, type RaggedBatch } from './batch';
import type { HeldWeights } from './held-weights';
import type { LoadOptions } from './load';
import { loadModel, type WeightSource } from './load-model';
import { ModelRunner, type CallContext } from './runner';
import { SEG_WORDS, SegmentWriter, slots } from './segments';
import { SEG_QUERIES, SEG_QUERY } from '../../assembly/abi/records';

/** A batch, and what is wanted of it: nothing unless it is said. */
export interface EncoderCall {
  readonly batch: RaggedBatch;
  readonly lastHiddenState?: boolean;
  readonly hiddenStates?: boolean;
  readonly attentions?: boolean;
  readonly poolerOutput?: boolean;
  readonly head?: boolean;
  /** Who sees whom; for a stack alone. */
  readonly mask?: BatchMask;
  /** One row a sequence, under the name `embeddings`. */
  readonly pooling?: {
    kind: Pooling;
    normalize: boolean;
    /** So many tokens at the start of every sequence (a prompt) are left out. Default 0. */
    skip?: number;
  };
  /** Rows (of the whole batch, ascending) of which the language-model head is wanted. */
  readonly selected?: Int32Array;
}

const SELECTED: Sym = { symbol: 'selected' };
const MASK: Sym = { symbol: 'mask' };

/** Tokens a chunk: enough rows for the matmul's tiles, few enough for activations to stay in the cache. */
const CHUNK_TOKENS = 1024;

interface Chunk {
  readonly from: number;
  readonly to: number;
  readonly firstToken: number;
  readonly tokens: number;
  readonly selected: Int32Array;
}

/** What a loaded encoder is like. */
export interface EncoderFacts {
  readonly head: Head | null;
  /** A stack of layers alone, which takes embeddings and a mask. */
  readonly stack: boolean;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** Numbers of an embedding. */
  readonly embeddingSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly typeVocabSize: number;
  readonly weightBytes: number;
}

export class EncoderRunner extends ModelRunner {
  readonly facts: EncoderFacts;
  private readonly plans: PlanCache;

  private constructor(
    private readonly model: EncoderModel,
    weights: HeldWeights,
    private readonly core: Core,
  ) {
    super(weights);
    this.plans = new PlanCache(core);
    const { head, stack = false, vocabSize, hiddenSize, layers, heads, maxPositions, typeVocabSize } = model;
    this.facts = {
      head,
      stack,
      vocabSize,
      hiddenSize,
      embeddingSize: model.dense?.at(-1)?.layer.weight.dims[0] ?? hiddenSize,
      layers,
      heads,
      maxPositions,
      typeVocabSize,
      weightBytes: weights.bytes,
    };
  }

  static async load(core: Core, config: Config, source: WeightSource, options: LoadOptions): Promise<EncoderRunner> {
    const dense = config.sentenceDense as readonly DenseSettings[] | undefined;
    let architecture = await encoderOf(config);
    if (dense?.length) architecture = (await import('../models/dense')).withDense(architecture, dense);
    const { model, weights } = await loadModel(architecture, core, config, source, options);
    return new EncoderRunner(model, weights, core);
  }

  /** Runs a call chunk by chunk. */
  async run(call: EncoderCall, context: CallContext): Promise<Outputs> {
    const chunks = split(call);
    const parts: Outputs[] = [];
    for (const chunk of chunks) {
      const { plan, sizes } = this.prepare(call, chunk);
      await execute(plan, this.core, sizes, { isCancelled: () => context.isCancelled() });
      parts.push(outputsOf(plan, this.core, sizes));
      context.report(chunk.to);
    }
    return joinOutputs(parts);
  }

  /** The plan of a call's first chunk as a table. */
  async explain(call: EncoderCall): Promise<string> {
    const { explainPlan } = await import('../core/explain');
    const { plan, sizes } = this.prepare(call, split(call)[0]);
    return explainPlan(plan, sizes);
  }

  /** Time of every record of a call's first chunk. */
  async profile(call: EncoderCall): Promise<ProfileRow[]> {
    const { profilePlan } = await import('../core/explain');
    const { plan, sizes } = this.prepare(call, split(call)[0]);
    return profilePlan(plan, this.core, sizes);
  }

  override dispose(): void {
    this.plans.clear();
    super.dispose();
  }

  /** Gets the plan of a kind of call and writes a chunk's inputs. */
  private prepare(call: EncoderCall, chunk: Chunk): { plan: Plan; sizes: Sizes } {
    const lengths = call.batch.lengths.subarray(chunk.from, chunk.to);
    const sizes: Record<string, number> = {
      [TOKENS.symbol]: chunk.tokens,
      [SEQUENCES.symbol]: lengths.length,
      [LONGEST.symbol]: Math.max(0, ...lengths),
      [SLOTS.symbol]: lengths.reduce((sum, n) => sum + slots(n), 0),
    };
    if (call.attentions) sizes[MAP.symbol] = this.model.heads * lengths.reduce((sum, n) => sum + n * n, 0);
    if (call.selected) sizes[SELECTED.symbol] = chunk.selected.length;
    if (call.mask) sizes[MASK.symbol] = call.mask.values.length;
    const { kind, normalize, skip = 0 } = call.pooling ?? { kind: '', normalize: false };
    const flags = [
      call.lastHiddenState,
      call.hiddenStates,
      call.attentions,
      call.poolerOutput,
      call.head,
      call.selected,
      normalize,
      skip,
      call.batch.embeds,
    ];
    const key = `${flags.map((flag) => (flag ? 1 : 0)).join('')}${kind} ${call.mask?.stride ?? 0}`;
    const plan = this.plans.get(key, sizes, () => this.record(call), roundUp);
    const inputs = plan.graph.inputs;
    const { memory } = this.core;
    const write = (name: string, data: Int32Array): void => {
      const value = inputs.get(name);
      if (value) memory.i32(plan.address(value), data.length).set(data);
    };
    const writeRows = (name: string, data: Float32Array): void =>
      memory.f32(plan.address(inputs.get(name)!), data.length).set(data);
    const end = chunk.firstToken + chunk.tokens;
    const { ids, typeIds, positions, embeds } = call.batch;
    write('ids', ids.subarray(chunk.firstToken, end));
    write('typeIds', typeIds?.subarray(chunk.firstToken, end) ?? new Int32Array(chunk.tokens));
    const view = (name: string, n: number): Int32Array => memory.i32(plan.address(inputs.get(name)!), n);
    const places = view('positions', chunk.tokens);
    const table = view('segments', lengths.length * SEG_WORDS);
    const writer = new SegmentWriter(table, view('pages', lengths.length));
    const { heads, hiddenSize, positionOffset } = this.model;
    if (embeds) writeRows('embeds', embeds.subarray(chunk.firstToken * hiddenSize, end * hiddenSize));
    if (call.mask) writeRows('mask', call.mask.values);
    const bytesPerSlot = kvBytes(heads, hiddenSize / heads, hiddenSize / heads, 8) / 8;
    let row = 0;
    let slot = 0;
    lengths.forEach((n, i) => {
      writer.addOwn(row, n, slot, bytesPerSlot, heads, { mask: call.mask?.starts[chunk.from + i] });
      for (let t = 0; t < n; t++, row++)
        places[row] = (positions ? positions[chunk.firstToken + row] : t) + positionOffset;
      slot += slots(n);
    });
    if (inputs.has('pooled')) write('pooled', skipTokens(table, call.pooling?.skip ?? 0));
    write('selected', chunk.selected);
    return { plan, sizes };
  }

  private record(call: EncoderCall): Graph {
    const g = new Graph();
    const segments = g.input('segments', [SEQUENCES, SEG_WORDS], 'i32');
    g.input('pages', [SEQUENCES], 'i32');
    const result = this.model.record(
      {
        ids: g.input('ids', [TOKENS], 'i32'),
        embeds: call.batch.embeds ? g.input('embeds', [TOKENS, this.model.hiddenSize]) : null,
        mask: call.mask ? { value: g.input('mask', [MASK]), headStride: 0, queryStride: call.mask.stride } : null,
        typeIds: g.input('typeIds', [TOKENS], 'i32'),
        positions: g.input('positions', [TOKENS], 'i32'),
        segments,
        selected: () => g.input('selected', [SELECTED], 'i32'),
      },
      {
        head: !!call.head,
        hiddenStates: !!call.hiddenStates,
        attentions: !!call.attentions,
        selected: call.selected !== undefined,
      },
    );
    const keep = (name: string, value: Value | undefined): void => {
      if (value) g.output(name, value);
    };
    if (call.lastHiddenState) keep('lastHiddenState', result.lastHiddenState);
    if (call.hiddenStates) result.hiddenStates.forEach((value, i) => keep(`hiddenStates.${i}`, value));
    if (call.attentions) result.attentions.forEach((value, i) => keep(`attentions.${i}`, value));
    if (call.poolerOutput) keep('poolerOutput', result.poolerOutput);
    if (call.pooling) {
      const rows = call.pooling.skip ? g.input('pooled', segments.dims, 'i32') : segments;
      let pooled = pool(result.lastHiddenState, rows, call.pooling.kind);
      for (const { layer, activation } of this.model.dense ?? []) pooled = linear(pooled, layer, { activation });
      keep('embeddings', call.pooling.normalize ? l2Normalize(pooled) : pooled);
    }
    for (const [name, value] of Object.entries(result.head)) keep(name, value);
    return g;
  }
}

/** Cuts a call between sequences, a chunk holding at most CHUNK_TOKENS tokens or one sequence. */
function split({ batch, selected }: EncoderCall): Chunk[] {
  const chunks: Chunk[] = [];
  let from = 0;
  let firstToken = 0;
  let chosen = 0;
  while (from < batch.lengths.length) {
    let to = from;
    let tokens = 0;
    while (to < batch.lengths.length && (to === from || tokens + batch.lengths[to] <= CHUNK_TOKENS))
      tokens += batch.lengths[to++];
    const firstChosen = chosen;
    while (selected && chosen < selected.length && selected[chosen] < firstToken + tokens) chosen++;
    const rows = selected ? selected.subarray(firstChosen, chosen).map((row) => row - firstToken) : new Int32Array(0);
    chunks.push({ from, to, firstToken, tokens, selected: rows });
    from = to;
    firstToken += tokens;
  }
  return chunks;
}

/** The table without the first tokens of every sequence. */
function skipTokens(table: Int32Array, skip: number): Int32Array {
  const shorter = table.slice();
  for (let at = 0; at < shorter.length; at += SEG_WORDS) {
    const skipped = Math.min(skip, shorter[at + SEG_QUERIES / 4]);
    shorter[at + SEG_QUERY / 4] += skipped;
    shorter[at + SEG_QUERIES / 4] -= skipped;
  }
  return shorter;
}
