// The patterns of Replace and Split: a plain string, or a regular expression in Oniguruma's syntax.

import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { invalidTokenizer, isObject } from './json.js';

/** Escapes text for use inside a regular expression with the `u` flag. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/**
 * A global expression for `{ String }` or `{ Regex }`; null for an empty string, which matches nothing. The library translates
 * the reference's syntax into JavaScript's.
 */
export function compilePattern(pattern: unknown, where: string): RegExp | null {
  if (isObject(pattern) && typeof pattern.String === 'string') {
    return pattern.String === '' ? null : new RegExp(escapePattern(pattern.String), 'gu');
  }
  if (!isObject(pattern) || typeof pattern.Regex !== 'string') {
    return invalidTokenizer(where, 'expected { "String": ... } or { "Regex": ... }');
  }
  try {
    const split = new SplitPreTokenizer({ type: 'Split', pattern: { Regex: pattern.Regex }, behavior: 'Isolated' });
    if (split.pattern) return split.pattern;
  } catch (error) {
    return invalidTokenizer(where, `the regular expression ${pattern.Regex} is not supported`, error);
  }
  return invalidTokenizer(where, `the regular expression ${pattern.Regex} is not supported`);
}
