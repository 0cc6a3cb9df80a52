// The Unigram model: the cut of a word into tokens whose scores have the greatest sum, found in one pass from left to right.

import { asArray, asFlag, asId, invalidTokenizer, type JsonObject, type Pause } from './json.js';
import { inBlocks } from './in-blocks.js';
import { ByteTokens, listOf, replaceUnknown } from './long-pieces.js';
import type { Pieces, WordModel } from './pieces.js';

/** What a character that no token covers costs, beside the lowest score. */
const UNKNOWN_PENALTY = 10;

/** Builds a `model` entry of type Unigram. */
export async function createUnigram(config: JsonObject, where: string, pause: Pause): Promise<WordModel> {
  const entries = asArray(config.vocab, `${where}.vocab`);
  if (entries.length === 0) return invalidTokenizer(`${where}.vocab`, 'the vocabulary is empty');
  const isSentencePiece = asFlag(config.single_precision, false, `${where}.single_precision`);
  const ids = new Map<string, number>();
  const scores = new Float64Array(entries.length);
  const tokens: string[] = [];
  const trie = new Trie(tokens);
  await inBlocks(entries, pause, (entry, i) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || typeof entry[1] !== 'number') {
      return invalidTokenizer(`${where}.vocab[${i}]`, 'expected a token and its score');
    }
    scores[i] = isSentencePiece ? entry[1] : asReadFrom(entry[1]);
    ids.set(entry[0], i);
    tokens.push(entry[0]);
    trie.expect(i);
  });
  const unknown = asId(config.unk_id, `${where}.unk_id`);
  if (unknown >= tokens.length) {
    return invalidTokenizer(`${where}.unk_id`, `${unknown} is beyond the vocabulary of ${tokens.length} tokens`);
  }
  const bytes = asFlag(config.byte_fallback, false, `${where}.byte_fallback`) ? new ByteTokens(ids) : null;
  const least = scores.reduce((a, b) => Math.min(a, b), Infinity) - UNKNOWN_PENALTY;
  scores[unknown] = isSentencePiece ? Math.fround(least) : least;
  const search = new BestPath(tokens, trie, scores, unknown, isSentencePiece ? Float32Array : Float64Array);
  /** The sum of scores up to the word. */
  let before = 0;

  return {
    tokenToId: ids,
    size: tokens.length,
    unknownToken: tokens[unknown],
    verbatimId: unknown,
    ...(isSentencePiece ? { begin: () => void (before = 0) } : {}),
    encode(word): Pieces {
      const { pieces, hasUnknown, sum } = search.cut(word, before);
      if (isSentencePiece) before = sum;
      return hasUnknown ? replaceUnknown(word, pieces, unknown, true, idsOfUnknown) : pieces;
    },
  };

  /** The text of neighbouring unknown characters is looked up once more. */
  function idsOfUnknown(text: string): readonly number[] {
    const id = ids.get(text);
    return (id === undefined ? bytes?.encode(text) : null) ?? [id ?? unknown];
  }
}

/**
 * The score as the reference reads it from a file: digits and power of ten apart, which misses the nearest number by one place in
 * a quarter of all. It decides between cuts of the same tokens in other orders ("aa" "a", "a" "aa").
 */
function asReadFrom(score: number): number {
  const text = String(score);
  if (text.length < 17) return score; // so few digits are exact either way
  const [digits, exponent = '0'] = text.split('e');
  const [whole, fraction = ''] = digits.split('.');
  return Number(whole + fraction) / Number(`1e${fraction.length - Number(exponent)}`);
}

/** Longer words have room of their own. */
const SHORT = 256;

interface Cut {
  pieces: Pieces;
  /** Whether unknown characters are among them. */
  hasUnknown: boolean;
  /** The sum of scores up to the word's end. */
  sum: number;
}

/** The search for the best cut of a word. */
class BestPath {
  /**
   * The best sums of scores up to a place, NaN where there is none yet: a ring of the places that a token from the present one may
   * reach, then a cell for adding. SentencePiece adds in single precision, from the beginning of the text on: what was added before
   * a word then decides between cuts of the same tokens in other orders.
   */
  private readonly best: Float64Array | Float32Array;
  private readonly short = new Int32Array(SHORT + 1);

  constructor(
    private readonly tokens: readonly string[],
    private readonly trie: Trie,
    private readonly scores: Float64Array,
    private readonly unknown: number,
    Sums: typeof Float64Array | typeof Float32Array,
  ) {
    const longest = tokens.reduce((most, { length }) => Math.max(most, length), 2);
    this.best = new Sums((1 << (32 - Math.clz32(longest))) + 1).fill(NaN);
  }

