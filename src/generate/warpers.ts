// What narrows the choice when sampling, in transformers' order: temperature, top-k, top-p, min-p, typical, epsilon, eta. Each
// works in place and sets what it drops to -Infinity. Probabilities are computed in f64 with exact arithmetic, so that every
// platform keeps the same tokens; transformers computes them in f32 and may differ where a sum lies within 1e-6 of a limit.
import { exp, log } from './math';
import type { GenerationSettings } from './options';

/** Narrows the scores of one position, in place. */
export type Warper = (scores: Float32Array) => void;

/** Buffers for one vocabulary, shared by everything that runs one after the other. */
class Scratch {
  readonly weights: Float64Array;
  readonly keys: Float64Array;
  readonly heap: Int32Array;
  /** Elements in the heap. */
  size = 0;

  constructor(vocabSize: number) {
    this.weights = new Float64Array(vocabSize);
    this.keys = new Float64Array(vocabSize);
    this.heap = new Int32Array(vocabSize);
  }

  /** Makes a heap of the ids in `heap[0..size)`: least key first, of equal keys the one `laterFirst` says. */
  order(size: number, laterFirst: boolean): void {
    this.size = size;
    for (let i = (size >> 1) - 1; i >= 0; i--) this.sift(i, laterFirst);
  }

  /** Takes the first id. */
  pop(laterFirst: boolean): number {
    const { heap } = this;
    const first = heap[0];
    heap[0] = heap[--this.size];
    this.sift(0, laterFirst);
    return first;
  }

  private sift(at: number, laterFirst: boolean): void {
    const { heap, keys, size } = this;
    const id = heap[at];
    for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && precedes(keys, heap[child + 1], heap[child], laterFirst)) child++;
      if (!precedes(keys, heap[child], id, laterFirst)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = id;
  }
}

function precedes(keys: Float64Array, a: number, b: number, laterFirst: boolean): boolean {
  return keys[a] === keys[b] ? a > b === laterFirst : keys[a] < keys[b];
}

/**
 * The warpers of the settings as one; null if they change nothing. Call it only when sampling.
 * With beams one token more than there are ends of sequence is always kept, so that a beam can go on.
 */
export function createWarper(settings: GenerationSettings, vocabSize: number): Warper | null {
  const { temperature, topK, topP, minP, typicalP, epsilonCutoff, etaCutoff, numBeams, eosTokenId } = settings;
  const keep = Math.min(numBeams > 1 ? Math.max(2, eosTokenId.length + 1) : 1, vocabSize);
  const scratch = new Scratch(vocabSize);
  const list: Warper[] = [];
  if (temperature !== 1) {
    const divisor = Math.fround(temperature);
    list.push((scores) => {
      for (let i = 0; i < scores.length; i++) scores[i] /= divisor;
    });
  }
  if (topK > 0) list.push((scores) => keepLargest(scores, Math.max(topK, keep), scratch));
  if (topP < 1) list.push((scores) => nucleus(scores, topP, keep, scratch));
  if (minP !== null) list.push((scores) => aboveShare(scores, minP, keep, scratch));
  if (typicalP < 1) list.push((scores) => typical(scores, typicalP, keep, scratch));
  if (epsilonCutoff > 0) list.push((scores) => aboveProbability(scores, () => epsilonCutoff, keep, scratch));
  if (etaCutoff > 0) {
    // the square root is the one operation of IEEE 754 here that is not + - * /
    const root = Math.sqrt(etaCutoff);
    list.push((scores) =>
      aboveProbability(scores, (entropy) => Math.min(etaCutoff, root * exp(-entropy)), keep, scratch),
    );
  }
  if (list.length === 0) return null;
  return (scores) => {
    for (let i = 0; i < list.length; i++) list[i](scores);
  };
}

/** TopKLogitsWarper: ties with the last one kept stay too. */
function keepLargest(scores: Float32Array, count: number, { keys }: Scratch): void {
  if (count >= scores.length) return;
  // a heap of the largest so far, the least of them on top; `keys` holds the values themselves
  let size = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i];
    if (size < count) {
      let at = size++;
      while (at > 0 && keys[(at - 1) >> 1] > score) {
        keys[at] = keys[(at - 1) >> 1];
        at = (at - 1) >> 1;
      }
      keys[at] = score;
    } else if (score > keys[0]) {
      let at = 0;
      for (let child = 1; child < size; child = 2 * at + 1) {
        if (child + 1 < size && keys[child + 1] < keys[child]) child++;
        if (keys[child] >= score) break;
        keys[at] = keys[child];
        at = child;
      }
      keys[at] = score;
    }
  }
  const least = keys[0];
  for (let i = 0; i < scores.length; i++) if (scores[i] < least) scores[i] = -Infinity;
}

