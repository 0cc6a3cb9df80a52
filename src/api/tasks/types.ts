// What the task functions need of an encoded text and of a tokenizer. Structural, so that they depend on neither.

/** One encoded text or pair. Offsets are UTF-16 units into the text of the token's own sequence. */
export interface TaskEncoding {
  readonly ids: ArrayLike<number>;
  /** [start, end) of each token in its text; [0, 0] for special tokens. */
  readonly offsets: ReadonlyArray<readonly [number, number]>;
  /** Index of the token's word within its text, null for special tokens. */
  readonly wordIds: ReadonlyArray<number | null>;
  /** 0 for the first text, 1 for the second, null for special tokens. */
  readonly sequenceIds: ReadonlyArray<number | null>;
}

/** An encoding with its token strings. */
export interface TokenEncoding extends TaskEncoding {
  readonly tokens: ReadonlyArray<string>;
  /** 1 for tokens that the tokenizer added, 0 for those of the text. */
  readonly specialTokensMask: ArrayLike<number>;
}

/** Ids back to text. */
export type DecodeIds = (ids: number[], options: { skipSpecialTokens: boolean }) => string;

/** Token strings back to text, as the tokenizer's decoder joins them. */
export type JoinTokens = (tokens: string[]) => string;
