// The engine's side of a Transformer: the encoder runs once for an input, and leaves the keys and values that the decoder's
// steps attend to in pages of their own.
import type { Core } from '../core/core';
import { explainPlan, profilePlan, type ProfileRow } from '../core/explain';
import { execute, read } from '../core/execute';
import { Graph, LONGEST, MAP, SEQUENCES, SLOTS, TOKENS, type Sizes, type Sym, type Value } from '../core/graph';
import type { Plan } from '../core/plan';
import { PlanCache } from '../core/plan-cache';
import { Tokens, type GenerationSettings } from '../generate';
import type { Config, TransformerModel } from '../models/model';
import { transformerOf } from '../models/transformers';
import { kvBytes } from '../ops/store-kv';
import { joinOutputs, roundUp, type Outputs, type RaggedBatch } from './batch';
import { generate } from './generation';
import type { GenerationResult, Says, Start } from './generation-job';
import { CachedSequence, PagePool } from './kv-cache';
import type { HeldWeights } from './held-weights';
import type { LoadOptions } from './load';
import { loadModel, type WeightSource } from './load-model';
import { ModelRunner, type CallContext } from './runner';
import { PAGE_TOKENS, SEG_WORDS, SegmentWriter, slots } from './segments';
import { Steps, type Wants } from './steps';

/** What a forward wants: as many source sequences as target ones, or one for all. */
export interface TransformerCall {
  readonly source: RaggedBatch;
  readonly target: RaggedBatch;
  readonly hiddenStates: boolean;
  readonly attentions: boolean;
}

/** Sources to generate from. */
export interface TransformerGenerateRequest {
  readonly sources: readonly Int32Array[];
  /** First ids of the decoder, for every source. */
  readonly starts: readonly Int32Array[];
  readonly settings: GenerationSettings;
  readonly says: Says;
}

/** What a loaded encoder-decoder is like. */
export interface TransformerFacts {
  /** The decoder's vocabulary, and the encoder's. */
  readonly vocabSize: number;
  readonly sourceVocabSize: number;
  readonly hiddenSize: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly encoderHeads: number;
  readonly decoderHeads: number;
  /** Longest target in tokens, and longest source; Infinity: as memory allows. */
  readonly maxPositions: number;
  readonly maxSourcePositions: number;
  readonly weightBytes: number;
}

const PAGES: Sym = { symbol: 'pages' };

interface SourceWants {
  readonly lastHiddenState: boolean;
  readonly hiddenStates: boolean;
  readonly attentions: boolean;
}

const NOTHING: SourceWants = { lastHiddenState: false, hiddenStates: false, attentions: false };

export class TransformerRunner extends ModelRunner {
  readonly facts: TransformerFacts;
  private readonly plans: PlanCache;
  private readonly crossPool: PagePool;
  private readonly steps: Steps;

  private constructor(
    private readonly model: TransformerModel,
    weights: HeldWeights,
    private readonly core: Core,
  ) {
    super(weights);
    this.plans = new PlanCache(core);
    this.crossPool = new PagePool(core, model.cross);
    this.steps = new Steps(model.decoder, core, this.crossPool);
    const { encoder, decoder, hiddenSize } = model;
    this.facts = {
      vocabSize: decoder.vocabSize,
      sourceVocabSize: encoder.vocabSize,
      hiddenSize,
      encoderLayers: encoder.layers,
      decoderLayers: decoder.layers,
      encoderHeads: encoder.heads,
      decoderHeads: decoder.heads,
      maxPositions: decoder.maxPositions,
      maxSourcePositions: encoder.maxPositions,
      weightBytes: weights.bytes,
    };
  }

  static async load(
    core: Core,
    config: Config,
    source: WeightSource,
    options: LoadOptions,
  ): Promise<TransformerRunner> {
    const architecture = transformerOf(config);
    const { model, weights } = await loadModel(architecture, core, config, source, options);
    return new TransformerRunner(model, weights, core);
  }