/** Fills `weights` with exp(score - largest) and returns their sum; -1 if nothing is left to choose from. */
function weigh(scores: Float32Array, weights: Float64Array): number {
  let most = -Infinity;
  for (let i = 0; i < scores.length; i++) if (scores[i] > most) most = scores[i];
  if (most === -Infinity) return -1;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const weight = scores[i] === -Infinity ? 0 : exp(scores[i] - most);
    weights[i] = weight;
    sum += weight;
  }
  return sum;
}

/** Lists the ids that are still there in `heap`, and returns how many. */
function remaining(scores: Float32Array, heap: Int32Array): number {
  let size = 0;
  for (let i = 0; i < scores.length; i++) if (scores[i] > -Infinity) heap[size++] = i;
  return size;
}

/** TopPLogitsWarper: likeliest first, of equal ones the later; those above a kept one's mass of topP go. */
function nucleus(scores: Float32Array, topP: number, keep: number, scratch: Scratch): void {
  const { weights, keys, heap } = scratch;
  const total = weigh(scores, weights);
  if (total < 0) return;
  const size = remaining(scores, heap);
  for (let i = 0; i < size; i++) keys[heap[i]] = -scores[heap[i]];
  scratch.order(size, true);
  const limit = topP * total;
  let mass = 0;
  for (let count = 0; scratch.size > 0 && (mass < limit || count < keep); count++) mass += weights[scratch.pop(true)];
  for (let i = 0; i < scratch.size; i++) scores[heap[i]] = -Infinity;
}

/** MinPLogitsWarper. */
function aboveShare(scores: Float32Array, minP: number, keep: number, scratch: Scratch): void {
  if (weigh(scores, scratch.weights) < 0) return;
  dropBelow(scores, minP, keep, scratch); // the likeliest one's weight is 1
}

/** EpsilonLogitsWarper and EtaLogitsWarper: tokens of a lower probability go. */
function aboveProbability(
  scores: Float32Array,
  limit: (entropy: number) => number,
  keep: number,
  scratch: Scratch,
): void {
  const { weights } = scratch;
  const total = weigh(scores, weights);
  if (total < 0) return;
  // with w = exp(x - most) and p = w / total: entropy = log(total) - sum(w (x - most)) / total
  let most = -Infinity;
  for (let i = 0; i < scores.length; i++) if (scores[i] > most) most = scores[i];
  let sum = 0;
  for (let i = 0; i < scores.length; i++) if (weights[i] > 0) sum += weights[i] * (scores[i] - most);
  dropBelow(scores, limit(log(total) - sum / total) * total, keep, scratch);
}

/** Drops what weighs less than `limit`, but never the `keep` heaviest (of equal ones the first). */
function dropBelow(scores: Float32Array, limit: number, keep: number, { weights, heap }: Scratch): void {
  let kept = 0;
  for (let k = 0; k < keep; k++) {
    let best = -1;
    for (let i = 0; i < scores.length; i++) {
      if ((best < 0 || weights[i] > weights[best]) && !isListed(heap, kept, i)) best = i;
    }
    heap[kept++] = best;
  }
  for (let i = 0; i < scores.length; i++) {
    if (weights[i] < limit && !isListed(heap, kept, i)) scores[i] = -Infinity;
  }
}

function isListed(list: Int32Array, length: number, id: number): boolean {
  for (let i = 0; i < length; i++) if (list[i] === id) return true;
  return false;
}

/** TypicalLogitsWarper: tokens whose surprise is nearest to the entropy first. */
function typical(scores: Float32Array, mass: number, keep: number, scratch: Scratch): void {
  const { weights, keys, heap } = scratch;
  const total = weigh(scores, weights);
  if (total < 0) return;
  let most = -Infinity;
  for (let i = 0; i < scores.length; i++) if (scores[i] > most) most = scores[i];
  const logTotal = log(total);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) if (weights[i] > 0) sum += weights[i] * (scores[i] - most);
  const entropy = logTotal - sum / total;
  const size = remaining(scores, heap);
  for (let i = 0; i < size; i++) keys[heap[i]] = Math.abs(logTotal - (scores[heap[i]] - most) - entropy);
  scratch.order(size, false);
  const limit = mass * total;
  let gathered = 0;
  let last = 0;
  for (let count = 0; scratch.size > 0 && (gathered < limit || count < keep); count++) {
    const id = scratch.pop(false);
    if (gathered < limit) last = keys[id];
    gathered += weights[id];
  }
  // what is exactly as typical as the last one needed stays
  for (let i = 0; i < scratch.size; i++) if (keys[heap[i]] > last) scores[heap[i]] = -Infinity;
}
