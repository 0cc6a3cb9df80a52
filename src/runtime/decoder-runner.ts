// The engine's side of a Decoder.
import type { Core } from '../core/core';
import { execute, read } from '../core/execute';
import type { Sizes } from '../core/graph';
import { explainPlan, type Plan } from '../core/plan';
import { decoderOf } from '../models/decoders';
import type { Config, DecoderModel } from '../models/model';
import { Parameters } from '../nn/parameters';
import { concat, profilePlan, type Outputs, type ProfileRow, type RaggedBatch } from './batch';
import { CachedSequence } from './kv-cache';
import { freeWeights, loadWeights, type LoadOptions, type TensorReader } from './load';
import type { CallContext, Runner } from './runner';
import { Steps, type Wants } from './steps';

/** What a forward wants of a batch. */
export interface DecoderCall extends Omit<Wants, 'selected'> {
  readonly batch: RaggedBatch;
}

/** What a loaded decoder is like. */
export interface DecoderFacts {
  /** Whether there are logits. */
  readonly head: boolean;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly weightBytes: number;
}

export class DecoderRunner implements Runner {
  readonly facts: DecoderFacts;
  private readonly steps: Steps;

  private constructor(
    model: DecoderModel,
    private readonly parameters: Parameters,
    private readonly core: Core,
    weightBytes: number,
  ) {
    this.steps = new Steps(model, core);
    const { head, vocabSize, hiddenSize, layers, heads, maxPositions } = model;
    this.facts = { head, vocabSize, hiddenSize, layers, heads, maxPositions, weightBytes };
  }

  static async load(core: Core, config: Config, reader: TensorReader, options: LoadOptions): Promise<DecoderRunner> {
    const architecture = decoderOf(config);
    const parameters = new Parameters(
      (name) => reader.tensors.has(name),
      (name) => architecture.aliases(name),
    );
    const model = architecture.build(config, parameters);
    const before = core.memory.used;
    await loadWeights(parameters.declarations, reader, core, options);
    return new DecoderRunner(model, parameters, core, core.memory.used - before);
  }

  /** Runs whole sequences, one after another, and forgets them. */
  async forward(call: DecoderCall, context: CallContext): Promise<Outputs> {
    const parts: Outputs[] = [];
    let from = 0;
    for (const length of call.batch.lengths) {
      await this.withPlan(call, from, length, async (plan, sizes) => {
        await execute(plan, this.core, sizes, { isCancelled: () => context.isCancelled() });
        const outputs = [...plan.graph.outputs];
        parts.push(Object.fromEntries(outputs.map(([name, value]) => [name, read(plan, this.core, value, sizes)])));
      });
      from += length;
    }
    return Object.fromEntries(Object.keys(parts[0]).map((name) => [name, concat(parts.map((part) => part[name]))]));
  }

  /** The plan of a call's first sequence as a table. */
  async explain(call: DecoderCall): Promise<string> {
    return this.withPlan(call, 0, call.batch.lengths[0], async (plan, sizes) => explainPlan(plan, sizes));
  }

  /** Time of every record of that plan. */
  async profile(call: DecoderCall): Promise<ProfileRow[]> {
    return this.withPlan(call, 0, call.batch.lengths[0], (plan, sizes) => profilePlan(plan, this.core, sizes));
  }

  dispose(): void {
    this.steps.dispose();
    freeWeights(this.parameters.declarations, this.core);
  }

  /** Prepares `length` tokens of a call's batch as one sequence, and forgets it after use. */
  private async withPlan<T>(
    { batch, ...wants }: DecoderCall,
    from: number,
    length: number,
    use: (plan: Plan, sizes: Sizes) => Promise<T>,
  ): Promise<T> {
    const cache = new CachedSequence(this.steps.pool);
    try {
      const ids = batch.ids.subarray(from, from + length);
      const positions = batch.positions.subarray(from, from + length);
      const { plan, sizes } = this.steps.prepare([{ cache, ids, positions }], { ...wants, selected: false });
      return await use(plan, sizes);
    } finally {
      cache.dispose();
    }
  }
}