  /** Runs pairs of source and target one after another. */
  async forward(call: TransformerCall, context: CallContext): Promise<Outputs> {
    const wants = { lastHiddenState: true, hiddenStates: call.hiddenStates, attentions: call.attentions };
    const parts: Outputs[] = [];
    await this.eachPair(call, async (source, target) => {
      const outputs = await this.encode(source.ids, source.positions, source.cross, wants, context);
      const run = this.steps.prepare([target], decoderWants(call));
      await execute(run.plan, this.core, run.sizes, { isCancelled: () => context.isCancelled() });
      parts.push({ ...prefixed('encoder', outputs), ...prefixed('decoder', this.outputsOf(run.plan, run.sizes)) });
    });
    return joinOutputs(parts);
  }

  /** Continues the decoder's sequence of every source. */
  async generate(request: TransformerGenerateRequest, context: CallContext): Promise<GenerationResult> {
    const { sources, starts, settings, says } = request;
    return generate(
      {
        prompts: sources.length,
        settings,
        says,
        overflow: 'end',
        advice: 'shorten decoderInputIds',
        maxPositions: this.facts.maxPositions,
        promptLength: (prompt) => starts[prompt].length,
        start: (prompt) => this.start(sources[prompt], starts[prompt], context),
      },
      this.steps,
      context,
    );
  }

  /** The plans of a call's first pair: the encoder's and the decoder's. */
  async explain(call: TransformerCall): Promise<string> {
    let text = '';
    await this.eachPair(first(call), async (source, target) => {
      const encoder = this.prepareSource(source.ids, source.positions, source.cross, NOTHING);
      text = `encoder\n${explainPlan(encoder.plan, encoder.sizes)}\n`;
      source.cross.advance(source.ids.length);
      const decoder = this.steps.prepare([target], decoderWants(call));
      text += `decoder\n${explainPlan(decoder.plan, decoder.sizes)}`;
    });
    return text;
  }

  /** Time of every record of those plans. */
  async profile(call: TransformerCall): Promise<ProfileRow[]> {
    const rows: ProfileRow[] = [];
    await this.eachPair(first(call), async (source, target) => {
      const encoder = this.prepareSource(source.ids, source.positions, source.cross, NOTHING);
      rows.push(...(await profilePlan(encoder.plan, this.core, encoder.sizes)));
      source.cross.advance(source.ids.length);
      const decoder = this.steps.prepare([target], decoderWants(call));
      rows.push(...(await profilePlan(decoder.plan, this.core, decoder.sizes)));
    });
    return rows;
  }

  override dispose(): void {
    this.plans.clear();
    this.steps.dispose();
    this.crossPool.trim();
    super.dispose();
  }

  /** Encodes a source; its keys and values serve all sequences that start from it. */
  private async start(source: Int32Array, ids: Int32Array, context: CallContext): Promise<Start> {
    const cross = new CachedSequence(this.crossPool);
    try {
      await this.encode(
        source,
        source.map((_, i) => i),
        cross,
        NOTHING,
        context,
      );
    } catch (error) {
      cross.dispose();
      throw error;
    }
    const cache = new CachedSequence(this.steps.pool);
    return { cache, cross, tokens: new Tokens(ids), dropped: 0, encoderIds: source, owned: true };
  }

  /** Encodes one source; its keys and values are then in `cross`. */
  private async encode(
    ids: Int32Array,
    positions: Int32Array | undefined,
    cross: CachedSequence,
    wants: SourceWants,
    context: CallContext,
  ): Promise<Outputs> {
    const { plan, sizes } = this.prepareSource(ids, positions, cross, wants);
    await execute(plan, this.core, sizes, { isCancelled: () => context.isCancelled() });
    cross.advance(ids.length);
    return this.outputsOf(plan, sizes);
  }

  private outputsOf(plan: Plan, sizes: Sizes): Outputs {
    const named = [...plan.graph.outputs].filter(([name]) => !name.startsWith('stored.'));
    return Object.fromEntries(named.map(([name, value]) => [name, read(plan, this.core, value, sizes)]));
  }

