// Arithmetic that is the same everywhere, seeded draws and what they follow.
import { describe, expect, it } from 'vitest';
import {
  alternatives,
  argmax,
  BeamSearch,
  Random,
  resolveGeneration,
  sample,
  TokenChooser,
  Tokens,
} from '../../src/generate/index';
import type { GenerationOptions } from '../../src/generate/index';
import { exp, log, logSoftmax, logSumExp, power } from '../../src/generate/math';

const VOCAB = 12;
const context = { vocabSize: VOCAB, promptLength: 1, minLength: 0, maxLength: 50, encoderIds: [] };

function row(seed: number, size = VOCAB): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: size }, () => 6 * random.next() - 3);
}

describe('arithmetic', () => {
  it('exp and log are those of Math within rounding', () => {
    for (let i = -7400; i < 7090; i++) {
      const x = i / 10 + 0.0371;
      const expected = Math.exp(x);
      const least = expected < 1e-300 ? 1e-320 : 0;
      expect(Math.abs(exp(x) - expected)).toBeLessThanOrEqual(4.5e-16 * expected + least);
    }
    for (const x of [1e-320, 1e-9, 0.1, 0.999, 1, 1.001, 1.4142, 2, 3, 1e5, 1e300]) {
      expect(Math.abs(log(x) - Math.log(x))).toBeLessThanOrEqual(4.5e-16 * Math.abs(Math.log(x)) + 1e-16);
    }
    expect([exp(0), exp(-Infinity), exp(-800), exp(800), exp(NaN)]).toEqual([1, 0, 0, Infinity, NaN]);
    expect([log(1), log(0), log(-1), log(Infinity)]).toEqual([0, -Infinity, NaN, Infinity]);
  });

  it('powers of whole exponents are exact', () => {
    expect([power(7, 1), power(7, 0), power(7, 2), power(8, -1)]).toEqual([7, 1, 49, 0.125]);
    expect(Math.abs(power(7, 0.7) - 7 ** 0.7)).toBeLessThan(1e-14);
  });

  // torch.log_softmax(torch.tensor([1., 2., -inf, 0.5]), 0)
  it('log-softmax is that of torch', () => {
    const scores = Float32Array.of(1, 2, -Infinity, 0.5);
    logSoftmax(scores);
    for (const [i, expected] of [-1.4643683, -0.4643683, -Infinity, -1.9643683].entries()) {
      if (Number.isFinite(expected)) expect(Math.abs(scores[i] - expected)).toBeLessThan(1e-6);
      else expect(scores[i]).toBe(expected);
    }
    expect(logSumExp(Float32Array.of(-Infinity, -Infinity))).toBe(-Infinity);
  });
});

describe('random numbers', () => {
  // xoshiro128** of the published C code from the state (1, 2, 3, 4): the generator is advanced from a known state
  it('are those of xoshiro128**', () => {
    const random = new Random(0);
    Object.assign(random, { a: 1, b: 2, c: 3, d: 4 });
    expect(Array.from({ length: 4 }, () => random.bits())).toEqual([11520, 0, 5927040, 70819200]);
  });

  it('differ by seed and stream, and repeat', () => {
    const first = (seed: number, stream?: number): number => new Random(seed, stream).next();
    const seen = new Set<number>();
    for (let seed = 0; seed < 50; seed++) for (let stream = 0; stream < 4; stream++) seen.add(first(seed, stream));
    for (const seed of [2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]) seen.add(first(seed));
    expect(seen.size).toBe(203);
    expect(first(7, 3)).toBe(first(7, 3));
  });
});

describe('sample', () => {
  it('follows the probabilities', () => {
    const scores = Float32Array.of(Math.log(0.5), Math.log(0.2), -Infinity, Math.log(0.3));
    const random = new Random(1);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20000; i++) counts[sample(scores, random)]++;
    expect(counts[2]).toBe(0);
    // five standard deviations
    for (const [i, p] of [0.5, 0.2, 0, 0.3].entries()) {
      expect(Math.abs(counts[i] - 20000 * p)).toBeLessThanOrEqual(5 * Math.sqrt(20000 * p * (1 - p)));
    }
  });

  it('gives the same tokens for the same seed, whatever runs beside it', () => {
    const run = (options: GenerationOptions, sequence: number, beside = 0): number[] => {
      const settings = resolveGeneration({ doSample: true, seed: 5, ...options });
      const others = Array.from({ length: beside }, (_, i) => new TokenChooser(settings, context, 50 + i));
      const chooser = new TokenChooser(settings, context, sequence);
      const tokens = new Tokens([0]);
      for (let step = 0; step < 30; step++) {
        for (const other of others) other.next(row(step), new Tokens([0]));
        tokens.push(chooser.next(row(step), tokens));
      }
      return [...tokens.slice(1)];
    };
    expect(run({}, 0)).toEqual(run({}, 0, 3));
    expect(run({}, 0)).not.toEqual(run({}, 1));
    expect(run({}, 0)).not.toEqual(run({ seed: 6 }, 0));
    expect(
      run({ topK: 5 }, 0).every((id, step) => [...row(step)].sort((a, b) => b - a).indexOf(row(step)[id]) < 5),
    ).toBe(true);
  });
});

