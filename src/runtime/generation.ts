// The loop of generation: sequences of any prompts step together over the cache, each as if it were alone. Finished ones leave
// the batch, waiting ones take their place.
import { WasmformerError } from '../errors';
import { argmax, endOf, TokenChooser, Tokens, verify, type Alternative, type FinishReason } from '../generate';
import { BeamLoop } from './beam-loop';
import {
  BaseLoop,
  isAbort,
  MOST_ACTIVE,
  release,
  rowOf,
  type GeneratedToken,
  type GenerationJob,
  type GenerationResult,
  type Guesser,
  type Start,
  type Stop,
  type TokensEvent,
} from './generation-job';
import type { CallContext } from './runner';
import type { Steps } from './steps';
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

/** Greedy search and sampling. */
class Loop extends BaseLoop {
  private active: Sequence[] = [];
  private next = 0;
  private unreported: GeneratedToken[] = [];
  private failure: { error: unknown } | null = null;

  async run(): Promise<GenerationResult> {
    try {
      await this.loop();
    } catch (error) {
      if (!isAbort(error)) throw error;
      for (const sequence of this.active) sequence.finishReason ??= 'abort';
      this.retire();
    } finally {
      for (const { start } of this.active) release(start);
      this.job.guesser?.dispose();
    }
    await this.report();
    if (this.failure) throw this.failure.error;
    return this.result();
  }

  private async loop(): Promise<void> {
    const { guesser, says } = this.job;
    for (;;) {
      while (this.next < this.job.prompts && this.active.length < MOST_ACTIVE) await this.begin(this.next++);
      if (this.active.length === 0) return;
      for (const { start } of this.active) this.slide(start);
      // a caller who changes scores sees those of every token, one by one
      const guesses = guesser && !says.scores && this.active.length === 1;
      const running = guesses ? this.stepGuessing(this.active[0], guesser) : this.stepAll();
      // a small model's step is over by now: no turn of the event loop for it
      if (running) await running;
      if (says.stops) await this.askStops();
      if (this.turns.isDue) {
        if (!says.stops) this.tell();
        await this.turns.take();
      }
      if (this.failure) throw this.failure.error;
      this.retire();
      this.checkCancelled();
    }
  }

  /** Brings a prompt in; its sequences beyond the first fork when the prompt is in the cache. */
  private async begin(prompt: number): Promise<void> {
    const start = await this.job.start(prompt, this.context);
    const { tokens, cache, cross, encoderIds } = start;
    const promptLength = tokens.length;
    const { numReturnSequences } = this.settings;
    if (numReturnSequences > 1) {
      // all but the last token of the prompt once; every sequence then chooses from its own row of the last one
      try {
        this.slide(start);
        const rest = tokens.slice(start.dropped + cache.length).subarray(0, -1);
        if (rest.length > 0) await this.step([{ cache, cross, ids: rest, logits: 0 }]);
      } catch (error) {
        release(start);
        throw error;
      }
    }
    for (let sequence = 0; sequence < numReturnSequences; sequence++) {
      const context = { vocabSize: this.model.vocabSize, promptLength, ...this.limits[prompt], encoderIds };
      this.active.push({
        start: sequence === 0 ? start : forked(start),
        prompt,
        sequence,
        promptLength,
        maxLength: this.limits[prompt].maxLength,
        chooser: new TokenChooser(this.settings, context, sequence),
        logprobs: [],
        finishReason: null,
      });
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

  /** Reports without waiting: what goes wrong with it is thrown at the next turn. */
  private tell(): void {
    Promise.resolve(this.report()).catch((error: unknown) => (this.failure = { error }));
  }

  private async askStops(): Promise<void> {
    const stops = ((await this.report()) ?? []) as readonly Stop[];
    for (const { prompt, sequence, length } of stops) {
      const found = this.active.find((one) => one.prompt === prompt && one.sequence === sequence);
      if (!found) continue;
      const { start, promptLength, logprobs } = found;
      found.finishReason = 'stop';
      // right guesses may have gone beyond it
      start.tokens.truncate(promptLength + length);
      start.cache.truncate(start.tokens.length - start.dropped);
      logprobs.splice(length);
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
        ...(this.settings.logprobs === null ? {} : { logprobs: Float64Array.from(logprobs) }),
      });
      return false;
    });
  }

  /** Forgets the older half of a sequence that has outgrown the context: positions start anew, so what is kept is stored again. */
  private slide(start: Start): void {
    const { cache, tokens, dropped } = start;
    const { maxPositions, overflow } = this.job;
    if (overflow !== 'slide' || tokens.length - dropped <= maxPositions) return;
    cache.truncate(0);
    start.dropped = tokens.length - Math.max(1, Math.floor(maxPositions / 2));
  }
}

/** Another sequence with the same beginning, which the loop owns. */
function forked({ cache, cross, tokens, dropped, encoderIds }: Start): Start {
  return {
    cache: cache.fork(),
    cross: cross?.fork(),
    tokens: new Tokens(tokens.slice()),
    dropped,
    encoderIds,
    owned: true,
  };
}

function checked(id: number): number {
  if (id >= 0) return id;
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    'the model gave no number for any token: its weights or the input are damaged',
  );
}
