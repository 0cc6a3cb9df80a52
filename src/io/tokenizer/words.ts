// What pre-tokenizers are made of.

import type { Aligned, Span } from './aligned.js';
import { ASCII_ONLY } from './unicode.js';

export type Visit = (span: Span) => void;

/** Cuts one span, and hands on the parts in order; none of them is empty. A text may have too many words for a list of them. */
export type PreTokenizer = (span: Span, visit: Visit) => void;

const SPACE = /\s/;

/**
 * The matches of an expression are the words; what lies between is dropped.
 * @param ascii the same for ASCII text, where it leaves nothing out: it also matches the white space between words. Its matches are
 *   only measured, which makes no objects
 * @param keepsSpace white space makes words, too
 */
export function words(pattern: () => RegExp, ascii: RegExp, keepsSpace = false): PreTokenizer {
  return ({ source, from, to }, visit) => {
    const text = textOf(source, from, to);
    if (!ASCII_ONLY.test(text)) {
      for (const match of text.matchAll(pattern())) {
        const start = from + match.index;
        visit({ source, from: start, to: start + match[0].length });
      }
      return;
    }
    for (let at = 0, end: number; at < text.length; at = end) {
      // told each time where to begin, since what is called may come back here
      ascii.lastIndex = at;
      ascii.test(text);
      end = ascii.lastIndex;
      if (keepsSpace || !SPACE.test(text[at])) visit({ source, from: from + at, to: from + end });
    }
  };
}

export function textOf(source: Aligned, from: number, to: number): string {
  return from === 0 && to === source.text.length ? source.text : source.text.slice(from, to);
}

export function wholeOf(source: Aligned): Span {
  return { source, from: 0, to: source.text.length };
}
