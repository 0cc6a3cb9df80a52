// Beam search as transformers 5 does it (GenerationMixin._beam_search), one prompt an object: ids, scores and order are the
// same, with the same f32 arithmetic. transformers 4.57 gives the same results. The length penalty counts new tokens only, in a
// decoder too.
//
// transformers runs a batch until its last prompt is done, but freezes those that are; here each stops by itself, with the
// same result. Where torch.topk may pick any of equal scores, the lower beam and then the lower id comes first.
import { logSoftmax, exp, power } from './math';
import type { GenerationSettings } from './options';
import { createProcessor, renormalize, type Processor, type ProcessorContext } from './processors';
import { Random, randomSeed } from './random';
import { Tokens } from './tokens';
import { createWarper, type Warper } from './warpers';

/** What transformers adds to scores that must not count. In f32 it swallows what it is added to. */
const OUT = -1e9;

export interface BeamOptions extends ProcessorContext {
  readonly settings: GenerationSettings;
  /** Ids of the prompt; in an encoder-decoder those of the decoder, its start token as a rule. */
  readonly prompt: ArrayLike<number>;
}

/** A finished sequence, or at an abort an unfinished one. */
export interface BeamResult {
  /** New ids, the end of sequence included. */
  readonly ids: Int32Array;
  /** Sum of log-probabilities over length^lengthPenalty. */
  readonly score: number;
  /** Log-probability of every new id after processing, before renormalising over beams (compute_transition_scores). */
  readonly logprobs: Float32Array;
  readonly finishReason: 'eos' | 'length' | 'stop' | 'abort';
}

/** Where the rows of the next step come from. */
export interface BeamStep {
  /** For each live beam the row of the logits just given that it continues. */
  readonly parents: Int32Array;
  /** The id it is continued with: the next input. */
  readonly tokens: Int32Array;
}

interface Finished {
  readonly score: number;
  readonly result: BeamResult | null;
}

/**
 * The search for one prompt. Each step takes `rows` rows of logits (1 at first, then numBeams) and says which beams go on:
 * the caller copies its caches as `parents` says, appends `tokens` and runs the model. Stop when `done`.
 */
export class BeamSearch {
  /** Rows of logits that the next step takes. */
  rows = 1;
  done = false;

  private readonly options: BeamOptions;
  private readonly numBeams: number;
  private readonly processor: Processor | null;
  private readonly warper: Warper | null;
  private readonly normalize: ((scores: Float32Array) => void) | null;
  private readonly random: Random | null;
  private live: Tokens[];
  private spare: Tokens[];
  private readonly running: Float32Array;
  private finished: Finished[];
  private length: number;
  private readonly top: TopCandidates;
  private readonly parents: Int32Array;
  private readonly tokens: Int32Array;
  /** For each step and live beam: the beam before it, and the log-probability of its id. */
  private readonly trail: { parents: Int32Array; logprobs: Float32Array }[] = [];

  constructor(options: BeamOptions) {
    const { settings, prompt } = options;
    const { numBeams, eosTokenId, doSample, seed } = settings;
    this.options = options;
    this.numBeams = numBeams;
    this.processor = createProcessor(settings, options);
    this.warper = doSample ? createWarper(settings, options.vocabSize) : null;
    this.normalize = renormalize(settings);
    this.random = doSample ? new Random(seed ?? randomSeed()) : null;
    this.live = Array.from({ length: numBeams }, () => new Tokens(prompt));
    this.spare = Array.from({ length: numBeams }, () => new Tokens(prompt));
    this.running = new Float32Array(numBeams).fill(OUT, 1);
    this.finished = Array.from({ length: numBeams }, () => ({ score: OUT, result: null }));
    this.length = prompt.length;
    const candidates = Math.max(2, 1 + eosTokenId.length) * numBeams;
    this.top = new TopCandidates(Math.min(candidates, numBeams * options.vocabSize));
    this.parents = new Int32Array(numBeams);
    this.tokens = new Int32Array(numBeams);
  }

