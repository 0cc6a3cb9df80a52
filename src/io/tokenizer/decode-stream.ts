// Text from ids as they come.

import type { Decoding } from './decoders.js';

/** Decodes one text, or several one after the other, piece by piece. Made by `tokenizer.decodeStream()`. */
export class DecodeStream {
  private decoding: Decoding | null = null;
  /** Text of the context that the decoder had not given away when the first id came. */
  private told = '';

  /** @internal Made by a Tokenizer. */
  constructor(
    private readonly start: () => Decoding,
    private readonly pushIds: (decoding: Decoding, ids: ArrayLike<number>) => void,
    private readonly context: ArrayLike<number>,
  ) {
    this.decoding = this.begin();
  }

  /**
   * Adds an id, or several, and returns the text that is certain now: whole characters, sometimes none. Ids without a token add nothing.
   * @throws INVALID_ARGUMENT for ids that are not integers
   */
  push(ids: number | ArrayLike<number>): string {
    this.decoding ??= this.begin();
    this.pushIds(this.decoding, typeof ids === 'number' ? [ids] : ids);
    return this.fresh(this.decoding.take());
  }

  /** Ends the text and returns what was held back; an unfinished character gives U+FFFD. The next push begins a new text. */
  flush(): string {
    const decoding = this.decoding ?? this.begin();
    decoding.finish();
    this.decoding = null;
    return this.fresh(decoding.take());
  }

  private begin(): Decoding {
    const decoding = this.start();
    this.told = '';
    if (this.context.length > 0) {
      this.pushIds(decoding, this.context);
      decoding.take();
      const alone = this.start();
      this.pushIds(alone, this.context);
      alone.take();
      alone.finish();
      this.told = alone.take();
    }
    return decoding;
  }

  /** The text without what the context already said. */
  private fresh(text: string): string {
    let from = 0;
    while (from < this.told.length && text[from] === this.told[from]) from++;
    // once they differ, or a further id comes, the rest of it is not going to be said
    this.told = from === text.length ? this.told.slice(from) : '';
    return text.slice(from);
  }
}
