// The engine's side of a Decoder.
import type { Core } from '../core/core';
import { explainPlan, profilePlan, type ProfileRow } from '../core/explain';
import { execute } from '../core/execute';
import type { Sizes } from '../core/graph';
import type { Plan } from '../core/plan';
import { decoderOf } from '../models/decoders';
import { WasmformerError } from '../errors';
import { Tokens, type GenerationSettings } from '../generate';
import type { Config, DecoderModel } from '../models/model';
import { joinOutputs, outputsOf, type BatchMask, type MemoryBatch, type Outputs, type RaggedBatch } from './batch';
import { generate } from './generation';
import type { GenerationJob, GenerationResult, Guesser, Says, Start } from './generation-job';
import { DraftGuesser, LookupGuesser } from './guessers';
import { CachedSequence } from './kv-cache';
import type { HeldWeights } from './held-weights';
import type { LoadOptions } from './load';
import { loadModel, type WeightSource } from './load-model';
import { ModelRunner, type CallContext } from './runner';
import { Steps, type Wants } from './steps';

/** What a forward wants of a batch. */
export interface DecoderCall extends Omit<Wants, 'selected'> {
  readonly batch: RaggedBatch;
  /** For a stack alone: what it attends to, and who sees whom if not the causal rule says it. */
  readonly memory?: MemoryBatch;
  readonly mask?: BatchMask;
}

/** What a loaded decoder is like. */
export interface DecoderFacts {
  /** Whether there are logits. */
  readonly head: boolean;
  /** A stack of layers alone, which takes embeddings and an encoder's output. */
  readonly stack: boolean;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxPositions: number;
  readonly weightBytes: number;
}

/** Prompts to continue. */
export interface GenerateRequest {
  /** Ids of each; with a session one, whose ids come behind those that the session has. */
  readonly prompts: readonly Int32Array[];
  readonly settings: GenerationSettings;
  readonly says: Says;
  readonly overflow: GenerationJob['overflow'];
  readonly session?: number;
  /** Another decoder of this engine that guesses. */
  readonly assistant?: number;
  /** How many tokens it guesses at a time. */
  readonly assistantTokens?: number;
}

interface Session {
  readonly cache: CachedSequence;
  readonly tokens: Tokens;
  dropped: number;
}

export class DecoderRunner extends ModelRunner {
  readonly facts: DecoderFacts;
  readonly steps: Steps;
  private readonly sessions = new Map<number, Session>();
  private sessionIds = 0;

  private constructor(
    model: DecoderModel,
    weights: HeldWeights,
    private readonly core: Core,
  ) {
    super(weights);
    this.steps = new Steps(model, core);
    const { head, vocabSize, hiddenSize, layers, heads, maxPositions } = model;
    this.facts = { head, stack: false, vocabSize, hiddenSize, layers, heads, maxPositions, weightBytes: weights.bytes };
  }

  static async load(core: Core, config: Config, source: WeightSource, options: LoadOptions): Promise<DecoderRunner> {
    const architecture = decoderOf(config);
    const { model, weights } = await loadModel(architecture, core, config, source, options);
    return new DecoderRunner(model, weights, core);
  }

  /** Runs whole sequences, one after another, and forgets them. */
  async forward(call: DecoderCall, context: CallContext): Promise<Outputs> {
    const parts: Outputs[] = [];
    let from = 0;
    for (const length of call.batch.lengths) {
      await this.withPlan(call, from, length, async (plan, sizes) => {
        await execute(plan, this.core, sizes, { isCancelled: () => context.isCancelled() });
        parts.push(outputsOf(plan, this.core, sizes));
      });
      from += length;
    }
    return joinOutputs(parts);
  }

  /** The plan of a call's first sequence as a table. */
  async explain(call: DecoderCall): Promise<string> {
    return this.withPlan(call, 0, call.batch.lengths[0], async (plan, sizes) => explainPlan(plan, sizes));
  }

  /** Time of every record of that plan. */
  async profile(call: DecoderCall): Promise<ProfileRow[]> {
    return this.withPlan(call, 0, call.batch.lengths[0], (plan, sizes) => profilePlan(plan, this.core, sizes));
  }

