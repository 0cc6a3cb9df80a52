// What the models made of short words: text repeats them.

import { type Pieces } from './pieces.js';

/** Words of an age; two ages are kept, so that those in use outlive the others. */
const AGE = 24_000;
/** Units of a word at most: most words of a language, and few stretches of text that come but once. */
const LONGEST = 20;

export class WordCache {
  private young = new Map<string, Pieces>();
  private old = new Map<string, Pieces>();

  constructor(private readonly encode: (word: string) => Pieces) {}

  get(word: string): Pieces {
    if (word.length > LONGEST) return this.encode(word);
    const known = this.young.get(word);
    if (known) return known;
    const pieces = this.old.get(word) ?? this.encode(word);
    if (this.young.size >= AGE) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(detached(word), pieces);
    return pieces;
  }
}

/** A copy: a slice of a text would keep all of it in memory. */
function detached(text: string): string {
  return ` ${text}`.slice(1);
}
