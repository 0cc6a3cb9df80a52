// The result of encoding: ids at once, everything else worked out when it is first read.

import type { PostProcessing } from './postprocess.js';
import { trimOffsets } from './postprocess.js';

/** What a text's tokens came from; computed on demand. */
export interface Trace {
  tokens: string[];
  starts: number[];
  ends: number[];
  words: number[];
}

/** The tokens of one text, without special tokens. */
export class TokenSequence {
  private traced: Trace | null = null;

  constructor(
    readonly text: string,
    readonly ids: Int32Array,
    private readonly retrace: () => Trace,
  ) {}

  get trace(): Trace {
    return (this.traced ??= this.retrace());
  }
}

/** A run of an encoding: one special token, or tokens `[from, to)` of a text. */
export type Part =
  { id: number; token: string; type: number } | { sequence: 0 | 1; from: number; to: number; type: number };

/**
 * Token ids of a text or a pair, with what belongs to each of them. Every array has `length` entries and can be kept or changed by
 * the caller. `ids` is ready at once; the others are made when first read, offsets and words by going through the text once more.
 */
export class Encoding {
  /** Token ids, special tokens included. */
  readonly ids: number[];
  private readonly memo: {
    tokens?: string[];
    attentionMask?: number[];
    typeIds?: number[];
    specialTokensMask?: number[];
    offsets?: [number, number][];
    wordIds?: (number | null)[];
    sequenceIds?: (0 | 1 | null)[];
  } = {};

  /** @internal Made by a Tokenizer. */
  constructor(
    private readonly parts: readonly Part[],
    private readonly sequences: readonly TokenSequence[],
    private readonly trims: PostProcessing['trims'],
  ) {
    const length = parts.reduce((sum, part) => sum + ('id' in part ? 1 : part.to - part.from), 0);
    const ids = new Array<number>(length);
    let at = 0;
    for (const part of parts) {
      if ('id' in part) {
        ids[at++] = part.id;
      } else {
        const source = sequences[part.sequence].ids;
        for (let i = part.from; i < part.to; i++) ids[at++] = source[i];
      }
    }
    this.ids = ids;
  }

  get length(): number {
    return this.ids.length;
  }

  /** The tokens' texts as the vocabulary has them; unknown words of a Unigram model as they stand in the text. */
  get tokens(): string[] {
    return (this.memo.tokens ??= this.collect(
      (special) => special.token,
      (sequence, i) => sequence.trace.tokens[i],
    ));
  }

  /** All ones: nothing is padded here. */
  get attentionMask(): number[] {
    return (this.memo.attentionMask ??= new Array<number>(this.length).fill(1));
  }

  /** Segment of each token (token_type_ids): usually 0 for the first text and 1 for the second. */
  get typeIds(): number[] {
    return (this.memo.typeIds ??= this.collect(
      (special) => special.type,
      (_, __, part) => part.type,
    ));
  }

  /** Whether any of `typeIds` is not 0.
   *  @internal */
  get hasTypes(): boolean {
    return this.parts.some(({ type }) => type > 0);
  }

  /** The same as `typeIds`, under the name of model inputs. */
  get tokenTypeIds(): number[] {
    return this.typeIds;
  }

  /** 1 for special tokens that were added, 0 for the text's own. */
  get specialTokensMask(): number[] {
    return (this.memo.specialTokensMask ??= this.collect(
      () => 1,
      () => 0,
    ));
  }

  /** `[start, end]` of each token in UTF-16 units of its own original text: `text.slice(start, end)`. `[0, 0]` for added specials. */
  get offsets(): [number, number][] {
    return (this.memo.offsets ??= this.collect<[number, number]>(
      () => [0, 0],
      (sequence, i, part) => {
        const { tokens, starts, ends } = sequence.trace;
        let span: [number, number] = [starts[i], ends[i]];
        for (const { prefixSpace } of this.trims) {
          span = trimOffsets(sequence.text, tokens[i], i - part.from, span[0], span[1], prefixSpace);
        }
        return span;
      },
    ));
  }

  /** Number of the word (as the pre-tokenizer cut it) within its text, null for added specials. */
  get wordIds(): (number | null)[] {
    return (this.memo.wordIds ??= this.collect<number | null>(
      () => null,
      (sequence, i) => sequence.trace.words[i],
    ));
  }

  /** 0 for tokens of the first text, 1 for the second's, null for added specials. */
  get sequenceIds(): (0 | 1 | null)[] {
    return (this.memo.sequenceIds ??= this.collect<0 | 1 | null>(
      () => null,
      (_, __, part) => part.sequence,
    ));
  }

  private collect<T>(
    special: (part: Extract<Part, { id: number }>) => T,
    token: (sequence: TokenSequence, index: number, part: Extract<Part, { sequence: 0 | 1 }>) => T,
  ): T[] {
    const out: T[] = [];
    for (const part of this.parts) {
      if ('id' in part) {
        out.push(special(part));
      } else {
        const sequence = this.sequences[part.sequence];
        for (let i = part.from; i < part.to; i++) out.push(token(sequence, i, part));
      }
    }
    return out;
  }
}
