// Text on its way through normalisation, with the original span of every character.

import { grown } from './grown.js';
import { characters } from './unicode.js';

/**
 * Immutable normalised text. Unit `i` (UTF-16) came from original units `[starts[i], ends[i])`; without the arrays it is unit
 * `base + i` itself. Both halves of a surrogate pair share one span.
 */
export class Aligned {
  constructor(
    readonly text: string,
    readonly base: number,
    private readonly starts: Int32Array | null = null,
    private readonly ends: Int32Array | null = null,
    private readonly parent: Aligned | null = null,
    private readonly inserted = 0,
  ) {}

  /** First original unit behind unit `i`. */
  start(i: number): number {
    if (this.parent) return this.parent.start(this.base + Math.max(0, i - this.inserted));
    return this.starts ? this.starts[i] : this.base + i;
  }

  /** One past the last original unit behind unit `i`. */
  end(i: number): number {
    if (this.parent) {
      if (i >= this.inserted) return this.parent.end(this.base + i - this.inserted);
      const width = this.parent.text.codePointAt(this.base)! > 0xffff ? 2 : 1;
      return this.parent.end(this.base + width - 1);
    }
    return this.ends ? this.ends[i] : this.base + i + 1;
  }

  /**
   * Other text for the part of this one from unit `from` on: `inserted` new units, which share the first character's span, then
   * one unit for each of this text's. Spans are looked up here when asked for.
   */
  derive(text: string, from: number, inserted: number): Aligned {
    return new Aligned(text, from, null, null, this, inserted);
  }
}

/** Puts together a text from stretches of another one and from new ones. As long as nothing moves, there are no spans to store. */
export class AlignedBuilder {
  private readonly texts: string[] = [];
  private length = 0;
  private starts: Int32Array | null = null;
  private ends: Int32Array | null = null;

  constructor(private readonly source: Aligned) {}

  /** A text whose units stand for those of the source from `from` on. */
  keep(text: string, from: number): void {
    const { source, length } = this;
    this.texts.push(text);
    this.length += text.length;
    if (this.starts === null && from === length) return;
    const { starts, ends } = this.room(length);
    for (let i = 0; i < text.length; i++) {
      starts[length + i] = source.start(from + i);
      ends[length + i] = source.end(from + i);
    }
  }

  /** A text in the place of the source's units `[from, to)`, which are one character, or none at the very start. */
  insert(text: string, from: number, to: number): void {
    const { source, length } = this;
    const { starts, ends } = this.room(length, text.length);
    starts.fill(source.start(from), length, length + text.length);
    ends.fill(to > from ? source.end(to - 1) : source.start(from), length, length + text.length);
    this.texts.push(text);
    this.length += text.length;
  }

  /** A text with spans of its own. */
  add(part: Aligned): void {
    const { length } = this;
    const { starts, ends } = this.room(length, part.text.length);
    for (let i = 0; i < part.text.length; i++) {
      starts[length + i] = part.start(i);
      ends[length + i] = part.end(i);
    }
    this.texts.push(part.text);
    this.length += part.text.length;
  }

  /** Takes spaces off the end. */
  trimEnd(): void {
    for (let last = this.texts.pop(); last !== undefined; last = this.texts.pop()) {
      let end = last.length;
      while (end > 0 && last[end - 1] === ' ') end--;
      this.length -= last.length - end;
      if (end === 0) continue;
      this.texts.push(last.slice(0, end));
      return;
    }
  }

  finish(): Aligned {
    const { source, starts, ends } = this;
    const text = this.texts.join('');
    if (starts === null || ends === null) return text === source.text ? source : source.derive(text, 0, 0);
    return new Aligned(text, 0, starts.slice(0, text.length), ends.slice(0, text.length));
  }

  /** The arrays, with room behind what there is; at first they take the source's spans of the `kept` units that stayed in place. */
  private room(kept: number, more = 0): { starts: Int32Array; ends: Int32Array } {
    const { source } = this;
    const needed = this.length + more;
    if (this.starts === null || this.ends === null) {
      this.starts = new Int32Array(needed + source.text.length);
      this.ends = new Int32Array(needed + source.text.length);
      for (let i = 0; i < kept; i++) {
        this.starts[i] = source.start(i);
        this.ends[i] = source.end(i);
      }
    } else {
      this.starts = grown(this.starts, needed);
      this.ends = grown(this.ends, needed);
    }
    return { starts: this.starts, ends: this.ends };
  }
}

/** A part of a normalised text: one section, later one word. */
export interface Span {
  source: Aligned;
  from: number;
  to: number;
}

