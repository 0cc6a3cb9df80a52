// The Unigram model: the cut of a word into tokens whose scores have the greatest sum, found in one pass from left to right.

import { asArray, asFlag, asId, invalidTokenizer, type JsonObject } from './json.js';
import { PieceList, fallbackBytes, type Pieces, type WordModel } from './pieces.js';

/** What a character that no token covers costs, beside the lowest score. */
const UNKNOWN_PENALTY = 10;

/** Builds a `model` entry of type Unigram. */
export function createUnigram(config: JsonObject, where: string): WordModel {
  const entries = asArray(config.vocab, `${where}.vocab`);
  if (entries.length === 0) return invalidTokenizer(`${where}.vocab`, 'the vocabulary is empty');
  const isSentencePiece = asFlag(config.single_precision, false, `${where}.single_precision`);
  const ids = new Map<string, number>();
  const scores = new Float64Array(entries.length);
  const tokens = entries.map((entry, i) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || typeof entry[1] !== 'number') {
      return invalidTokenizer(`${where}.vocab[${i}]`, 'expected a token and its score');
    }
    scores[i] = isSentencePiece ? entry[1] : asReadFrom(entry[1]);
    ids.set(entry[0], i);
    return entry[0];
  });
  const unknown = asId(config.unk_id, `${where}.unk_id`);
  if (unknown >= tokens.length) {
    return invalidTokenizer(`${where}.unk_id`, `${unknown} is beyond the vocabulary of ${tokens.length} tokens`);
  }
  const fallback = asFlag(config.byte_fallback, false, `${where}.byte_fallback`);
  const least = scores.reduce((a, b) => Math.min(a, b), Infinity) - UNKNOWN_PENALTY;
  scores[unknown] = isSentencePiece ? Math.fround(least) : least;
  const room = isSentencePiece ? singleRoom : doubleRoom;
  /** The sum of scores up to the word. */
  let before = 0;
  let trie: Trie | null = null;

  return {
    tokenToId: ids,
    unknownToken: tokens[unknown],
    verbatimId: unknown,
    ...(isSentencePiece ? { begin: () => void (before = 0) } : {}),
    encode(word): Pieces {
      if (!trie) {
        trie = new Trie();
        for (const [token, id] of ids) trie.add(token, id);
      }
      const path = bestPath(word, trie, scores, unknown, room(word.length), before);
      if (isSentencePiece) before = path.sum;
      return collect(word, path);
    },
  };

  function collect(word: string, { ends, found }: Path): Pieces {
    const pieces = new PieceList();
    for (let i = 0, start = 0; i < ends.length; i++) {
      let end = ends[i];
      let id = found[i];
      // Neighbouring unknown characters are one token, whose text is looked up once more.
      if (id === unknown) {
        while (found[i + 1] === unknown) end = ends[++i];
        const text = word.slice(start, end);
        id = ids.get(text) ?? unknown;
        const bytes = fallback && !ids.has(text) ? fallbackBytes(text, ids) : null;
        if (bytes) for (const byte of bytes) pieces.add(byte, start, end);
        else pieces.add(id, start, end);
      } else {
        pieces.add(id, start, end);
      }
      start = end;
    }
    return pieces;
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

/** Tokens of a word: where each ends, and which it is. */
interface Path {
  ends: Int32Array;
  found: Int32Array;
  /** The sum of scores up to the word's end. */
  sum: number;
}

/** For every place in a word: the best sum of scores up to it, where the token that ends there begins, and which it is. */
interface Room {
  best: Float64Array | Float32Array;
  from: Int32Array;
  last: Int32Array;
}

const SCRATCH = 256;
const doubleRoom = rooms(Float64Array);
/**
 * SentencePiece adds scores in single precision, from the beginning of the text on: what was added before a word then decides between
 * cuts of the same tokens in other orders.
 */
const singleRoom = rooms(Float32Array);

/** Short words share one room. */
function rooms(Sums: typeof Float64Array | typeof Float32Array): (size: number) => Room {
  const roomFor = (size: number): Room => ({
    best: new Sums(size + 2), // the last one is for adding
    from: new Int32Array(size + 1),
    last: new Int32Array(size + 1),
  });
  const scratch = roomFor(SCRATCH);
  return (size) => (size <= SCRATCH ? scratch : roomFor(size));
}

/** Of two cuts with one sum, that counts whose last token is the longer one. */
function bestPath(
  word: string,
  trie: Trie,
  scores: Float64Array,
  unknown: number,
  { best, from, last }: Room,
  before: number,
): Path {
  const size = word.length;
  from.fill(-1, 0, size + 1);
  best[0] = before;
  const offer = (start: number, end: number, id: number): void => {
    best[size + 1] = scores[id] + best[start];
    const score = best[size + 1]; // in the sums' own precision
    if (from[end] >= 0 && score <= best[end]) return;
    best[end] = score;
    from[end] = start;
    last[end] = id;
  };
  for (let start = 0; start < size;) {
    const width = word.codePointAt(start)! > 0xffff ? 2 : 1;
    let isCovered = false;
    for (let node = 0, end = start; end < size;) {
      node = trie.child(node, word.charCodeAt(end++));
      if (node < 0) break;
      const id = trie.token(node);
      if (id < 0) continue;
      offer(start, end, id);
      if (end === start + width) isCovered = true;
    }
    if (!isCovered) offer(start, start + width, unknown);
    start += width;
  }
  let count = 0;
  for (let end = size; end > 0; end = from[end]) count++;
  const path: Path = { ends: new Int32Array(count), found: new Int32Array(count), sum: best[size] };
  for (let end = size; end > 0; end = from[end]) {
    path.ends[--count] = end;
    path.found[count] = last[end];
  }
  return path;
}

/** Tokens by their units, as one open-addressed table of a node and a unit to the node that follows. */
class Trie {
  private nodes = 1;
  private keys = new Float64Array(1 << 12).fill(-1);
  private children = new Int32Array(1 << 12);
  private tokens = new Int32Array(1 << 11).fill(-1);

  add(text: string, token: number): void {
    if (text === '') return;
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
    this.tokens[node] = token;
  }

  /** The node after `node` by way of `unit`, -1 if there is none. */
  child(node: number, unit: number): number {
    const slot = this.slot(node * 0x10000 + unit);
    return this.keys[slot] < 0 ? -1 : this.children[slot];
  }

  /** The token that ends at the node, -1 if there is none. */
  token(node: number): number {
    return this.tokens[node];
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
    const { keys, children, tokens } = this;
    this.keys = new Float64Array(2 * keys.length).fill(-1);
    this.children = new Int32Array(2 * keys.length);
    this.tokens = new Int32Array(keys.length).fill(-1);
    this.tokens.set(tokens);
    keys.forEach((key, i) => {
      if (key < 0) return;
      const slot = this.slot(key);
      this.keys[slot] = key;
      this.children[slot] = children[i];
    });
  }
}
