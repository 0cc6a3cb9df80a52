// What pre-tokenizers are made of.

import type { Aligned, Span } from './aligned.js';
import { ASCII_ONLY } from './unicode.js';

export type Visit = (span: Span) => void;

/** Cuts one span, and hands on the parts in order; none of them is empty. A text may have too many words for a list of them. */
export type PreTokenizer = (span: Span, visit: Visit) => void;

/** The matches of an expression are the words; what lies between is dropped. `ascii` is the same for ASCII text, and faster. */
export function words(pattern: () => RegExp, ascii: RegExp): PreTokenizer {
  return ({ source, from, to }, visit) => {
    const text = textOf(source, from, to);
    const regex = ASCII_ONLY.test(text) ? ascii : pattern();
    // not by the expression's own place, since what is called may come back here
    for (const match of text.matchAll(regex)) {
      const start = from + match.index;
      visit({ source, from: start, to: start + match[0].length });
    }
  };
}

export function textOf(source: Aligned, from: number, to: number): string {
  return from === 0 && to === source.text.length ? source.text : source.text.slice(from, to);
}

export function wholeOf(source: Aligned): Span {
  return { source, from: 0, to: source.text.length };
}
