// The loop of generation: sequences of any prompts step together over the cache, each as if it were alone. Finished ones leave
// the batch, waiting ones take their place.
import { yieldToEventLoop } from '#platform';
import { WasmformerError } from '../errors';
import {
  argmax,
  BeamSearch,
  endOf,
  lengthLimits,
  randomSeed,
  TokenChooser,
  Tokens,
  verify,
  type Alternative,
  type FinishReason,
  type GenerationSettings,
} from '../generate';
import type { CachedSequence } from './kv-cache';
import type { CallContext } from './runner';
import type { StepItem, Steps } from './steps';

/** What the caller wants to say at every step. */
export interface Says {
  /** Change the scores: a `scores` event for every step, answered by the changed scores. */
  readonly scores: boolean;
  /** End sequences: a `tokens` event after every step, answered by the sequences to end. */
  readonly stops: boolean;
}

/** New tokens of sequences, in order. */
export interface TokensEvent {
  readonly type: 'tokens';
  readonly tokens: readonly GeneratedToken[];
}

interface GeneratedToken {
  readonly prompt: number;
  /** Number among the sequences of that prompt. */
  readonly sequence: number;
  readonly id: number;
  readonly logprob?: number;
  readonly alternatives?: readonly Alternative[];
}

/** Scores of the next token of some sequences, after the processors that the settings ask for. */
export interface ScoresEvent {
  readonly type: 'scores';
  /** [rows, vocabulary] */
  readonly scores: Float32Array;
  readonly rows: readonly { prompt: number; step: number; ids: Int32Array }[];
}

/** A sequence to be ended: the text has reached a stop string. */
export interface Stop {
  readonly prompt: number;
  readonly sequence: number;
}

/** A finished sequence. */
interface GeneratedSequence {
  readonly prompt: number;
  readonly sequence: number;
  /** New ids, an end of sequence included. */
  readonly ids: Int32Array;
  readonly finishReason: FinishReason;
  /** Of beams: the log-probability over length^lengthPenalty. */
  readonly score?: number;
  readonly logprobs?: Float32Array;
}

export interface GenerationResult {
  /** By prompt, then by sequence. */
  readonly sequences: readonly GeneratedSequence[];
  /** Times that the model ran. */
  readonly steps: number;
}

/** A prompt made ready to be continued. */
export interface Start {
  readonly cache: CachedSequence;
  readonly cross?: CachedSequence;
  /** Ids so far. The cache holds the first ones, from `dropped` on. */
  readonly tokens: Tokens;
  /** Ids at the beginning that the model no longer sees. */
  dropped: number;
  /** Ids of the encoder's input; in a decoder the prompt. */
  readonly encoderIds: ArrayLike<number>;
  /** Whether the caches belong to the loop, to be disposed with the sequence. */
  readonly owned: boolean;
}

/** Guesses the next tokens, which one step of the model then checks. */
export interface Guesser {
  guess(tokens: Tokens, room: number, context: CallContext): ArrayLike<number> | Promise<ArrayLike<number>>;
  dispose(): void;
}

export interface GenerationJob {
  readonly prompts: number;
  readonly settings: GenerationSettings;
  readonly maxPositions: number;
  readonly says: Says;
  start(prompt: number, context: CallContext): Start | Promise<Start>;
  readonly guesser?: Guesser;
  /** What to do when a sequence has as many tokens as the model has positions: end it, or forget the older half. */
  readonly overflow: 'end' | 'slide';
}

/** Sequences that step together: enough to read the weights once for many, few enough to bound the cache. */
const MOST_ACTIVE = 32;
/** The event loop turns at least so often. */
const TURN_MS = 8;

interface Sequence {
  readonly start: Start;
  readonly prompt: number;
  readonly sequence: number;
  readonly promptLength: number;
  readonly chooser: TokenChooser;
  readonly maxLength: number;
  readonly logprobs: number[];
  finishReason: FinishReason | null;
}

/** Runs a job to its end or to its cancellation, which is an end too: what there is by then is the result. */
export async function generate(job: GenerationJob, steps: Steps, context: CallContext): Promise<GenerationResult> {
  const loop = job.settings.numBeams > 1 ? new BeamLoop(job, steps, context) : new Loop(job, steps, context);
  return loop.run();
}

/** What both loops share: reports, turns of the event loop, the scores that a caller changes. */
abstract class BaseLoop {
  protected readonly settings: GenerationSettings;
  protected steps = 0;
  protected readonly results: GeneratedSequence[] = [];
  private lastTurn = performance.now();

  constructor(
    protected readonly job: GenerationJob,
    protected readonly model: Steps,
    protected readonly context: CallContext,
  ) {
    const { settings } = job;
    // one seed for the call, so that a prompt's draws do not depend on its place in the batch
    this.settings = settings.doSample && settings.seed === null ? { ...settings, seed: randomSeed() } : settings;
  }

