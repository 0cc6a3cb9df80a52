// SentencePiece's normalisation, exactly: the longest match of its character map at every place, and its rule for spaces.

import { AlignedBuilder, type Aligned } from './aligned.js';
import { asArray, asFlag, asString, type JsonObject } from './json.js';
import type { Normalizer } from './normalizer.js';
import { PrecompiledMap } from './precompiled.js';

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
  /** Printable ASCII that no kept text begins with. */
  const stays = Uint8Array.from({ length: 0x80 }, (_, code) =>
    leavesAscii && code >= 0x20 && code < 0x7f && !kept.begin(String.fromCharCode(code)) ? 1 : 0,
  );

  return (source) => {
    const { text } = source;
    if (leavesAscii && PRINTABLE.test(text) && !(removes && /^ | {2}| $/.test(text))) return source;
    const result = new Edits(source);
    let afterSpace = removes;
    for (let at = 0; at < text.length;) {
      const plain = plainEnd(text, at);
      if (plain > at) {
        result.keep((at = plain));
        afterSpace = removes && text[at - 1] === ' ';
      }
      const skip = kept.lengthAt(text, at);
      const found = skip > 0 ? undefined : map?.longestAt(text, at);
      const end = skip > 0 ? at + skip : (found?.end ?? nextCharacter(text, at));
      if (found) {
        const fresh = afterSpace ? found.text.replace(/^ +/, '') : found.text;
        result.replace(end, fresh);
        if (fresh !== '') afterSpace = removes && fresh.endsWith(' ');
      } else {
        // at the beginning of a kept text too, but not within it
        let spaces = at;
        while (afterSpace && spaces < end && text[spaces] === ' ') spaces++;
        if (spaces > at) result.drop(spaces);
        if (end > spaces) {
          result.keep(end);
          afterSpace = removes && text[end - 1] === ' ';
        }
      }
      at = end;
    }
    return result.finish(removes);
  };

  /** Where the plain text ends that stays as it is, less its last character, which may belong to what follows. */
  function plainEnd(text: string, at: number): number {
    let end = at;
    for (; end + 1 < text.length; end++) {
      const code = text.charCodeAt(end);
      const next = text.charCodeAt(end + 1);
      if (next < 0x20 || next >= 0x7f || stays[code] !== 1) break;
      if (removes && code === 0x20 && (end === at || next === 0x20)) break;
    }
    return end;
  }
}

function nextCharacter(text: string, at: number): number {
  return at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
}

/** The edits of a text from left to right. */
class Edits {
  private readonly text: string;
  private readonly builder: AlignedBuilder;
  /** Units [done, at) stay as they are; what is before is built. */
  private done = 0;
  private at = 0;
  /** Characters beyond those that they replace. They share the span of the last one before the next that stays: the reference has it so. */
  private extra = '';

  constructor(source: Aligned) {
    this.text = source.text;
    this.builder = new AlignedBuilder(source);
  }

  /** Everything up to `to` stays. */
  keep(to: number): void {
    if (this.extra !== '') this.settle();
    this.at = to;
  }

  /** Leaves out everything up to `to`. */
  drop(to: number): void {
    if (this.extra === '') this.settle();
    this.done = this.at = to;
  }

  /** Puts `fresh` in the place of everything up to `to`, a character in the place of another one. */
  replace(to: number, fresh: string): void {
    let next = 0;
    while (next < fresh.length && this.at < to) {
      this.settle();
      const char = fresh.slice(next, nextCharacter(fresh, next));
      const end = nextCharacter(this.text, this.at);
      if (char.length === end - this.at) this.builder.keep(char, this.at);
      else this.builder.insert(char, this.at, end);
      this.done = this.at = end;
      next += char.length;
    }
    if (this.at < to) this.drop(to);
    this.extra += fresh.slice(next);
  }

  finish(trimsEnd: boolean): Aligned {
    this.settle();
    if (trimsEnd) this.builder.trimEnd();
    return this.builder.finish();
  }

  private settle(): void {
    const { text, builder, done, at } = this;
    if (this.extra !== '') {
      builder.insert(this.extra, at - (at > 1 && text.codePointAt(at - 2)! > 0xffff ? 2 : 1), at);
      this.extra = '';
    } else if (done < at) {
      builder.keep(text.slice(done, at), done);
    }
    this.done = at;
  }
}

/** Texts to pass over, longest first. */
class KeptTexts {
  private readonly byFirst = new Map<string, string[]>();

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      if (text === '') continue;
      const first = text.slice(0, nextCharacter(text, 0));
      const list = this.byFirst.get(first);
      if (list) list.push(text);
      else this.byFirst.set(first, [text]);
    }
    for (const list of this.byFirst.values()) list.sort((a, b) => b.length - a.length);
  }

  /** Whether any begins with the character. */
  begin(char: string): boolean {
    return this.byFirst.has(char);
  }

  /** Units of the longest text that is at `at`, 0 if none is. */
  lengthAt(text: string, at: number): number {
    if (this.byFirst.size === 0) return 0;
    const list = this.byFirst.get(text.slice(at, nextCharacter(text, at)));
    return list?.find((kept) => text.startsWith(kept, at))?.length ?? 0;
  }
}
