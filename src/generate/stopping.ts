// When a sequence ends: ends of sequence and lengths on ids, stop strings on text.

/** Why a sequence ended: an id of eosTokenId, the length limit, a stop string, or the caller's signal. */
export type FinishReason = 'eos' | 'length' | 'stop' | 'abort';

/** Whether a sequence ends with the id just added. */
export function endOf(
  id: number,
  length: number,
  eosTokenId: readonly number[],
  maxLength: number,
): 'eos' | 'length' | null {
  if (eosTokenId.includes(id)) return 'eos';
  return length >= maxLength ? 'length' : null;
}

/**
 * Finds stop strings in text that comes in pieces. Of several matches the one that is complete first counts (of those the
 * longest), so that the result does not depend on where the pieces begin. Text that could still become a stop string is held
 * back. transformers matches the same texts, but on prompt and answer together and leaves them in the result.
 */
export class StopMatcher {
  /** The stop string that was found. */
  found: string | null = null;

  private held = '';

  /** @param strings none of them empty */
  constructor(private readonly strings: readonly string[]) {}

  /** Takes a piece of text and returns what is certain to come before any stop string. Nothing more comes once one is found. */
  push(piece: string): string {
    if (this.found !== null) return '';
    const text = this.held + piece;
    let end = Infinity;
    let start = 0;
    for (const string of this.strings) {
      const at = text.indexOf(string);
      if (at < 0) continue;
      const after = at + string.length;
      if (after < end || (after === end && at < start)) {
        end = after;
        start = at;
        this.found = string;
      }
    }
    if (this.found !== null) {
      this.held = '';
      return text.slice(0, start);
    }
    const kept = this.undecided(text);
    this.held = text.slice(text.length - kept);
    return text.slice(0, text.length - kept);
  }

  /** What was held back, at the end of the text. */
  flush(): string {
    const { held } = this;
    this.held = '';
    return held;
  }

  /** Length of the longest end of the text that a stop string begins with. */
  private undecided(text: string): number {
    let longest = 0;
    for (const string of this.strings) {
      for (let length = Math.min(string.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(string.slice(0, length))) {
          longest = length;
          break;
        }
      }
    }
    return longest;
  }
}
