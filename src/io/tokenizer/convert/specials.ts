// Special and added tokens as the older files have them: roles, flags and ids from the configuration and added_tokens.json.

import { asFlag, asId, asObject, asString, isObject, type JsonObject } from '../json.js';
import { ROLES } from '../template.js';
import type { Family } from './families.js';

/** An entry of tokenizer.json's added_tokens. */
export interface AddedEntry {
  id: number;
  content: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

/** What stands beside a vocabulary. */
export interface SideFiles {
  /** What counts of tokenizer_config.json and special_tokens_map.json. */
  readonly config: JsonObject;
  /** added_tokens.json; null if there is none. */
  readonly added: JsonObject | null;
}

/** The tokens that a checkpoint adds to its vocabulary, and which of them have which role. */
export class AddedTokens {
  /** tokenizer_config.json's content, with the tokens of all roles. */
  readonly config: JsonObject;
  private readonly entries = new Map<string, AddedEntry>();
  private highest: number;

  /**
   * @param idOf id of a token of the vocabulary
   * @param highest the vocabulary's highest id: tokens without an id come behind it
   */
  constructor(
    family: Family,
    files: SideFiles,
    private readonly idOf: (token: string) => number | undefined,
    highest: number,
    /** What the vocabulary file itself marks: [token, id, is special]. */
    marked: readonly (readonly [token: string, id: number, special: boolean])[] = [],
  ) {
    this.highest = highest;
    const config: Record<string, unknown> = {};
    for (const role of ROLES) if (family.roles[role] !== undefined) config[`${role}_token`] = family.roles[role];
    Object.assign(config, files.config);
    this.config = config;
    for (const [content, id, special] of marked) this.set(entry(content, id, special));
    this.readStored(files);
    for (const role of ROLES) {
      const token = config[`${role}_token`];
      if (token === null || token === undefined) continue;
      this.addSpecial(token, `${role}_token`, role === 'mask' && family.maskStrips === true);
    }
    const more = config.additional_special_tokens;
    if (Array.isArray(more)) for (const token of more) this.addSpecial(token, 'additional_special_tokens', false);
  }

  /** The entries by id. */
  get list(): AddedEntry[] {
    return [...this.entries.values()].sort((a, b) => a.id - b.id);
  }

  /** The token of a role, undefined if there is none. */
  token(role: string): string | undefined {
    const token = this.config[`${role}_token`];
    const content = isObject(token) ? token.content : token;
    return typeof content === 'string' ? content : undefined;
  }

  /** Id of an added token or one of the vocabulary. */
  id(content: string): number | undefined {
    return this.entries.get(content)?.id ?? this.idOf(content);
  }

  /** Adds special tokens with consecutive ids, unless they are there. */
  addAll(tokens: readonly string[]): void {
    for (const token of tokens) this.addSpecial(token, 'added tokens', false);
  }

  private readStored({ config, added }: SideFiles): void {
    if (config.added_tokens_decoder !== undefined && config.added_tokens_decoder !== null) {
      const where = 'tokenizer_config.json: added_tokens_decoder';
      for (const [key, value] of Object.entries(asObject(config.added_tokens_decoder, where))) {
        const token = asObject(value, `${where}[${key}]`);
        const content = asString(token.content, `${where}[${key}].content`);
        this.set(withFlags(entry(content, asId(Number(key), where), asFlag(token.special, false, where)), token));
      }
      return;
    }
    if (!added) return;
    const special = new Set<string>();
    for (const value of Object.values(config).flat()) {
      const content = isObject(value) ? value.content : value;
      if (typeof content === 'string') special.add(content);
    }
    for (const [content, id] of Object.entries(added)) {
      this.set(entry(content, asId(id, `added_tokens.json: ${content}`), special.has(content)));
    }
  }

  private addSpecial(token: unknown, where: string, strips: boolean): void {
    const content = asString(isObject(token) ? token.content : token, where);
    const known = this.entries.get(content);
    if (known) {
      // the vocabulary's own mark says nothing of flags
      if (isObject(token)) this.set(withFlags({ ...known, special: true }, token));
      else known.special = true;
      return;
    }
    const id = this.idOf(content) ?? this.highest + 1;
    const fresh = entry(content, id, true);
    this.set(isObject(token) ? withFlags(fresh, token) : { ...fresh, lstrip: strips });
  }

  private set(token: AddedEntry): void {
    this.entries.set(token.content, token);
    this.highest = Math.max(this.highest, token.id);
  }
}

function entry(content: string, id: number, special: boolean): AddedEntry {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: !special, special };
}

function withFlags(token: AddedEntry, flags: JsonObject): AddedEntry {
  const flag = (key: 'single_word' | 'lstrip' | 'rstrip'): boolean => asFlag(flags[key], token[key], key);
  return {
    ...token,
    single_word: flag('single_word'),
    lstrip: flag('lstrip'),
    rstrip: flag('rstrip'),
    normalized: asFlag(flags.normalized, token.normalized, 'normalized'),
  };
}