  /** Continues prompts. A session takes what was generated; if the call fails it is as it was before. */
  async generate(request: GenerateRequest, context: CallContext): Promise<GenerationResult> {
    const { prompts, settings, says, overflow, session: id } = request;
    const session = id === undefined ? null : this.session(id);
    const held = session?.tokens.length ?? 0;
    const before = session && { held, cached: session.cache.length, dropped: session.dropped };
    try {
      return await generate(
        {
          prompts: prompts.length,
          settings,
          says,
          overflow,
          advice: "shorten it, or pass contextOverflow: 'slide' to forget the beginning",
          maxPositions: this.facts.maxPositions,
          promptLength: (prompt) => held + prompts[prompt].length,
          guesser: this.guesserOf(request, context),
          start: (prompt) => this.start(prompts[prompt], session),
        },
        this.steps,
        context,
      );
    } catch (error) {
      if (session && before) {
        session.tokens.truncate(before.held);
        // where the beginning was forgotten, the cache is another one
        session.cache.truncate(session.dropped === before.dropped ? before.cached : 0);
        session.dropped = before.dropped;
      }
      throw error;
    }
  }

  /** Opens a session: empty, or as another one is now. */
  async openSession(from: number | null): Promise<number> {
    const id = ++this.sessionIds;
    const other = from === null ? null : this.session(from);
    this.sessions.set(id, {
      cache: other ? other.cache.fork() : new CachedSequence(this.steps.pool),
      tokens: new Tokens(other ? other.tokens.slice() : []),
      dropped: other?.dropped ?? 0,
    });
    return id;
  }

  /** Forgets all but the first `length` tokens. */
  async truncateSession({ id, length }: { id: number; length: number }): Promise<void> {
    const session = this.session(id);
    session.tokens.truncate(length);
    if (length < session.dropped) {
      session.cache.truncate(0);
      session.dropped = 0;
    } else session.cache.truncate(length - session.dropped);
    this.steps.pool.trim();
  }

  async closeSession(id: number): Promise<void> {
    this.session(id).cache.dispose();
    this.sessions.delete(id);
    this.steps.pool.trim();
  }

  override dispose(): void {
    for (const { cache } of this.sessions.values()) cache.dispose();
    this.steps.dispose();
    super.dispose();
  }

  private session(id: number): Session {
    const session = this.sessions.get(id);
    if (!session) throw new WasmformerError('DISPOSED', 'this session was disposed; create a new one');
    return session;
  }

  private start(ids: Int32Array, session: Session | null): Start {
    if (!session) {
      const cache = new CachedSequence(this.steps.pool);
      return { cache, tokens: new Tokens(ids), dropped: 0, encoderIds: ids, owned: true };
    }
    for (const id of ids) session.tokens.push(id);
    // without a new token the last one is read again, for the scores of the next
    session.cache.truncate(session.tokens.length - session.dropped - 1);
    return new SessionStart(session);
  }

  private guesserOf(
    { settings, assistant, assistantTokens = 5 }: GenerateRequest,
    context: CallContext,
  ): Guesser | undefined {
    if (assistant !== undefined) {
      const { steps, facts } = context.runner(assistant) as DecoderRunner;
      return new DraftGuesser(steps, facts.maxPositions, assistantTokens);
    }
    return settings.promptLookupNumTokens === null ? undefined : new LookupGuesser(settings);
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
      const positions = batch.positions?.subarray(from, from + length);
      const { plan, sizes } = this.steps.prepare([{ cache, ids, positions }], { ...wants, selected: false });
      return await use(plan, sizes);
    } finally {
      cache.dispose();
    }
  }
}

/** A session as the loop continues it: what it does to the start is done to the session. */
class SessionStart implements Start {
  readonly owned = false;

  constructor(private readonly session: Session) {}

  get cache(): CachedSequence {
    return this.session.cache;
  }

  get tokens(): Tokens {
    return this.session.tokens;
  }

  get encoderIds(): Int32Array {
    return this.session.tokens.slice();
  }

  get dropped(): number {
    return this.session.dropped;
  }

  set dropped(count: number) {
    this.session.dropped = count;
  }
}