  protected async step(items: readonly StepItem[]): Promise<Float32Array> {
    this.steps++;
    return this.model.step(items, this.context);
  }

  protected isTimeForTurn(): boolean {
    return performance.now() - this.lastTurn >= TURN_MS;
  }

  /** Lets the event loop turn. True: the call was cancelled meanwhile. */
  protected async turn(): Promise<boolean> {
    await yieldToEventLoop();
    this.lastTurn = performance.now();
    return this.context.isCancelled();
  }

  /** The length at which a sequence ends. Throws TOO_LONG where its prompt leaves no room. */
  protected longest(maxLength: number, promptLength: number): number {
    const { maxPositions, overflow } = this.job;
    if (overflow === 'slide') return maxLength;
    if (promptLength >= maxPositions) {
      throw new WasmformerError(
        'TOO_LONG',
        `the prompt has ${promptLength} tokens, but the model's context is ${maxPositions}, which leaves no room to continue it: ` +
          `shorten it, or pass contextOverflow: 'slide' to forget its beginning`,
      );
    }
    return Math.min(maxLength, maxPositions);
  }

  /** Has the caller change rows of scores. */
  protected async change(scores: Float32Array, rows: ScoresEvent['rows']): Promise<Float32Array> {
    const event: ScoresEvent = { type: 'scores', scores: scores.slice(), rows };
    return (await this.context.report(event)) as Float32Array;
  }

  protected result(): GenerationResult {
    this.results.sort((a, b) => a.prompt - b.prompt || a.sequence - b.sequence);
    return { sequences: this.results, steps: this.steps };
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof WasmformerError && error.code === 'ABORTED';
}

/** Greedy search and sampling. */
class Loop extends BaseLoop {
  private active: Sequence[] = [];
  private next = 0;
  private unreported: GeneratedToken[] = [];

  async run(): Promise<GenerationResult> {
    try {
      await this.loop();
    } catch (error) {
      if (!isAbort(error)) throw error;
      for (const sequence of this.active) sequence.finishReason = 'abort';
      this.retire();
      for (; this.next < this.job.prompts; this.next++) {
        for (let s = 0; s < this.settings.numReturnSequences; s++)
          this.results.push({ prompt: this.next, sequence: s, ids: new Int32Array(0), finishReason: 'abort' });
      }
    } finally {
      for (const { start } of this.active) release(start);
      this.job.guesser?.dispose();
    }
    await this.report();
    return this.result();
  }

  private async loop(): Promise<void> {
    const { guesser, says } = this.job;
    for (;;) {
      while (this.next < this.job.prompts && this.active.length < MOST_ACTIVE) await this.begin();
      if (this.active.length === 0) return;
      if (this.job.overflow === 'slide') this.active.forEach((sequence) => this.slide(sequence));
      const running = guesser && this.active.length === 1 ? this.stepGuessing(this.active[0], guesser) : this.stepAll();
      // a small model's step is over by now: no turn of the event loop for it
      if (running) await running;
      if (says.stops) await this.askStops();
      if (this.isTimeForTurn()) {
        if (!says.stops) void this.report();
        if (this.isTimeForTurn() && (await this.turn())) throw new WasmformerError('ABORTED', 'the call was aborted');
      }
      this.retire();
    }
  }

  /** Brings the next prompt in; its sequences beyond the first fork when the prompt is in the cache. */
  private async begin(): Promise<void> {
    const prompt = this.next;
    const start = await this.job.start(prompt, this.context);
    this.next++;
    const promptLength = start.tokens.length;
    const limits = lengthLimits(this.settings, promptLength, this.job.maxPositions);
    const maxLength = this.longest(limits.maxLength, promptLength);
    const make = (sequence: number, from: Start): Sequence => ({
      start: from,
      prompt,
      sequence,
      promptLength,
      maxLength,
      chooser: new TokenChooser(
        this.settings,
        {
          vocabSize: this.model.vocabSize,
          promptLength,
          minLength: limits.minLength,
          maxLength,
          encoderIds: start.encoderIds,
        },
        sequence,
      ),
      logprobs: [],
      finishReason: null,
    });
    const first = make(0, start);
    this.active.push(first);
    const { numReturnSequences } = this.settings;
    if (numReturnSequences === 1) return;
    // all but the last token of the prompt once; every sequence then chooses from its own row of the last one
    const { cache, cross, tokens, dropped } = start;
    const rest = tokens.slice(dropped + cache.length).subarray(0, -1);
    if (rest.length > 0) await this.step([{ cache, cross, ids: rest, logits: 0 }]);
    for (let s = 1; s < numReturnSequences; s++) {
      const copy = new Tokens(tokens.slice());
      this.active.push(make(s, { ...start, cache: cache.fork(), cross: cross?.fork(), tokens: copy, owned: true }));
    }
  }