  /** Ids of the live beams, in the order of the rows that the next step takes. */
  get beams(): readonly Tokens[] {
    return this.rows === 1 ? this.live.slice(0, 1) : this.live;
  }

  /**
   * One step.
   * @param logits [rows, vocabSize], overwritten
   * @returns arrays that the next step overwrites
   */
  step(logits: Float32Array): BeamStep {
    this.process(logits);
    return this.select(logits);
  }

  /** First half of a step: log-softmax and processors, in place. A user's own processors come after it, row by row. */
  process(logits: Float32Array): void {
    const { vocabSize } = this.options;
    for (let row = 0; row < this.rows; row++) {
      const scores = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
      logSoftmax(scores);
      this.processor?.(scores, this.live[row]);
    }
  }

  /** Second half: warpers, and the choice of beams. */
  select(scores: Float32Array): BeamStep {
    this.rank(scores);
    return this.advance(scores);
  }

  /** The warpers, and the best candidates: the first part of the second half. */
  rank(scores: Float32Array): void {
    const { numBeams, top } = this;
    const { vocabSize } = this.options;
    if (this.warper !== null || this.normalize !== null) {
      for (let row = 0; row < this.rows; row++) {
        const part = scores.subarray(row * vocabSize, (row + 1) * vocabSize);
        this.warper?.(part);
        this.normalize?.(part);
      }
    }
    top.clear();
    if (this.random) this.draw(scores, this.random);
    else {
      for (let beam = 0; beam < numBeams; beam++) {
        top.scan(scores, this.rowOf(beam) * vocabSize, vocabSize, beam, this.running[beam]);
      }
    }
  }

  /** New ids of the candidates that `rank` found. */
  candidates(): Int32Array[] {
    const { top, live, options } = this;
    return Array.from({ length: top.size }, (_, i) =>
      Int32Array.from([...live[top.beams[i]].slice(options.prompt.length), top.tokens[i]]),
    );
  }

  /** The choice among the candidates: the rest of the second half.
   *  @param stopped which candidates end because their text has a stop string */
  advance(scores: Float32Array, stopped: readonly boolean[] = []): BeamStep {
    const { numBeams, top, length } = this;
    const { vocabSize, settings } = this.options;
    const reasons = Array.from({ length: top.size }, (_, i) => this.reasonToStop(top.tokens[i], stopped[i]));
    this.updateFinished(reasons, scores);

    // the best candidates that do not end here go on
    const goOn = Float32Array.from({ length: top.size }, (_, i) => top.values[i] + (reasons[i] === null ? -0 : OUT));
    const order = bestOf(goOn, numBeams);
    const trail = { parents: new Int32Array(numBeams), logprobs: new Float32Array(numBeams) };
    for (let b = 0; b < numBeams; b++) {
      const candidate = order[b];
      const beam = top.beams[candidate];
      const token = top.tokens[candidate];
      this.running[b] = goOn[candidate];
      this.parents[b] = this.rowOf(beam);
      this.tokens[b] = token;
      trail.parents[b] = beam;
      trail.logprobs[b] = scores[this.rowOf(beam) * vocabSize + token];
      this.spare[b].assign(this.live[beam]);
      this.spare[b].push(token);
    }
    this.trail.push(trail);
    [this.live, this.spare] = [this.spare, this.live];
    this.rows = numBeams;
    this.length = length + 1;

    const full = this.finished.every(({ result }) => result !== null);
    this.done =
      !this.canImprove() || (full && settings.earlyStopping === true) || reasons.every((reason) => reason !== null);
    return { parents: this.parents, tokens: this.tokens };
  }

