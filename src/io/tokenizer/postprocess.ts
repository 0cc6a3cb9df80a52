// The post-processors of tokenizer.json: where special tokens go, which segment each token belongs to, which spaces offsets skip.

import { BYTE_SPACE } from './bytes.js';
import {
  asArray,
  asFlag,
  asId,
  asObject,
  asString,
  invalidTokenizer,
  isObject,
  parts,
  type JsonObject,
} from './json.js';

/** One entry of a template: a special token, or the tokens of the first (0) or second (1) text. */
type TemplateItem = { id: number; token: string; type: number } | { sequence: 0 | 1; type: number };

export interface PostProcessing {
  single: readonly TemplateItem[];
  pair: readonly TemplateItem[];
  /** One entry for each time white space is cut from the offsets: whether a first token keeps one space that was inserted. */
  trims: readonly { prefixSpace: boolean }[];
}

/** Compiles the `post_processor` entry.
 *  @param isTyped whether the segments that it names count; else all of them are 0 */
export function compilePostProcessor(config: unknown, where: string, isTyped: boolean): PostProcessing {
  const trims: { prefixSpace: boolean }[] = [];
  let templates: Pick<PostProcessing, 'single' | 'pair'> | null = null;
  for (const part of parts(config, 'processors', where)) {
    const { type } = part.config;
    if (type === 'ByteLevel' || type === 'RobertaProcessing') {
      if (asFlag(part.config.trim_offsets, true, `${part.where}.trim_offsets`)) {
        trims.push({ prefixSpace: asFlag(part.config.add_prefix_space, true, `${part.where}.add_prefix_space`) });
      }
    }
    if (type === 'ByteLevel') continue;
    if (templates) return invalidTokenizer(part.where, 'only one post-processor may add special tokens');
    templates = readTemplates(part.config, part.where);
  }
  const { single, pair } = templates ?? PLAIN;
  const typed = (item: TemplateItem): TemplateItem => (isTyped ? item : { ...item, type: 0 });
  return { single: single.map(typed), pair: pair.map(typed), trims };
}

const first: TemplateItem = { sequence: 0, type: 0 };
const PLAIN = { single: [first], pair: [first, { sequence: 1, type: 1 }] } as const;

function readTemplates(config: JsonObject, where: string): Pick<PostProcessing, 'single' | 'pair'> {
  switch (config.type) {
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const cls = readPair(config.cls, `${where}.cls`);
      const sep = readPair(config.sep, `${where}.sep`);
      const single: TemplateItem[] = [{ ...cls, type: 0 }, first, { ...sep, type: 0 }];
      // RoBERTa has no second segment, and a doubled separator between the texts.
      return config.type === 'BertProcessing'
        ? { single, pair: [...single, { sequence: 1, type: 1 }, { ...sep, type: 1 }] }
        : { single, pair: [...single, { ...sep, type: 0 }, { sequence: 1, type: 0 }, { ...sep, type: 0 }] };
    }
    case 'TemplateProcessing':
      return {
        single: readTemplate(config.single, config.special_tokens, `${where}.single`),
        pair: readTemplate(config.pair, config.special_tokens, `${where}.pair`),
      };
    default:
      return invalidTokenizer(where, `unknown post-processor type ${JSON.stringify(config.type)}`);
  }
}

function readPair(value: unknown, where: string): { id: number; token: string } {
  const [token, id] = asArray(value, where);
  return { id: asId(id, `${where}[1]`), token: asString(token, `${where}[0]`) };
}

function readTemplate(value: unknown, specials: unknown, where: string): TemplateItem[] {
  return asArray(value, where).flatMap((entry, i): TemplateItem[] => {
    const at = `${where}[${i}]`;
    const item = asObject(entry, at);
    if (isObject(item.Sequence)) {
      const { id, type_id: type } = item.Sequence;
      if (id !== 'A' && id !== 'B') return invalidTokenizer(at, `unknown sequence ${JSON.stringify(id)}`);
      return [{ sequence: id === 'A' ? 0 : 1, type: asId(type, `${at}.type_id`) }];
    }
    const special = asObject(item.SpecialToken, `${at}.SpecialToken`);
    const name = asString(special.id, `${at}.SpecialToken.id`);
    const type = asId(special.type_id, `${at}.SpecialToken.type_id`);
    const defined = isObject(specials) ? specials[name] : undefined;
    if (!isObject(defined))
      return invalidTokenizer(at, `special token ${JSON.stringify(name)} is not in special_tokens`);
    const tokens = asArray(defined.tokens, `${at} tokens`);
    return asArray(defined.ids, `${at} ids`).map((id, k) => ({
      id: asId(id, `${at} ids[${k}]`),
      token: asString(tokens[k], `${at} tokens[${k}]`),
      type,
    }));
  });
}

/** Moves `[start, end)` past the white space that the token's text begins and ends with. `index`: the token's place in its part. */
export function trimOffsets(
  text: string,
  token: string,
  index: number,
  start: number,
  end: number,
  prefixSpace: boolean,
): [number, number] {
  const chars = Array.from(token);
  const isSpace = (char: string): boolean => char === BYTE_SPACE || /\p{White_Space}/u.test(char);
  let leading = 0;
  while (leading < chars.length && isSpace(chars[leading])) leading++;
  let trailing = 0;
  while (trailing < chars.length && isSpace(chars[chars.length - 1 - trailing])) trailing++;
  if (leading > 0) {
    // A single space before the first token was inserted, so it has no place in the text.
    if (prefixSpace && leading === 1 && (index === 0 || start === 0)) leading = 0;
    start = Math.min(forward(text, start, leading), end);
  }
  if (trailing > 0) end = Math.max(backward(text, end, trailing), start);
  return [start, end];
}

/** `count` characters after unit `at`. */
function forward(text: string, at: number, count: number): number {
  for (; count > 0; count--) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

/** `count` characters before unit `at`; `at` itself if there are not as many (as in the reference). */
function backward(text: string, at: number, count: number): number {
  let to = at;
  for (; count > 0; count--) {
    if (to <= 0) return at;
    to -= to > 1 && text.codePointAt(to - 2)! > 0xffff ? 2 : 1;
  }
  return to;
}
