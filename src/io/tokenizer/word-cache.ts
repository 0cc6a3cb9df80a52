// What the models made of short words: text repeats them.

import { type Pieces } from './pieces.js';

/** Words of an age; two ages are kept, so that those in use outlive the others. */
const AGE = 8_000;
/** Units of a word at most: most words of a language, and few stretches of text that come but once. */
const LONGEST = 20;

/** Words that are noted as seen once. */
const SEEN = 1 << 14;

export class WordCache {
  private young = new Map<string, Pieces>();
  private old = new Map<string, Pieces>();
  /** Hashes of words: to remember a word costs more than to encode it, and pays only for those that come again before long. */
  private readonly seen = new Int32Array(SEEN);

  /** `longest`: units of a word that is remembered, at most. */
  constructor(
    private readonly encode: (word: string) => Pieces,
    private readonly longest = LONGEST,
  ) {}

  get(word: string): Pieces {
    if (word.length > this.longest) return this.encode(word);
    const known = this.young.get(word);
    if (known) return known;
    const remembered = this.old.get(word);
    const pieces = remembered ?? this.encode(word);
    if (remembered || this.isSecond(word)) this.add(word, pieces);
    return pieces;
  }

  private isSecond(word: string): boolean {
    const hash = hashOf(word);
    const slot = (hash ^ (hash >>> 15)) & (SEEN - 1);
    if (this.seen[slot] === hash) return true;
    this.seen[slot] = hash;
    return false;
  }

  private add(word: string, pieces: Pieces): void {
    if (this.young.size >= AGE) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(detached(word), pieces);
  }
}

function hashOf(word: string): number {
  let hash = word.length;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x9e3779b1);
  return hash;
}

/** A copy: a slice of a text would keep all of it in memory. */
function detached(text: string): string {
  return ` ${text}`.slice(1);
}