  /** Of two cuts with one sum, that counts whose last token is the longer one. */
  cut(word: string, before: number): Cut {
    const { trie, best, scores, unknown } = this;
    const size = word.length;
    const mask = best.length - 2;
    /** The token that ends at a place, or minus the units of an unknown character. */
    const last = size <= SHORT ? this.short : new Int32Array(size + 1);
    const offer = (from: number, end: number, id: number, mark: number): void => {
      best[mask + 1] = scores[id] + from;
      const sum = best[mask + 1]; // in the sums' own precision
      if (sum <= best[end & mask]) return;
      best[end & mask] = sum;
      last[end] = mark;
    };
    best[0] = before;
    for (let start = 0; start < size;) {
      const width = word.codePointAt(start)! > 0xffff ? 2 : 1;
      const sum = best[start & mask];
      let isCovered = false;
      trie.open(word, start);
      for (let node = 0, end = start; end < size;) {
        node = trie.child(node, word.charCodeAt(end++));
        if (node < 0) break;
        const id = trie.token(node);
        if (id < 0) continue;
        offer(sum, end, id, id);
        if (end === start + width) isCovered = true;
      }
      if (!isCovered) offer(sum, start + width, unknown, -width);
      // what comes a whole turn later finds these cells empty
      for (const next = start + width; start < next; start++) best[start & mask] = NaN;
    }
    const sum = best[size & mask];
    best[size & mask] = NaN;
    const { pieces, hasUnknown } = this.collect(last, size);
    return { pieces, hasUnknown, sum };
  }

  /** The tokens on the way to the end of a word. */
  private collect(last: Int32Array, size: number): Omit<Cut, 'sum'> {
    const { tokens, unknown } = this;
    let count = 0;
    for (let end = size; end > 0; count++) end -= last[end] < 0 ? -last[end] : tokens[last[end]].length;
    const ids = listOf(count);
    const starts = listOf(count);
    const ends = listOf(count);
    let hasUnknown = false;
    for (let end = size; end > 0;) {
      const id = last[end] < 0 ? unknown : last[end];
      const start = end - (last[end] < 0 ? -last[end] : tokens[id].length);
      if (id === unknown) hasUnknown = true;
      ids[--count] = id;
      starts[count] = start;
      ends[count] = end;
      end = start;
    }
    return { pieces: { ids, starts, ends }, hasUnknown };
  }
}

const MET = 1 << 10;

/** Tokens by their units, as one open-addressed table of a node and a unit to the node that follows. Most of a large vocabulary is never
 *  met: tokens wait by their first two units, and come into the table when a text has these. */
class Trie {
  private nodes = 1;
  private keys = new Float64Array(1 << 12).fill(-1);
  private children = new Int32Array(1 << 12);
  private ends = new Int32Array(1 << 11).fill(-1);
  /** Of the tokens that wait the last one with each beginning, and of each token the one before it with the same. */
  private readonly waiting = new Map<number, number>();
  private readonly before: number[] = [];
  /** Beginnings met of late, for which none waits. */
  private readonly met = new Float64Array(MET).fill(-1);

  /** `tokens`: by id, and may still grow. */
  constructor(private readonly tokens: readonly string[]) {}

  /** The last of the tokens: from now on it is known. */
  expect(token: number): void {
    const text = this.tokens[token];
    const key = beginning(text, 0);
    this.before.push(this.waiting.get(key) ?? -1);
    if (text.length === 1) this.add(text, token);
    else this.waiting.set(key, token);
  }

  /** To be called before a walk that begins with a unit of the text. */
  open(text: string, at: number): void {
    const key = beginning(text, at);
    const slot = (key ^ (key >>> 14)) & (MET - 1);
    if (this.met[slot] === key) return;
    this.met[slot] = key;
    const last = this.waiting.get(key);
    if (last === undefined) return;
    this.waiting.delete(key);
    for (let token = last; token >= 0; token = this.before[token]) this.add(this.tokens[token], token);
  }

  /** Of tokens with one text the last counts. */
  private add(text: string, token: number): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const key = node * 0x10000 + text.charCodeAt(i);
      let slot = this.slot(key);
      if (this.keys[slot] < 0) {
        if (2 * this.nodes >= this.keys.length) {
          this.grow();
          slot = this.slot(key);
        }
        this.keys[slot] = key;
        this.children[slot] = this.nodes++;
      }
      node = this.children[slot];
    }
    if (this.ends[node] < token) this.ends[node] = token;
  }

  /** The node after `node` by way of `unit`, -1 if there is none. */
  child(node: number, unit: number): number {
    const slot = this.slot(node * 0x10000 + unit);
    return this.keys[slot] < 0 ? -1 : this.children[slot];
  }

  /** The token that ends at the node, -1 if there is none. */
  token(node: number): number {
    return this.ends[node];
  }

  private slot(key: number): number {
    const mask = this.keys.length - 1;
    const node = Math.floor(key / 0x10000);
    const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(key - node * 0x10000, 0x85ebca6b);
    let slot = (mixed ^ (mixed >>> 15)) & mask;
    while (this.keys[slot] >= 0 && this.keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const { keys, children, ends } = this;
    this.keys = new Float64Array(2 * keys.length).fill(-1);
    this.children = new Int32Array(2 * keys.length);
    this.ends = new Int32Array(keys.length).fill(-1);
    this.ends.set(ends);
    keys.forEach((key, i) => {
      if (key < 0) return;
      const slot = this.slot(key);
      this.keys[slot] = key;
      this.children[slot] = children[i];
    });
  }
}

/** The two units from a place on, as a number; the second is 0 where there is none. */
function beginning(text: string, at: number): number {
  return text.charCodeAt(at) * 0x10000 + (at + 1 < text.length ? text.charCodeAt(at + 1) : 0);
}
