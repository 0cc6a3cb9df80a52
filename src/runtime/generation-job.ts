// What a job of generation is, what it tells its caller, and what its loops (generation.ts, beam-loop.ts) share.
import { abortError, WasmformerError } from '../errors';
import {
  lengthLimits,
  randomSeed,
  type Alternative,
  type FinishReason,
  type GenerationSettings,
  type Tokens,
} from '../generate';
import type { CachedSequence } from './kv-cache';
import type { CallContext } from './runner';
import type { StepItem, Steps } from './steps';
import { Turns } from './turns';

/** What the caller wants to say at every step. */
export interface Says {
  /** Change the scores: a `scores` event for every step, answered by the changed scores. */
  readonly scores: boolean;
  /** End sequences: a `tokens` event after every step, answered by the sequences to end; with beams a `candidates` event. */
  readonly stops: boolean;
}

/** New tokens of sequences, in order. */
export interface TokensEvent {
  readonly type: 'tokens';
  readonly tokens: readonly GeneratedToken[];
}

export interface GeneratedToken {
  readonly prompt: number;
  /** Number among the sequences of that prompt. */
  readonly sequence: number;
  readonly id: number;
  readonly logprob?: number;
  readonly alternatives?: readonly Alternative[];
}

/** New ids of beams that could go on: answered by which of them have come to a stop string. */
export interface CandidatesEvent {
  readonly type: 'candidates';
  readonly candidates: readonly { prompt: number; ids: Int32Array }[];
}

/** Scores of the next token of some sequences, after the processors that the settings ask for. */
export interface ScoresEvent {
  readonly type: 'scores';
  /** [rows, vocabulary] */
  readonly scores: Float32Array;
  readonly rows: readonly { prompt: number; step: number; ids: Int32Array }[];
}

/** A sequence to be ended: its text has reached a stop string. */
export interface Stop {
  readonly prompt: number;
  readonly sequence: number;
  /** New tokens up to the one that completed the stop string. */
  readonly length: number;
}

/** A finished sequence. */
export interface GeneratedSequence {
  readonly prompt: number;
  readonly sequence: number;
  /** New ids, an end of sequence included. */
  readonly ids: Int32Array;
  readonly finishReason: FinishReason;
  /** Of beams: the log-probability over length^lengthPenalty. */
  readonly score?: number;
  readonly logprobs?: Float32Array | Float64Array;
}

export interface GenerationResult {
  /** By prompt, then by sequence; none of a prompt that an abort left out. */
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
  /** Tokens that a sequence begins with. */
  promptLength(prompt: number): number;
  start(prompt: number, context: CallContext): Start | Promise<Start>;
  readonly guesser?: Guesser;
  /** What to do when a sequence has as many tokens as the model has positions: end it, or forget the older half. */
  readonly overflow: 'end' | 'slide';
  /** What the caller of a prompt that fills the context can do about it. */
  readonly advice: string;
}

/** Sequences that step together: enough to read the weights once for many, few enough to bound the cache. */
export const MOST_ACTIVE = 32;

/** What both loops share: reports, turns of the event loop, the scores that a caller changes. */
export abstract class BaseLoop {
  protected readonly settings: GenerationSettings;
  protected steps = 0;
  protected readonly results: GeneratedSequence[] = [];
  /** Fewest and most tokens of a sequence, for every prompt. */
  protected readonly limits: readonly { minLength: number; maxLength: number }[];
  protected readonly turns = new Turns();

  /** Throws TOO_LONG or INVALID_ARGUMENT for a prompt that leaves no room, before any of them starts. */
  constructor(
    protected readonly job: GenerationJob,
    protected readonly model: Steps,
    protected readonly context: CallContext,
  ) {
    const { settings } = job;
    // one seed for the call, so that a prompt's draws do not depend on its place in the batch
    this.settings = settings.doSample && settings.seed === null ? { ...settings, seed: randomSeed() } : settings;
    this.limits = Array.from({ length: job.prompts }, (_, prompt) => this.limitsOf(job.promptLength(prompt)));
  }

  protected async step(items: readonly StepItem[]): Promise<Float32Array> {
    this.steps++;
    return this.model.step(items, this.context);
  }

  /** Throws ABORTED if the caller has given up. */
  protected checkCancelled(): void {
    if (this.context.isCancelled()) throw abortError();
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

  private limitsOf(promptLength: number): { minLength: number; maxLength: number } {
    const { maxPositions, overflow, advice } = this.job;
    const most = overflow === 'slide' ? Infinity : maxPositions;
    if (promptLength >= most) {
      throw new WasmformerError(
        'TOO_LONG',
        `there are ${promptLength} tokens to continue, but the model's context is ${maxPositions}, which leaves no room: ${advice}`,
      );
    }
    const { minLength, maxLength } = lengthLimits(this.settings, promptLength, most);
    return { minLength, maxLength: Math.min(maxLength, most) };
  }
}

/** Whether a call was cancelled, rather than gone wrong. */
export function isAbort(error: unknown): boolean {
  return error instanceof WasmformerError && error.code === 'ABORTED';
}

/** Disposes what a start owns. */
export function release({ cache, cross, owned }: Start): void {
  if (!owned) return;
  cache.dispose();
  cross?.dispose();
}

/** One row of [rows, vocabulary]. */
export function rowOf(logits: Float32Array, row: number, vocabSize: number): Float32Array {
  return logits.subarray(row * vocabSize, (row + 1) * vocabSize);
}
