// SentencePiece's precompiled character map: a double-array trie of UTF-8 prefixes and the texts that replace them.

import type { Characters } from './aligned.js';
import { byteOf, bytesOf, joinUnits, unitsOf } from './bytes.js';
import { characters, isBase } from './unicode.js';
import { asString, invalidTokenizer } from './json.js';

const REMEMBERED_CLUSTERS = 20_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

// Grapheme clusters short enough (under 6 bytes of UTF-8) to be looked up whole: a base with what extends it. Longer kinds (jamo,
// flags, emoji sequences, conjuncts) have 6 bytes and more in any case, so their exact boundaries do not matter.
const PREPENDED = '\\u0600-\\u0605\\u06DD\\u070F\\u0890\\u0891\\u08E2\\u0D4E';
const CLUSTER = new RegExp(
  `\\r\\n|[${PREPENDED}]*(?:[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\u2065\\uFFF0-\\uFFF8]|[\\u200D\\u200C${PREPENDED}])[\\u200D\\p{Gr_Ext}\\p{Emoji_Modifier}\\p{Mc}\\u0E33\\u0EB3]*|[^]`,
  'uy',
);

/** Where the cluster that begins at `at` ends. */
function clusterEnd(text: string, at: number): number {
  if (isAlone(text.charCodeAt(at), text.charCodeAt(at + 1))) return at + 1;
  CLUSTER.lastIndex = at;
  CLUSTER.test(text);
  return CLUSTER.lastIndex;
}

/** Most characters need no expression. `next` is NaN at the end of the text. */
function isAlone(unit: number, next: number): boolean {
  return (unit < 0x300 || isBase(unit)) && !(next >= 0x300 && !isBase(next)) && !(unit === 0x0d && next === 0x0a);
}

/** Builds the normaliser from the base64 text of tokenizer.json. */
export class PrecompiledMap {
  private readonly trie: Uint32Array;
  private readonly texts: Uint8Array;
  private readonly known = new Map<string, string | undefined>();
  /** Replacements by their place: as many as the map has, at most. */
  private readonly byPlace = new Map<number, string>();
  /** Printable ASCII is left alone, so plain text need not be looked up. */
  private readonly keepsAscii: boolean;

