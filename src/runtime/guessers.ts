// Who guesses tokens for speculative decoding: the text so far, or a smaller model of the same vocabulary.
import { argmax, lookUp, type GenerationSettings, type Tokens } from '../generate';
import type { Guesser } from './generation-job';
import { CachedSequence } from './kv-cache';
import type { CallContext } from './runner';
import type { Steps } from './steps';

/** What followed the last tokens where they occurred before. */
export class LookupGuesser implements Guesser {
  constructor(private readonly settings: GenerationSettings) {}

  guess(tokens: Tokens, room: number): Int32Array {
    const { promptLookupNumTokens, maxMatchingNgramSize, eosTokenId } = this.settings;
    return lookUp(tokens, {
      count: promptLookupNumTokens!,
      maxMatchingNgramSize,
      maxLength: tokens.length + room + 1,
      eosTokenId,
    }).slice();
  }

  dispose(): void {}
}

/** What a draft model would say. */
export class DraftGuesser implements Guesser {
  private readonly cache: CachedSequence;
  /** Ids whose keys and values are in the cache. */
  private known: number[] = [];

  constructor(
    private readonly steps: Steps,
    private readonly maxPositions: number,
    private readonly count: number,
  ) {
    this.cache = new CachedSequence(steps.pool);
  }

  async guess(tokens: Tokens, room: number, context: CallContext): Promise<Int32Array> {
    const { cache, known, steps } = this;
    const count = Math.min(this.count, room, this.maxPositions - tokens.length);
    if (count <= 0) return new Int32Array(0);
    // guesses that were wrong are forgotten; the last token's logits are needed in any case
    let common = 0;
    while (common < known.length && common < tokens.length - 1 && known[common] === tokens.ids[common]) common++;
    cache.truncate(common);
    known.length = common;
    const guesses = new Int32Array(count);
    let fresh = Array.from(tokens.ids.subarray(common, tokens.length));
    for (let i = 0; i < count; i++) {
      const logits = await steps.step([{ cache, ids: fresh }], context);
      known.push(...fresh);
      guesses[i] = argmax(logits, 0, steps.vocabSize);
      // nothing but NaN: no guess
      if (guesses[i] < 0) return guesses.subarray(0, i);
      fresh = [guesses[i]];
    }
    return guesses;
  }

  dispose(): void {
    this.cache.dispose();
  }
}