  /** One step of all sequences; a promise only if it takes time. */
  private stepAll(): Promise<void> | undefined {
    const { active, model } = this;
    const items = active.map(({ start: { cache, cross, tokens, dropped } }) => ({
      cache,
      cross,
      ids: tokens.ids.subarray(dropped + cache.length, tokens.length),
    }));
    this.steps++;
    const running = model.step(items, this.context);
    if (running instanceof Promise || this.job.says.scores) return this.chooseLater(running);
    this.choose(running, false);
    return undefined;
  }

  private async chooseLater(running: Float32Array | Promise<Float32Array>): Promise<void> {
    const logits = await running;
    if (!this.job.says.scores) return this.choose(logits, false);
    const { active, model } = this;
    active.forEach(({ chooser, start }, i) => chooser.process(rowOf(logits, i, model.vocabSize), start.tokens));
    const rows = active.map(({ prompt, start: { tokens }, promptLength }) => ({
      prompt,
      step: tokens.length - promptLength,
      ids: tokens.slice(),
    }));
    this.choose(await this.change(logits.subarray(0, active.length * model.vocabSize), rows), true);
  }

  private choose(logits: Float32Array, isProcessed: boolean): void {
    const { active, model } = this;
    const { vocabSize } = model;
    for (let i = 0; i < active.length; i++) {
      const { chooser, start } = active[i];
      const row = i * vocabSize;
      let id: number;
      if (isProcessed) id = chooser.choose(rowOf(logits, i, vocabSize));
      else if (chooser.isArgmax) id = checked(argmax(logits, row, row + vocabSize));
      else id = chooser.next(rowOf(logits, i, vocabSize), start.tokens);
      this.add(active[i], id);
    }
  }

  /** One step for several tokens: those that were guessed right, and the one that comes after them. */
  private async stepGuessing(sequence: Sequence, guesser: Guesser): Promise<void> {
    const { start, chooser, maxLength } = sequence;
    const { cache, cross, tokens, dropped } = start;
    const { vocabSize } = this.model;
    const room = Math.min(maxLength, this.job.maxPositions + dropped) - tokens.length - 1;
    const guesses = room > 0 ? await guesser.guess(tokens, room, this.context) : [];
    const before = tokens.length;
    const ids = Int32Array.from([...tokens.ids.subarray(dropped + cache.length, before), ...Array.from(guesses)]);
    const logits = await this.step([{ cache, cross, ids, logits: guesses.length + 1 }]);
    const made: { logprob: number; alternatives: readonly Alternative[] }[] = [];
    const choose = (row: number): number => {
      const id = chooser.next(rowOf(logits, row, vocabSize), tokens);
      made.push({ logprob: chooser.logprob, alternatives: chooser.alternatives });
      return id;
    };
    const { eosTokenId } = this.settings;
    const added = verify(tokens, guesses, choose, (id, length) => endOf(id, length, eosTokenId, maxLength) !== null);
    cache.truncate(before + added - 1 - dropped);
    const fresh = tokens.slice(before);
    tokens.truncate(before);
    fresh.forEach((id, i) => this.add(sequence, id, made[i]));
  }

  private add(
    sequence: Sequence,
    id: number,
    told: Pick<TokenChooser, 'logprob' | 'alternatives'> = sequence.chooser,
  ): void {
    const { start, prompt, maxLength, logprobs } = sequence;
    const { tokens } = start;
    tokens.push(id);
    sequence.finishReason = endOf(id, tokens.length, this.settings.eosTokenId, maxLength);
    const token = { prompt, sequence: sequence.sequence, id };
    if (this.settings.logprobs === null) this.unreported.push(token);
    else {
      logprobs.push(told.logprob);
      this.unreported.push({ ...token, logprob: told.logprob, alternatives: told.alternatives });
    }
  }

  private report(): unknown {
    if (this.unreported.length === 0) return undefined;
    const event: TokensEvent = { type: 'tokens', tokens: this.unreported };
    this.unreported = [];
    return this.context.report(event);
  }

  private async askStops(): Promise<void> {
    const stops = ((await this.report()) ?? []) as readonly Stop[];
    for (const { prompt, sequence } of stops) {
      const found = this.active.find((one) => one.prompt === prompt && one.sequence === sequence);
      if (found) found.finishReason = 'stop';
    }
  }

