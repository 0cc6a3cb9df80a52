// Text from ids as they come: pieces of whole characters that together are exactly what decoding all ids at once gives.
//
// A token alone decodes to something else than in context: byte-level tokens hold parts of characters (U+FFFD alone), and
// SentencePiece decoders drop the leading space of the first token. So a window of the last ids is decoded each time, and what
// it adds to the text already sent is the piece. The window is cut to its last tokens now and then, at a place where their
// text begins with a whole character; so the cost of a token does not grow with the text.

const REPLACEMENT = '\ufffd';
/** Bytes of an unfinished character: at most 3, each of which some decoders show as one replacement character. */
const MOST_UNFINISHED = 3;
/** Ids in the window when it is cut, and ids that stay. */
const CUT_AT = 12;
const KEEP = 4;
/** Longest text that is cleaned up, its space included: " n't". */
const LONGEST_CLEANED = 4;

export interface TextStreamOptions {
  /** Ids before the first one pushed (the prompt's last few): the first piece then continues their text, leading space included. */
  context?: readonly number[];
  /**
   * The decoder cleans up spaces before punctuation (clean_up_tokenization_spaces), which takes back a space that was there
   * before: a space is held back until what follows it is too long for that. Default: false.
   */
  cleanUp?: boolean;
}

/** Turns the ids of one sequence into text, piece by piece. */
export class TextStream {
  private window: number[];
  /** Text of the window, and how much of it was sent. */
  private text: string;
  private sent: number;
  private readonly cleanUp: boolean;

  /** @param decode text of ids, without special tokens */
  constructor(
    private readonly decode: (ids: number[]) => string,
    { context = [], cleanUp = false }: TextStreamOptions = {},
  ) {
    this.window = [...context.slice(-2 * KEEP)];
    this.text = this.window.length > 0 ? decode(this.window) : '';
    this.sent = this.text.length;
    this.cleanUp = cleanUp;
  }

  /** Adds an id and returns the text that is certain now; often one token's, sometimes none. */
  push(id: number): string {
    this.window.push(id);
    this.text = this.decode(this.window);
    const piece = this.take(this.certain());
    if (this.window.length % CUT_AT === 0) this.cut();
    return piece;
  }

  /** What was held back, at the end of the sequence. An unfinished character gives U+FFFD. */
  flush(): string {
    return this.take(this.text.length);
  }

  private take(end: number): string {
    if (end <= this.sent) return '';
    const piece = this.text.slice(this.sent, end);
    this.sent = end;
    return piece;
  }

  /** Length of the text that further tokens cannot change. */
  private certain(): number {
    const { text } = this;
    let end = text.length;
    while (end > 0 && text.length - end < MOST_UNFINISHED && text[end - 1] === REPLACEMENT) end--;
    if (!this.cleanUp) return end;
    // " ' " became "'", unless what comes next takes its second space away
    if (end > 0 && text[end - 1] === "'") end--;
    const space = text.lastIndexOf(' ', end - 1);
    return space >= 0 && end - space < LONGEST_CLEANED ? space : end;
  }

  /** Forgets the first ids of the window, if the rest has the same text by itself. */
  private cut(): void {
    const unsent = this.text.length - this.sent;
    const full = this.window.length >= 4 * CUT_AT;
    for (let keep = KEEP; keep < this.window.length; keep++) {
      const rest = this.window.slice(-keep);
      const text = this.decode(rest);
      // without text that was sent, the space before what follows would be lost
      if (text.length <= unsent || !this.text.endsWith(text)) continue;
      // half a character, unless they are all broken
      if (text.startsWith(REPLACEMENT) && !full) continue;
      this.window = rest;
      this.text = text;
      this.sent = text.length - unsent;
      return;
    }
    // ids that add nothing, such as special tokens without end
    if (!full) return;
    const thinned = [...this.window.slice(0, KEEP), ...this.window.slice(-2 * CUT_AT)];
    if (this.decode(thinned) === this.text) this.window = thinned;
  }
}