/**
 * Mutable form: one entry per character (code point). The edit operations and their alignment rules are those of the reference's
 * NormalizedString, including where a removed or inserted character leaves its neighbours.
 */
export class Characters {
  private chars: string[];
  private starts: number[];
  private ends: number[];

  constructor(span: Span) {
    const { source, from, to } = span;
    this.chars = characters(source.text.slice(from, to));
    const count = this.chars.length;
    this.starts = new Array<number>(count);
    this.ends = new Array<number>(count);
    for (let i = 0, unit = from; i < count; i++) {
      this.starts[i] = source.start(unit);
      unit += this.chars[i].length;
      this.ends[i] = source.end(unit - 1);
    }
  }

  get length(): number {
    return this.chars.length;
  }

  get text(): string {
    return this.chars.join('');
  }

  get list(): readonly string[] {
    return this.chars;
  }

  /** The immutable form, with spans per UTF-16 unit. */
  finish(): Aligned {
    const text = this.text;
    const starts = new Int32Array(text.length);
    const ends = new Int32Array(text.length);
    for (let i = 0, unit = 0; i < this.chars.length; i++) {
      for (let k = 0; k < this.chars[i].length; k++, unit++) {
        starts[unit] = this.starts[i];
        ends[unit] = this.ends[i];
      }
    }
    return new Aligned(text, 0, starts, ends);
  }

  /**
   * Replaces characters `[from, to)`. Each new character has a change: 0 takes the place of the next old one, 1 is inserted (and
   * shares the span of the old character before it), -n takes the next one's place and drops n more. `removed` old characters
   * are dropped first.
   */
  transform(
    next: readonly string[],
    changes: readonly number[],
    removed = 0,
    from = 0,
    to: number = this.chars.length,
  ): void {
    const starts = new Array<number>(next.length);
    const ends = new Array<number>(next.length);
    const last = this.chars.length - 1;
    let old = Math.min(from + removed, to);
    for (let i = 0; i < next.length; i++) {
      const change = changes[i];
      const at = Math.min(change > 0 ? old - 1 : old, last);
      starts[i] = at < 0 ? 0 : this.starts[at];
      ends[i] = at < 0 ? 0 : this.ends[at];
      if (change <= 0) old = Math.min(old + 1 - change, to);
    }
    if (from === 0 && to === this.chars.length) {
      this.chars = next.slice();
      this.starts = starts;
      this.ends = ends;
    } else {
      this.chars = [...this.chars.slice(0, from), ...next, ...this.chars.slice(to)];
      this.starts = [...this.starts.slice(0, from), ...starts, ...this.starts.slice(to)];
      this.ends = [...this.ends.slice(0, from), ...ends, ...this.ends.slice(to)];
    }
  }

  /** Keeps the characters for which `keep` holds; each keeps its own span. */
  filter(keep: (char: string, index: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.chars.length; i++) {
      if (!keep(this.chars[i], i)) continue;
      this.chars[kept] = this.chars[i];
      this.starts[kept] = this.starts[i];
      this.ends[kept++] = this.ends[i];
    }
    this.chars.length = this.starts.length = this.ends.length = kept;
  }

  /** Replaces each character by zero or more; the first takes its place, the others are inserted after it. */
  expand(replacement: (char: string) => string): void {
    const next: string[] = [];
    const changes: number[] = [];
    for (const char of this.chars) {
      const out = replacement(char);
      if (out === char) {
        next.push(char);
        changes.push(0);
        continue;
      }
      let change = 0;
      for (const piece of out) {
        next.push(piece);
        changes.push(change);
        change = 1;
      }
    }
    this.transform(next, changes);
  }

  /** Replaces every match of a global pattern; the new characters share the span of the last one replaced. */
  replaceAll(pattern: RegExp, content: string): void {
    const text = this.text;
    const inserted = characters(content);
    const next: string[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    let index = 0;
    let unit = 0;
    const copyUntil = (stop: number): void => {
      while (unit < stop) {
        next.push(this.chars[index]);
        starts.push(this.starts[index]);
        ends.push(this.ends[index]);
        unit += this.chars[index++].length;
      }
    };
    for (const match of text.matchAll(pattern)) {
      copyUntil(match.index);
      const stop = match.index + match[0].length;
      while (unit < stop) unit += this.chars[index++].length;
      for (const char of inserted) {
        next.push(char);
        starts.push(index > 0 ? this.starts[index - 1] : 0);
        ends.push(index > 0 ? this.ends[index - 1] : 0);
      }
    }
    copyUntil(text.length);
    this.chars = next;
    this.starts = starts;
    this.ends = ends;
  }
}
