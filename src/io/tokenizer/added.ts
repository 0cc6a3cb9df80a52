// Added tokens: texts such as [MASK] or <|endoftext|> that are cut out of the input before anything else sees it.

import { lazily, WORD_CLASS } from './unicode.js';
import { asArray, asFlag, asId, asObject, asString } from './json.js';

export interface AddedToken {
  id: number;
  content: string;
  /** Only where no word character touches it. */
  singleWord: boolean;
  /** Takes the white space before it along. */
  lstrip: boolean;
  /** Takes the white space after it along. */
  rstrip: boolean;
  /** Searched in the normalised text rather than in the original. */
  normalized: boolean;
  special: boolean;
}

/** Reads `added_tokens`. */
export function readAddedTokens(json: unknown, where: string): AddedToken[] {
  if (json === undefined || json === null) return [];
  return asArray(json, where).map((entry, i) => {
    const at = `${where}[${i}]`;
    const token = asObject(entry, at);
    const special = asFlag(token.special, false, `${at}.special`);
    return {
      id: asId(token.id, `${at}.id`),
      content: asString(token.content, `${at}.content`),
      singleWord: asFlag(token.single_word, false, `${at}.single_word`),
      lstrip: asFlag(token.lstrip, false, `${at}.lstrip`),
      rstrip: asFlag(token.rstrip, false, `${at}.rstrip`),
      normalized: asFlag(token.normalized, !special, `${at}.normalized`),
      special,
    };
  });
}

/** A stretch of text: an added token, or what lies between two. */
export interface Section {
  from: number;
  to: number;
  token: AddedToken | null;
}

const wordEnd = lazily(() => new RegExp(`[${WORD_CLASS}]$`, 'u'));
const wordStart = lazily(() => new RegExp(`^[${WORD_CLASS}]`, 'u'));
const SPACE = /\p{White_Space}/u;

/** Tokens by their units. */
interface Node {
  readonly next: Map<number, Node>;
  token: AddedToken | null;
}

/** Finds a set of added tokens in text: leftmost first, then longest. */
export class AddedTokenSplitter {
  private readonly candidates: RegExp | null;
  private readonly root: Node = { next: new Map(), token: null };

  /** `patterns` are the texts to look for: a token's content, normalised or not. Of two tokens with one text the first counts. */
  constructor(patterns: readonly { pattern: string; token: AddedToken }[]) {
    for (const { pattern, token } of patterns) {
      if (pattern === '') continue;
      let node = this.root;
      for (let i = 0; i < pattern.length; i++) {
        const unit = pattern.charCodeAt(i);
        let next = node.next.get(unit);
        if (!next) node.next.set(unit, (next = { next: new Map(), token: null }));
        node = next;
      }
      node.token ??= token;
    }
    const units = [...this.root.next.keys()].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`);
    // No `u` flag: single units are searched, and a match never starts inside a pair because the tokens themselves do not.
    this.candidates = units.length > 0 ? new RegExp(`[${units.join('')}]`, 'g') : null;
  }

  /** The longest token at a place of the text. */
  private longest(text: string, at: number): { token: AddedToken; end: number } | null {
    let found: { token: AddedToken; end: number } | null = null;
    let node: Node | undefined = this.root;
    for (let end = at; end < text.length;) {
      node = node.next.get(text.charCodeAt(end++));
      if (!node) break;
      if (node.token) found = { token: node.token, end };
    }
    return found;
  }

  /** The whole text as sections in order; none of them empty. */
  split(text: string): Section[] {
    const sections: Section[] = [];
    let done = 0;
    if (this.candidates) {
      const search = this.candidates;
      search.lastIndex = 0;
      while (search.test(text)) {
        const at = search.lastIndex - 1;
        const match = this.longest(text, at);
        if (!match) continue;
        const { token } = match;
        let from = at;
        let to = match.end;
        search.lastIndex = to;
        if (
          token.singleWord &&
          (wordEnd().test(text.slice(Math.max(0, from - 2), from)) || wordStart().test(text.slice(to, to + 2)))
        ) {
          continue;
        }
        // The reference goes on searching right behind the token, not behind the white space it took, so that a token that begins
        // with white space may be found once more in what another one took.
        if (token.lstrip) {
          while (from > done && SPACE.test(text[from - 1])) from--;
          from = Math.max(from, done);
        }
        if (token.rstrip) while (to < text.length && SPACE.test(text[to])) to++;
        if (from >= to) continue;
        if (from > done) sections.push({ from: done, to: from, token: null });
        sections.push({ from, to, token });
        done = to;
      }
    }
    if (done < text.length) sections.push({ from: done, to: text.length, token: null });
    return sections;
  }
}
