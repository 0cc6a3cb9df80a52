// SentencePiece's normalisation, exactly: the longest match of its character map at every place, and its rule for spaces.

import { Characters } from './aligned.js';
import { asArray, asFlag, asString, type JsonObject } from './json.js';
import type { Normalizer } from './normalizer.js';
import { PrecompiledMap } from './precompiled.js';
import { characters } from './unicode.js';

const PRINTABLE = /^[ -~]*$/;

/**
 * Compiles a normalizer of type SentencePiece, which no tokenizer.json has:
 * - `precompiled_charsmap`: the map's bytes, empty for none
 * - `remove_extra_whitespaces`: of neighbouring spaces one stays, of those at the ends none
 * - `kept`: texts that are not normalised (user-defined symbols)
 */
export function sentencePieceNormalizer(config: JsonObject, where: string): Normalizer {
  const bytes = config.precompiled_charsmap;
  const map =
    bytes instanceof Uint8Array && bytes.length === 0
      ? null
      : new PrecompiledMap(bytes, `${where}.precompiled_charsmap`);
  const removes = asFlag(config.remove_extra_whitespaces, true, `${where}.remove_extra_whitespaces`);
  const kept = new KeptTexts(
    asArray(config.kept ?? [], `${where}.kept`).map((text) => asString(text, `${where}.kept`)),
  );
  const leavesAscii = map === null || map.keepsAsciiRuns;

  return (source) => {
    const { text } = source;
    if (leavesAscii && PRINTABLE.test(text) && !(removes && /^ | {2}| $/.test(text))) return source;
    const chars = new Characters({ source, from: 0, to: text.length });
    normalize(chars);
    return chars.finish();
  };

  function normalize(text: Characters): void {
    const { list } = text;
    const result = new Replacements();
    let afterSpace = removes;
    for (let i = 0; i < list.length;) {
      const skip = kept.lengthAt(list, i);
      const found = skip > 0 ? undefined : map?.longestAt(list, i);
      const count = skip > 0 ? skip : (found?.count ?? 1);
      if (found) {
        let fresh = characters(found.text);
        if (afterSpace) {
          let spaces = 0;
          while (fresh[spaces] === ' ') spaces++;
          if (spaces > 0) fresh = fresh.slice(spaces);
        }
        result.replace(count, fresh);
        if (fresh.length > 0) afterSpace = removes && fresh.at(-1) === ' ';
      } else {
        // at the beginning of a kept text too, but not within it
        let drops = afterSpace;
        for (let k = i; k < i + count; k++) {
          drops &&= list[k] === ' ';
          if (drops) {
            result.replace(1, []);
          } else {
            result.keep(list[k]);
            afterSpace = removes && list[k] === ' ';
          }
        }
      }
      i += count;
    }
    if (removes) result.trimEnd();
    result.applyTo(text);
  }
}

/** The edits of a text, in the form that Characters.transform takes. */
class Replacements {
  private readonly next: string[] = [];
  private readonly changes: number[] = [];
  private leading = 0;
  /** The last of `changes` that takes an old character's place. */
  private last = -1;

  keep(char: string): void {
    this.last = this.next.length;
    this.next.push(char);
    this.changes.push(0);
  }

  /** Puts `fresh` in the place of the next `old` characters. */
  replace(old: number, fresh: readonly string[]): void {
    for (let i = 0; i < fresh.length; i++) {
      if (i < old) this.keep(fresh[i]);
      else {
        this.next.push(fresh[i]);
        this.changes.push(1);
      }
    }
    const dropped = old - fresh.length;
    if (dropped <= 0) return;
    if (this.last < 0) this.leading += dropped;
    else this.changes[this.last] -= dropped;
  }

  trimEnd(): void {
    while (this.next.at(-1) === ' ') {
      this.next.pop();
      this.changes.pop();
    }
  }

  applyTo(text: Characters): void {
    text.transform(this.next, this.changes, this.leading);
  }
}

/** Texts to pass over, longest first. */
class KeptTexts {
  private readonly byFirst = new Map<string, string[][]>();

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const chars = characters(text);
      if (chars.length === 0) continue;
      const list = this.byFirst.get(chars[0]);
      if (list) list.push(chars);
      else this.byFirst.set(chars[0], [chars]);
    }
    for (const list of this.byFirst.values()) list.sort((a, b) => b.length - a.length);
  }

  /** Number of characters of the longest text that is at `at`, 0 if none is. */
  lengthAt(list: readonly string[], at: number): number {
    const found = this.byFirst.get(list[at])?.find((chars) => chars.every((char, i) => list[at + i] === char));
    return found?.length ?? 0;
  }
}
