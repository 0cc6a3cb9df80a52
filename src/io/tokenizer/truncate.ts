// Shortening: how many tokens of each text stay, and the overlapping windows over a long one.

import { WasmformerError } from '../../errors.js';

/** Which text loses tokens: the longer one first, or only one of the two. */
export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second';

/** Tokens kept of the first and second text (each from its start) so that together they are at most `room`. */
export function keptTokens(
  first: number,
  second: number | null,
  room: number,
  strategy: TruncationStrategy,
): [number, number] {
  const total = first + (second ?? 0);
  if (total <= room) return [first, second ?? 0];
  if (strategy !== 'longest_first') return keptOfOne(first, second, room, strategy);
  if (second === null) return [room, 0];
  // The shorter text stays whole if that leaves at least as much for the longer one; else both get half, the longer one the odd one.
  let short = Math.min(first, second);
  let long = short > room ? short : Math.max(short, room - short);
  if (short + long > room) {
    short = room >> 1;
    long = short + (room % 2);
  }
  return first <= second ? [short, long] : [long, short];
}

function keptOfOne(
  first: number,
  second: number | null,
  room: number,
  strategy: 'only_first' | 'only_second',
): [number, number] {
  if (strategy === 'only_second' && second === null) {
    throw new WasmformerError('INVALID_ARGUMENT', "truncation 'only_second' needs a textPair");
  }
  const target = strategy === 'only_first' ? first : second!;
  const excess = first + (second ?? 0) - room;
  if (target <= excess && room > 0) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `truncation '${strategy}' would have to remove ${excess} tokens from a text of ${target}: raise maxLength, shorten the other text, or use 'longest_first'`,
    );
  }
  if (room === 0) return [0, 0];
  return strategy === 'only_first' ? [first - excess, second ?? 0] : [first, second! - excess];
}

/** Windows of at most `size` over `length` tokens; neighbours share `stride`. */
export function windowRanges(length: number, size: number, stride: number): [number, number][] {
  if (length <= size) return [[0, length]];
  const ranges: [number, number][] = [];
  for (let from = 0; ; from += size - stride) {
    const to = Math.min(from + size, length);
    ranges.push([from, to]);
    if (to === length) return ranges;
  }
}
