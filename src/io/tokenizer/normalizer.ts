// What normalizers are.

import type { Aligned, Characters } from './aligned.js';

/** A step for whole texts. */
export type Normalizer = (source: Aligned) => Aligned;

/**
 * A step that treats each character by itself, or with the marks behind it: a text can be cut before a base character, and the parts
 * be normalised one by one.
 */
export interface LocalStep {
  /** The result if every unit keeps its place, else null. Much cheaper than `apply`, and the usual case. */
  inPlace(text: string): string | null;
  apply(text: Characters): void;
}