  /**
   * The best `numReturnSequences`, best first. Before the search is done it adds the live beams as they are, scored by their
   * length so far, with finishReason 'abort'.
   */
  finish(): BeamResult[] {
    const { numReturnSequences, lengthPenalty } = this.options.settings;
    const results = this.finished.flatMap(({ result }) => result ?? []);
    const steps = this.length - this.options.prompt.length;
    if ((!this.done || results.length < numReturnSequences) && steps > 0) {
      const divisor = Math.fround(power(steps, lengthPenalty));
      for (let b = 0; b < this.numBeams; b++) {
        // a beam that was never more than a placeholder
        if (this.running[b] < OUT / 2) continue;
        results.push(this.result(steps - 1, b, null, Math.fround(this.running[b] / divisor), 'abort'));
      }
      if (!this.done) results.sort((a, b) => b.score - a.score);
    }
    return results.slice(0, numReturnSequences);
  }

  /** At first all beams share the one row; all but the first are out, and count only where the vocabulary is tiny. */
  private rowOf(beam: number): number {
    return this.rows === 1 ? 0 : beam;
  }

  private reasonToStop(token: number, isStopped = false): BeamResult['finishReason'] | null {
    const { settings, maxLength } = this.options;
    if (settings.eosTokenId.includes(token)) return 'eos';
    if (isStopped) return 'stop';
    return this.length + 1 >= maxLength ? 'length' : null;
  }

  /** Of the candidates that end here, only the first numBeams may be a result. */
  private updateFinished(reasons: readonly (BeamResult['finishReason'] | null)[], scores: Float32Array): void {
    const { numBeams, top, length, finished } = this;
    const { settings, prompt, vocabSize } = this.options;
    const divisor = Math.fround(power(length + 1 - prompt.length, settings.lengthPenalty));
    const merged = new Float32Array(numBeams + top.size);
    for (let b = 0; b < numBeams; b++) merged[b] = finished[b].score;
    for (let i = 0; i < top.size; i++) {
      let score = Math.fround(top.values[i] / divisor);
      if (reasons[i] === null || i >= numBeams) score = Math.fround(score + OUT);
      merged[numBeams + i] = score;
    }
    this.finished = bestOf(merged, numBeams).map((index): Finished => {
      if (index < numBeams) return finished[index];
      const i = index - numBeams;
      const reason = reasons[i];
      const score = merged[index];
      if (reason === null || i >= numBeams) return { score, result: null };
      const row = this.rowOf(top.beams[i]);
      const last = { token: top.tokens[i], logprob: scores[row * vocabSize + top.tokens[i]] };
      return { score, result: this.result(this.trail.length - 1, top.beams[i], last, score, reason) };
    });
  }

  /** A result that ends with beam `beam` after step `step`, or with a further token. */
  private result(
    step: number,
    beam: number,
    last: { token: number; logprob: number } | null,
    score: number,
    finishReason: BeamResult['finishReason'],
  ): BeamResult {
    const count = step + 1 + (last ? 1 : 0);
    const ids = new Int32Array(count);
    ids.set(this.live[beam].slice(this.options.prompt.length));
    const logprobs = new Float32Array(count);
    if (last) {
      ids[count - 1] = last.token;
      logprobs[count - 1] = last.logprob;
    }
    for (let s = step, b = beam; s >= 0; s--) {
      logprobs[s] = this.trail[s].logprobs[b];
      b = this.trail[s].parents[b];
    }
    return { ids, score, logprobs, finishReason };
  }

  /** Whether the best live beam could still beat the worst finished one. */
  private canImprove(): boolean {
    const { maxLength, settings } = this.options;
    const { earlyStopping, lengthPenalty } = settings;
    const longest = earlyStopping === 'never' && lengthPenalty > 0 ? maxLength : this.length;
    const divisor = Math.fround(power(longest - this.options.prompt.length, lengthPenalty));
    const best = Math.fround(this.running[0] / divisor);
    let worst = Infinity;
    for (const { score } of this.finished) worst = Math.min(worst, score);
    return this.finished.some(({ result }) => best > (result === null ? OUT : worst));
  }