  /** Takes finished sequences out. */
  private retire(): void {
    if (this.active.every(({ finishReason }) => finishReason === null)) return;
    this.active = this.active.filter((sequence) => {
      const { finishReason, prompt, start, promptLength, logprobs } = sequence;
      if (finishReason === null) return true;
      release(start);
      this.results.push({
        prompt,
        sequence: sequence.sequence,
        ids: start.tokens.slice(promptLength),
        finishReason,
        ...(this.settings.logprobs === null ? {} : { logprobs: Float32Array.from(logprobs) }),
      });
      return false;
    });
  }

  /** Forgets the older half of a sequence that has outgrown the context: positions start anew, so what is kept is stored again. */
  private slide({ start }: Sequence): void {
    const { cache, tokens, dropped } = start;
    const { maxPositions } = this.job;
    if (tokens.length - dropped <= maxPositions) return;
    cache.truncate(0);
    start.dropped = tokens.length - Math.max(1, Math.floor(maxPositions / 2));
  }
}

/** Beam search, any number of prompts at once. */
class BeamLoop extends BaseLoop {
  private searches: { prompt: number; search: BeamSearch; start: Start; beams: CachedSequence[]; ids: Int32Array[] }[] =
    [];

  async run(): Promise<GenerationResult> {
    const { job, model, settings } = this;
    let next = 0;
    try {
      for (;;) {
        while (next < job.prompts && this.searches.length * settings.numBeams < MOST_ACTIVE) await this.begin(next++);
        if (this.searches.length === 0) break;
        const items = this.searches.flatMap(({ beams, ids, start: { cross } }) =>
          beams.map((cache, i) => ({ cache, cross, ids: ids[i] })),
        );
        let logits = await this.step(items);
        logits = await this.processed(logits);
        let row = 0;
        for (const one of this.searches) {
          const { search, beams } = one;
          const rows = beams.length;
          const { parents, tokens } = search.select(
            logits.subarray(row * model.vocabSize, (row + rows) * model.vocabSize),
          );
          row += rows;
          one.beams = Array.from(parents, (parent) => beams[parent].fork());
          one.ids = Array.from(tokens, (id) => Int32Array.of(id));
          beams.forEach((beam) => beam.dispose());
        }
        this.searches = this.searches.filter((one) => !one.search.done || this.finish(one));
        if (this.isTimeForTurn() && (await this.turn())) throw new WasmformerError('ABORTED', 'the call was aborted');
      }
    } catch (error) {
      if (!isAbort(error)) throw error;
      for (const one of this.searches) this.finish(one);
    } finally {
      for (const one of this.searches) dispose(one);
      this.searches = [];
    }
    return this.result();
  }

  private async begin(prompt: number): Promise<void> {
    const start = await this.job.start(prompt, this.context);
    const { tokens, cache, encoderIds, dropped } = start;
    const limits = lengthLimits(this.settings, tokens.length, this.job.maxPositions);
    const search = new BeamSearch({
      settings: this.settings,
      prompt: tokens.slice(),
      vocabSize: this.model.vocabSize,
      promptLength: tokens.length,
      minLength: limits.minLength,
      maxLength: this.longest(limits.maxLength, tokens.length),
      encoderIds,
    });
    this.searches.push({ prompt, search, start, beams: [cache.fork()], ids: [tokens.slice(dropped + cache.length)] });
  }

  private async processed(logits: Float32Array): Promise<Float32Array> {
    const { vocabSize } = this.model;
    let row = 0;
    for (const { search, beams } of this.searches) {
      search.process(logits.subarray(row * vocabSize, (row + beams.length) * vocabSize));
      row += beams.length;
    }
    if (!this.job.says.scores) return logits;
    const rows = this.searches.flatMap(({ prompt, search, start }) =>
      search.beams.map((tokens) => ({ prompt, step: tokens.length - start.tokens.length, ids: tokens.slice() })),
    );
    return this.change(logits, rows);
  }

  /** Takes a search's results. False, so that a filter drops it. */
  private finish(one: (typeof this.searches)[number]): boolean {
    one.search.finish().forEach(({ ids, score, logprobs, finishReason }, sequence) => {
      const told = this.settings.logprobs === null ? {} : { logprobs };
      this.results.push({ prompt: one.prompt, sequence, ids, finishReason, score, ...told });
    });
    dispose(one);
    return false;
  }
}

function dispose(one: { beams: CachedSequence[]; start: Start }): void {
  for (const beam of one.beams) beam.dispose();
  one.beams = [];
  if (one.start.owned) release(one.start);
}

function release({ cache, cross, owned }: Start): void {
  if (!owned) return;
  cache.dispose();
  cross?.dispose();
}

function rowOf(logits: Float32Array, row: number, vocabSize: number): Float32Array {
  return logits.subarray(row * vocabSize, (row + 1) * vocabSize);
}

function checked(id: number): number {
  if (id >= 0) return id;
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    'the model gave no number for any token: its weights or the input are damaged',
  );
}