describe('choice', () => {
  it('is the first largest score; NaN is none', () => {
    expect(argmax(Float32Array.of(1, NaN, 3, 3))).toBe(2);
    expect(argmax(Float32Array.of(9, 1, 2, 9), 1, 3)).toBe(1);
    expect(argmax(Float32Array.of(-Infinity, NaN))).toBe(-1);
  });

  it('gives log-probabilities of what was chosen from', () => {
    const chooser = new TokenChooser(resolveGeneration({ logprobs: 3, suppressTokens: [1] }), context);
    const logits = new Float32Array(VOCAB).fill(-Infinity);
    logits.set([Math.log(2), 9, Math.log(6), Math.log(2)]);
    expect(chooser.isArgmax).toBe(false);
    expect(chooser.next(logits, new Tokens([0]))).toBe(2);
    expect(Math.abs(chooser.logprob - Math.log(0.6))).toBeLessThan(1e-6);
    expect(chooser.alternatives.map(({ id }) => id)).toEqual([2, 0, 3]);
    expect(Math.abs(chooser.alternatives[1].logprob - Math.log(0.2))).toBeLessThan(1e-6);
    expect(alternatives(logits, 9).length).toBe(3);
  });

  it('is the largest logit alone where no option says otherwise', () => {
    expect(new TokenChooser(resolveGeneration({ eosTokenId: 3, seed: 3 }), context).isArgmax).toBe(true);
    for (const options of [
      { logprobs: 0 },
      { doSample: true },
      { repetitionPenalty: 1.2 },
      { renormalizeLogits: true },
    ]) {
      expect(new TokenChooser(resolveGeneration(options), context).isArgmax).toBe(false);
    }
  });

  it('says so where nothing is left', () => {
    for (const doSample of [false, true]) {
      const all = Array.from({ length: VOCAB }, (_, i) => i);
      const chooser = new TokenChooser(resolveGeneration({ doSample, suppressTokens: all }), context);
      expect(() => chooser.next(row(1), new Tokens([0]))).toThrow('no token is left to choose from');
    }
  });
});

describe('beam sampling', () => {
  const run = (options: GenerationOptions, stop = 99, minLength = 0) => {
    const settings = resolveGeneration({
      doSample: true,
      numBeams: 3,
      numReturnSequences: 3,
      eosTokenId: 2,
      seed: 1,
      ...options,
    });
    const search = new BeamSearch({ settings, prompt: [0], ...context, minLength, maxLength: 9 });
    for (let step = 0; step < stop && !search.done; step++) {
      const logits = new Float32Array(search.rows * VOCAB);
      search.beams.forEach((tokens, b) => logits.set(row(tokens.ids[tokens.length - 1] + 31 * step), b * VOCAB));
      search.step(logits);
    }
    return search.finish();
  };

  it('repeats with its seed, and is ordered by score', () => {
    const results = run({});
    expect(run({})).toEqual(results);
    expect(run({ seed: 2 })).not.toEqual(results);
    expect(results.length).toBe(3);
    for (const [i, { score, logprobs, ids }] of results.entries()) {
      if (i > 0) expect(score).toBeLessThanOrEqual(results[i - 1].score);
      expect(Math.abs(score - logprobs.reduce((a, b) => a + b, 0) / ids.length)).toBeLessThan(1e-5);
    }
  });

  it('goes on where few tokens have any probability', () => {
    expect(run({ topK: 1 }).length).toBe(3);
    expect(run({ temperature: 0.01 }).length).toBe(3);
  });

  it('gives the live beams when it is cut short', () => {
    const results = run({}, 3, 9);
    expect(results.map(({ ids, finishReason }) => [ids.length, finishReason])).toEqual(new Array(3).fill([3, 'abort']));
    expect(run({}, 0)).toEqual([]);
  });

  it('stops at what the caller finds in the text', () => {
    const settings = resolveGeneration({ numBeams: 2, eosTokenId: 2 });
    const search = new BeamSearch({ settings, prompt: [0], ...context });
    for (let step = 0; step < 20 && !search.done; step++) {
      const logits = new Float32Array(search.rows * VOCAB).fill(-9);
      for (let b = 0; b < search.rows; b++) logits.set([3, -9, -50, 2, 1.5], b * VOCAB);
      search.process(logits);
      search.rank(logits);
      search.advance(
        logits,
        search.candidates().map((ids) => ids.length === 4),
      );
    }
    expect(search.finish().map(({ ids, finishReason }) => [ids.length, finishReason])).toEqual([[4, 'stop']]);
  });
});
