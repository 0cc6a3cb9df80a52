// The patterns of Replace and Split: a plain string, or a regular expression in Oniguruma's syntax.

import type { SplitPreTokenizer } from '@huggingface/tokenizers';
import { invalidTokenizer, isObject } from './json.js';

/** Translates patterns; loaded when the first tokenizer needs it. */
let Split: typeof SplitPreTokenizer | undefined;

/** Loads what the parts of a tokenizer need before compilePattern can be called: most have no regular expression. */
export async function preparePatterns(...parts: readonly unknown[]): Promise<void> {
  if (!Split && parts.some(hasRegex)) Split = (await import('@huggingface/tokenizers')).SplitPreTokenizer;
}

function hasRegex(part: unknown): boolean {
  if (Array.isArray(part)) return part.some(hasRegex);
  if (!isObject(part) || ArrayBuffer.isView(part)) return false;
  return Object.hasOwn(part, 'Regex') || Object.values(part).some(hasRegex);
}

/** Escapes text for use inside a regular expression with the `u` flag. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/**
 * A global expression for `{ String }` or `{ Regex }`; null for an empty string, which matches nothing. The library translates
 * the reference's syntax into JavaScript's: preparePatterns comes first.
 */
export function compilePattern(pattern: unknown, where: string): RegExp | null {
  if (isObject(pattern) && typeof pattern.String === 'string') {
    return pattern.String === '' ? null : new RegExp(escapePattern(pattern.String), 'gu');
  }
  if (!isObject(pattern) || typeof pattern.Regex !== 'string') {
    return invalidTokenizer(where, 'expected { "String": ... } or { "Regex": ... }');
  }
  try {
    const split = new Split!({ type: 'Split', pattern: { Regex: pattern.Regex }, behavior: 'Isolated' });
    if (split.pattern) return split.pattern;
  } catch (error) {
    return invalidTokenizer(where, `the regular expression ${pattern.Regex} is not supported`, error);
  }
  return invalidTokenizer(where, `the regular expression ${pattern.Regex} is not supported`);
}
