// Speculative decoding for greedy search and sampling: guesses from the text so far, and how many of them to believe. The
// tokens are those of plain decoding: a guess only saves a step where it is what would have been chosen anyway.
import type { Tokens } from './tokens';

export interface LookupOptions {
  /** promptLookupNumTokens: most ids to guess. */
  readonly count: number;
  /** Longest sequence of ids at the end to look for earlier in the text. */
  readonly maxMatchingNgramSize: number;
  readonly maxLength: number;
  readonly eosTokenId: readonly number[];
}

/**
 * Prompt lookup (PromptLookupCandidateGenerator): the longest sequence of ids at the end that occurs before, at its first
 * place, and what follows it there. Ends before an end of sequence, and leaves room for the token that comes after the guesses.
 * @returns view of the guesses inside `tokens.ids`, empty if there are none
 */
export function lookUp({ ids, length }: Tokens, options: LookupOptions): Int32Array {
  const { count, maxMatchingNgramSize, maxLength, eosTokenId } = options;
  const room = Math.min(count, maxLength - length - 1);
  if (room <= 0) return ids.subarray(0, 0);
  for (let size = Math.min(maxMatchingNgramSize, length - 1); size > 0; size--) {
    const tail = length - size;
    for (let at = 0; at < tail; at++) {
      let i = 0;
      while (i < size && ids[at + i] === ids[tail + i]) i++;
      if (i < size) continue;
      const from = at + size;
      const most = Math.min(from + room, length);
      let to = from;
      while (to < most && !eosTokenId.includes(ids[to])) to++;
      return ids.subarray(from, to);
    }
  }
  return ids.subarray(0, 0);
}

/**
 * Checks guesses against what the model chooses. Row i of the model's output follows the last id and the first i guesses. Each
 * row is chosen from only if all before it confirmed their guesses, so that random draws and processors are those of plain decoding.
 * @param tokens ids so far, without the guesses; the new ids are appended
 * @param choose the id that row i gives, with `tokens` as they are then
 * @param isLast whether a sequence of so many ids ends with this id: nothing is appended after it
 * @returns how many ids were appended, at least one. Of the caches, what belongs to guesses from that number minus one on is void.
 */
export function verify(
  tokens: Tokens,
  guesses: ArrayLike<number>,
  choose: (row: number) => number,
  isLast: (id: number, length: number) => boolean,
): number {
  for (let row = 0; ; row++) {
    const id = choose(row);
    tokens.push(id);
    if (row >= guesses.length || guesses[row] !== id || isLast(id, tokens.length)) return row + 1;
  }
}