  /** `content`: the map's bytes, or their base64 text. */
  constructor(content: unknown, where: string) {
    const bytes = content instanceof Uint8Array ? content : fromBase64(content, where);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length >= 4 ? view.getUint32(0, true) : 0;
    if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length) {
      invalidTokenizer(where, 'the character map is truncated or damaged');
    }
    this.trie = new Uint32Array(size / 4);
    for (let i = 0; i < this.trie.length; i++) this.trie[i] = view.getUint32(4 + 4 * i, true);
    this.texts = bytes.subarray(4 + size);
    let keeps = true;
    for (let code = 0x20; code < 0x7f; code++) keeps &&= this.lookUp(String.fromCharCode(code)) === undefined;
    this.keepsAscii = keeps;
  }

  /** The result if every unit keeps its place, else null. */
  inPlace(text: string): string | null {
    if (this.keepsAscii && /^[ -~]*$/.test(text)) return text;
    let units: Uint16Array | null = null;
    for (let at = 0; at < text.length;) {
      const end = clusterEnd(text, at);
      const cluster = text.slice(at, end);
      const chars = end === at + 1 ? null : characters(cluster);
      if (chars && this.whole(cluster, chars.length) !== undefined) return null;
      const count = chars?.length ?? 1;
      for (let i = 0; i < count; i++) {
        const char = chars ? chars[i] : cluster;
        const content = this.find(char);
        if (content !== undefined) {
          const isOne = content.length === 1 || content.codePointAt(0)! > 0xffff;
          if (content.length !== char.length || !isOne) return null;
          units ??= unitsOf(text);
          for (let k = 0; k < char.length; k++) units[at + k] = content.charCodeAt(k);
        }
        at += char.length;
      }
    }
    return units ? joinUnits(units) : text;
  }

  normalize(text: Characters): void {
    const next: string[] = [];
    const changes: number[] = [];
    const replace = (old: number, content: string): void => {
      const fresh = characters(content);
      const extra = fresh.length - old;
      for (const char of fresh) {
        next.push(char);
        changes.push(0);
      }
      if (extra < 0 && changes.length > 0) changes[changes.length - 1] += extra;
      for (let i = 0; i < extra && i < changes.length; i++) changes[changes.length - 1 - i] = 1;
    };
    let modified = false;
    const old = text.text;
    for (let at = 0, end = 0; at < old.length; at = end) {
      end = clusterEnd(old, at);
      const cluster = old.slice(at, end);
      const chars = characters(cluster);
      const whole = this.whole(cluster, chars.length);
      if (whole !== undefined) {
        modified = true;
        replace(chars.length, whole);
        continue;
      }
      for (const char of chars) {
        const content = this.find(char);
        if (content === undefined) {
          next.push(char);
          changes.push(0);
        } else {
          modified = true;
          replace(1, content);
        }
      }
    }
    if (modified) text.transform(next, changes);
  }

  /** What a cluster of several characters becomes as a whole. */
  private whole(cluster: string, length: number): string | undefined {
    return length > 1 && encoder.encode(cluster).length < 6 ? this.find(cluster) : undefined;
  }

  /** Whether text of printable ASCII is left alone as a whole: no text of two such characters starts an entry either. */
  get keepsAsciiRuns(): boolean {
    if (!this.keepsAscii) return false;
    for (let first = 0x20; first < 0x7f; first++) {
      const node = this.step(offsetOf(this.trie[0]), first);
      if (node === undefined) continue;
      for (let second = 0x20; second < 0x7f; second++) if (this.step(node, second) !== undefined) return false;
    }
    return true;
  }

  /** The longest entry that the text from `at` on starts with: where it ends, and its replacement. */
  longestAt(text: string, at: number): { end: number; text: string } | undefined {
    let node: number | undefined = offsetOf(this.trie[0]);
    let end = at;
    let place = 0;
    for (let i = at; i < text.length && node !== undefined;) {
      const code = text.codePointAt(i)!;
      if (code === 0) break;
      i += code > 0xffff ? 2 : 1;
      let value: number | undefined;
      const count = bytesOf(code);
      for (let k = 0; k < count && node !== undefined; k++) {
        const byte = byteOf(code, count, k);
        const unit: number | undefined = this.unit(node, byte);
        node = unit === undefined ? undefined : node ^ byte ^ offsetOf(unit);
        if (k === count - 1 && node !== undefined && hasLeaf(unit!)) value = this.trie[node];
      }
      if (value !== undefined) {
        end = i;
        place = value & 0x7fffffff;
      }
    }
    return end > at ? { end, text: this.placed(place) } : undefined;
  }

  /** The node below `node` that `byte` leads to. */
  private step(node: number, byte: number): number | undefined {
    const unit = this.unit(node, byte);
    return unit === undefined ? undefined : node ^ byte ^ offsetOf(unit);
  }

  private unit(node: number, byte: number): number | undefined {
    const unit: number | undefined = this.trie[node ^ byte];
    return unit === undefined || (unit & 0x800000ff) >>> 0 !== byte ? undefined : unit;
  }

  private textAt(place: number): string {
    const stop = this.texts.indexOf(0, place);
    return decoder.decode(this.texts.subarray(place, stop < 0 ? this.texts.length : stop));
  }

  private placed(place: number): string {
    let text = this.byPlace.get(place);
    if (text === undefined) this.byPlace.set(place, (text = this.textAt(place)));
    return text;
  }

  private find(key: string): string | undefined {
    if (this.known.has(key)) return this.known.get(key);
    const found = this.lookUp(key);
    if (this.known.size >= REMEMBERED_CLUSTERS) this.known.clear();
    this.known.set(key, found);
    return found;
  }

  /** The replacement of the shortest prefix of `key` in the map (as the reference has it, also where only a part matches). */
  private lookUp(key: string): string | undefined {
    let node = offsetOf(this.trie[0]);
    for (const byte of encoder.encode(key)) {
      if (byte === 0) return undefined;
      const unit = this.unit(node, byte);
      if (unit === undefined) return undefined;
      node ^= byte ^ offsetOf(unit);
      if (hasLeaf(unit)) return this.textAt((this.trie[node] ?? 0) & 0x7fffffff);
    }
    return undefined;
  }
}

function fromBase64(text: unknown, where: string): Uint8Array {
  try {
    return Uint8Array.from(atob(asString(text, where)), (char) => char.charCodeAt(0));
  } catch (error) {
    return invalidTokenizer(where, 'not valid base64', error);
  }
}

/** Whether an entry ends here; its value is in the unit below. */
function hasLeaf(unit: number): boolean {
  return ((unit >>> 8) & 1) === 1;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
