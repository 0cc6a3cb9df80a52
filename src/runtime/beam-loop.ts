// Beam search, any number of prompts at once: their beams step together over the cache.
import { BeamSearch } from '../generate';
import {
  BaseLoop,
  isAbort,
  MOST_ACTIVE,
  release,
  type CandidatesEvent,
  type GenerationResult,
  type Start,
} from './generation-job';
import type { CachedSequence } from './kv-cache';

/** A search, its beams' caches, and the ids that the next step stores in each. */
interface Running {
  readonly prompt: number;
  readonly search: BeamSearch;
  readonly start: Start;
  beams: CachedSequence[];
  ids: Int32Array[];
}

export class BeamLoop extends BaseLoop {
  private searches: Running[] = [];

  async run(): Promise<GenerationResult> {
    const { job, settings } = this;
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
        const parts = this.partsOf(logits);
        this.searches.forEach(({ search }, i) => search.rank(parts[i]));
        const stopped = this.job.says.stops ? await this.askStops() : [];
        this.searches.forEach((one, i) => {
          const { search, beams } = one;
          const { parents, tokens } = search.advance(parts[i], stopped[i]);
          one.beams = Array.from(parents, (parent) => beams[parent].fork());
          one.ids = Array.from(tokens, (id) => Int32Array.of(id));
          beams.forEach((beam) => beam.dispose());
        });
        this.searches = this.searches.filter((one) => !one.search.done || this.finish(one));
        await this.turns.give();
        this.checkCancelled();
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
    const { tokens, cache, cross, encoderIds, dropped } = start;
    const search = new BeamSearch({
      settings: this.settings,
      prompt: tokens.slice(),
      vocabSize: this.model.vocabSize,
      promptLength: tokens.length,
      ...this.limits[prompt],
      encoderIds,
    });
    // a session keeps the prompt, but none of the beams
    const rest = tokens.slice(dropped + cache.length).subarray(0, -1);
    if (!start.owned && rest.length > 0) await this.step([{ cache, cross, ids: rest, logits: 0 }]);
    this.searches.push({ prompt, search, start, beams: [cache.fork()], ids: [tokens.slice(dropped + cache.length)] });
  }

  /** Each search's rows. */
  private partsOf(logits: Float32Array): Float32Array[] {
    const { vocabSize } = this.model;
    let row = 0;
    return this.searches.map(({ beams }) => logits.subarray(row * vocabSize, (row += beams.length) * vocabSize));
  }

  /** Which of each search's candidates have come to a stop string. */
  private async askStops(): Promise<boolean[][]> {
    const lists = this.searches.map(({ prompt, search }) => search.candidates().map((ids) => ({ prompt, ids })));
    const event: CandidatesEvent = { type: 'candidates', candidates: lists.flat() };
    const answers = (await this.context.report(event)) as boolean[];
    return lists.map(({ length }) => answers.splice(0, length));
  }

  private async processed(logits: Float32Array): Promise<Float32Array> {
    const parts = this.partsOf(logits);
    this.searches.forEach(({ search }, i) => search.process(parts[i]));
    if (!this.job.says.scores) return logits;
    const rows = this.searches.flatMap(({ prompt, search, start }) =>
      search.beams.map((tokens) => ({ prompt, step: tokens.length - start.tokens.length, ids: tokens.slice() })),
    );
    return this.change(logits, rows);
  }

  /** Takes a search's results. False, so that a filter drops it. */
  private finish(one: Running): boolean {
    const { prompt, start, search } = one;
    const results = search.finish();
    results.forEach(({ ids, score, logprobs, finishReason }, sequence) => {
      const told = this.settings.logprobs === null ? {} : { logprobs };
      this.results.push({ prompt, sequence, ids, finishReason, score, ...told });
    });
    if (!start.owned) for (const id of results[0]?.ids ?? []) start.tokens.push(id);
    dispose(one);
    return false;
  }
}

function dispose(one: Running): void {
  for (const beam of one.beams) beam.dispose();
  one.beams = [];
  release(one.start);
}