  /** Beam sampling: candidates drawn without replacement by softmax of all accumulated scores, then the best first. */
  private draw(scores: Float32Array, random: Random): void {
    const { numBeams, running, top } = this;
    const { vocabSize } = this.options;
    const pool: { beam: number; token: number; value: number; weight: number }[] = [];
    let most = -Infinity;
    for (let beam = 0; beam < numBeams; beam++) {
      const offset = (this.rows === 1 ? 0 : beam) * vocabSize;
      for (let token = 0; token < vocabSize; token++) {
        const value = Math.fround(scores[offset + token] + running[beam]);
        if (!(value > -Infinity)) continue;
        pool.push({ beam, token, value, weight: 0 });
        if (value > most) most = value;
      }
    }
    let total = 0;
    for (const entry of pool) {
      entry.weight = exp(entry.value - most);
      total += entry.weight;
    }
    while (top.size < top.capacity) {
      const drawn = random.next() * total;
      let chosen = -1;
      let sum = 0;
      for (let i = 0; i < pool.length && !(sum > drawn); i++) {
        if (pool[i].weight === 0) continue;
        sum += pool[i].weight;
        chosen = i;
      }
      if (chosen < 0) break;
      const { beam, token, value } = pool[chosen];
      top.insert(value, beam, token);
      pool[chosen].weight = 0;
      total = 0;
      for (const { weight } of pool) total += weight;
      pool[chosen].value = -Infinity;
    }
    // too few tokens have any probability: the best of the rest fill up
    if (top.size < top.capacity) {
      for (const { beam, token, value } of pool.sort((a, b) => b.value - a.value)) {
        if (value > -Infinity) top.insert(value, beam, token);
      }
    }
    for (let beam = 0; beam < numBeams && top.size < top.capacity; beam++) {
      const offset = (this.rows === 1 ? 0 : beam) * vocabSize;
      for (let token = 0; token < vocabSize && top.size < top.capacity; token++) {
        if (scores[offset + token] === -Infinity) top.insert(-Infinity, beam, token);
      }
    }
  }
}

/** The best continuations of all beams, best first; of equal ones those that came first. */
class TopCandidates {
  readonly capacity: number;
  readonly values: Float32Array;
  readonly beams: Int32Array;
  readonly tokens: Int32Array;
  size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.values = new Float32Array(capacity);
    this.beams = new Int32Array(capacity);
    this.tokens = new Int32Array(capacity);
  }

  clear(): void {
    this.size = 0;
  }

  /** Adds one beam's row. */
  scan(scores: Float32Array, offset: number, vocabSize: number, beam: number, base: number): void {
    let token = 0;
    while (token < vocabSize && this.size < this.capacity) {
      this.insert(Math.fround(scores[offset + token] + base), beam, token);
      token++;
    }
    let least = this.values[this.capacity - 1];
    for (; token < vocabSize; token++) {
      const value = Math.fround(scores[offset + token] + base);
      if (!(value > least)) continue;
      this.insert(value, beam, token);
      least = this.values[this.capacity - 1];
    }
  }

  insert(value: number, beam: number, token: number): void {
    const { values, beams, tokens } = this;
    if (this.size === this.capacity && !(value > values[this.size - 1])) return;
    let at = this.size < this.capacity ? this.size++ : this.size - 1;
    for (; at > 0 && values[at - 1] < value; at--) {
      values[at] = values[at - 1];
      beams[at] = beams[at - 1];
      tokens[at] = tokens[at - 1];
    }
    values[at] = value;
    beams[at] = beam;
    tokens[at] = token;
  }
}

/** Indices of the largest values, largest first, of equal ones the first. */
function bestOf(values: Float32Array, count: number): number[] {
  return Array.from(values.keys())
    .sort((a, b) => (values[a] === values[b] ? a - b : values[b] - values[a]))
    .slice(0, count);
}