  private prepareSource(
    ids: Int32Array,
    positions: Int32Array | undefined,
    cross: CachedSequence,
    wants: SourceWants,
  ): { plan: Plan; sizes: Sizes } {
    const { core } = this;
    const { encoder } = this.model;
    const n = ids.length;
    cross.reserve(n);
    const pages = Math.ceil(n / PAGE_TOKENS);
    const sizes: Record<string, number> = {
      [TOKENS.symbol]: n,
      [SEQUENCES.symbol]: 1,
      [LONGEST.symbol]: n,
      [SLOTS.symbol]: slots(n),
      [PAGES.symbol]: pages,
    };
    if (wants.attentions) sizes[MAP.symbol] = encoder.heads * n * n;
    const key = [wants.lastHiddenState, wants.hiddenStates, wants.attentions].map(Number).join('');
    const plan = this.plans.get(key, sizes, () => this.recordSource(wants), roundUp);
    const view = (name: string, count: number): Int32Array =>
      core.memory.i32(plan.address(plan.graph.inputs.get(name)!), count);
    view('ids', n).set(ids);
    const places = view('positions', n);
    for (let t = 0; t < n; t++) places[t] = (positions ? positions[t] : t) + encoder.positionOffset;
    const { kvHeads, sizeK, sizeV } = encoder.keyValue;
    new SegmentWriter(view('segments', SEG_WORDS), view('ownPages', 1)).addOwn(
      0,
      n,
      0,
      kvBytes(kvHeads, sizeK, sizeV, 8) / 8,
      encoder.heads,
    );
    new SegmentWriter(view('crossSegments', SEG_WORDS), view('pages', pages)).add(cross, 0, n, n, encoder.heads);
    return { plan, sizes };
  }

  private recordSource(wants: SourceWants): Graph {
    const g = new Graph();
    g.input('ownPages', [SEQUENCES], 'i32');
    g.input('pages', [PAGES], 'i32');
    const result = this.model.encoder.record(
      {
        ids: g.input('ids', [TOKENS], 'i32'),
        positions: g.input('positions', [TOKENS], 'i32'),
        segments: g.input('segments', [SEQUENCES, SEG_WORDS], 'i32'),
        cross: {
          segments: g.input('crossSegments', [SEQUENCES, SEG_WORDS], 'i32'),
          cacheOffsets: this.crossPool.offsets,
        },
      },
      { head: false, hiddenStates: wants.hiddenStates, attentions: wants.attentions, selected: false },
    );
    const keep = (name: string, value: Value | null): void => {
      if (value) g.output(name, value);
    };
    result.stored.forEach(({ value }, i) => keep(`stored.${i}`, value));
    if (wants.lastHiddenState) keep('lastHiddenState', result.lastHiddenState);
    if (wants.hiddenStates) result.hiddenStates.forEach((value, i) => keep(`hiddenStates.${i}`, value));
    if (wants.attentions) result.attentions.forEach((value, i) => keep(`attentions.${i}`, value));
    return g;
  }

  private async eachPair(
    { source, target }: TransformerCall,
    use: (
      source: { ids: Int32Array; positions?: Int32Array; cross: CachedSequence },
      target: { ids: Int32Array; positions?: Int32Array; cache: CachedSequence; cross: CachedSequence },
    ) => Promise<void>,
  ): Promise<void> {
    let [from, to] = [0, 0];
    for (let i = 0; i < source.lengths.length; i++) {
      const cache = new CachedSequence(this.steps.pool);
      const cross = new CachedSequence(this.crossPool);
      const [n, m] = [source.lengths[i], target.lengths[i]];
      try {
        await use(
          { ids: source.ids.subarray(from, from + n), positions: source.positions?.subarray(from, from + n), cross },
          { ids: target.ids.subarray(to, to + m), positions: target.positions?.subarray(to, to + m), cache, cross },
        );
      } finally {
        cache.dispose();
        cross.dispose();
      }
      from += n;
      to += m;
    }
  }
}

function decoderWants({ hiddenStates, attentions }: TransformerCall): Wants {
  return { lastHiddenState: true, hiddenStates, attentions, logits: true, selected: false };
}

function first({ source, target, ...rest }: TransformerCall): TransformerCall {
  return {
    ...rest,
    source: { ...source, lengths: source.lengths.slice(0, 1) },
    target: { ...target, lengths: target.lengths.slice(0, 1) },
  };
}

function prefixed(prefix: string, outputs: Outputs): Outputs {
  return Object.fromEntries(Object.entries(outputs).map(([name, data]) => [`${prefix}.${name}`, data]));
}
