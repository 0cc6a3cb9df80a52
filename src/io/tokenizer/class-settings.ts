// What Python's tokenizer classes make of a tokenizer.json when they load it: tokens of tokenizer_config.json are added, some of its
// settings count for more than the file, and translation models put the language of their texts in. Where the configuration says
// nothing, the file counts.

import { asFlag, isObject, parts, type JsonObject } from './json.js';
import {
  boundsTemplate,
  languageOf,
  languageTemplate,
  ROLES,
  templateProcessor,
  type LanguageSet,
  type NamedTokens,
} from './template.js';

const LIKE_BERT = /^(Bert|ConvBert|DistilBert|Electra|Funnel|LayoutLM|Lxmert|MPNet|MobileBert|SqueezeBert)$/;
/** Whether classes add a beginning where the configuration is silent, but not of an end. */
const BEGINS: Readonly<Record<string, boolean>> = { CodeLlama: true, Gemma: true, GPTNeoX: false, Llama: true };
/** Classes whose texts have their language with them. */
const LANGUAGES: Readonly<Record<string, LanguageSet>> = {
  MBart: 'mbart',
  MBart50: 'mbart50',
  Nllb: 'nllb',
};

/** SentencePiece's. */
const SPACE = '\u2581';

/** tokenizer.json as its class has it.
 *  @param config tokenizer_config.json with special_tokens_map.json
 *  @throws INVALID_TOKENIZER */
export function withClassSettings(file: JsonObject, config: JsonObject, where: string): JsonObject {
  const added = addedTokens(file, config);
  const className = String(config.tokenizer_class).replace(/(Tokenizer)?(Fast)?$/, '');
  return {
    ...file,
    added_tokens: added ? [...added.values()] : file.added_tokens,
    normalizer: withNormalizerSettings(file.normalizer, config, className),
    pre_tokenizer: withPrefixSpace(file.pre_tokenizer, 'ByteLevel', config),
    post_processor:
      postProcessor(added, config, className, where) ??
      withPrefixSpace(file.post_processor, 'RobertaProcessing', config),
  };
}

type Added = ReadonlyMap<unknown, JsonObject>;

/** The added tokens by content, with the flags that the configuration gives them, and behind them what only it names: those of the
 *  vocabulary with their ids there, others with the ids behind all. Null if the file is not one of a tokenizer. */
function addedTokens({ added_tokens: stored, model }: JsonObject, config: JsonObject): Added | null {
  if (!Array.isArray(stored) || !stored.every(isObject) || !isObject(model)) return null;
  const decoder = isObject(config.added_tokens_decoder) ? Object.entries(config.added_tokens_decoder) : [];
  const named = decoder.sort(([a], [b]) => Number(a) - Number(b)).map(([, token]) => entryOf(token));
  const more = config.additional_special_tokens;
  const specials = [
    ...ROLES.map((role) => config[`${role}_token`]),
    ...(Array.isArray(more) ? (more as unknown[]) : []),
  ];
  const found = new Map(stored.map((token): [unknown, JsonObject] => [token.content, token]));
  for (const token of named) {
    const known = found.get(token.content);
    if (known) found.set(token.content, { ...known, ...token, special: known.special === true || token.special });
  }
  const idOf = idsOf(model, [...found.values()]);
  const special = new Set(specials.map(contentOf));
  for (const token of [...named, ...specials.map((value) => ({ ...entryOf(value), special: true }))]) {
    const { content } = token;
    if (typeof content !== 'string' || content === '' || found.has(content)) continue;
    found.set(content, { ...token, special: token.special || special.has(content), id: idOf(content) });
  }
  return found;
}

/** A token is a text or an object. */
function contentOf(token: unknown): unknown {
  return isObject(token) ? token.content : token;
}

function entryOf(token: unknown) {
  const {
    content,
    special,
    single_word = false,
    lstrip = false,
    rstrip = false,
    normalized,
  } = isObject(token) ? token : ({ content: token, special: true } as JsonObject);
  const isSpecial = special === true;
  return { content, special: isSpecial, single_word, lstrip, rstrip, normalized: normalized ?? !isSpecial };
}

/** Ids of texts: those of the vocabulary, for others the next ones. */
function idsOf({ vocab }: JsonObject, tokens: readonly JsonObject[]): (content: string) => unknown {
  // a Map: read in turns (large-json.ts)
  const byText = vocab instanceof Map ? (vocab as ReadonlyMap<unknown, unknown>) : null;
  const count = (): number =>
    byText?.size ?? (Array.isArray(vocab) ? vocab.length : isObject(vocab) ? Object.keys(vocab).length : 0);
  const behind = (): number =>
    tokens.reduce((most, { id }) => Math.max(most, typeof id === 'number' ? id + 1 : 0), count());
  let next: number | undefined;
  return (content) => {
    if (byText?.has(content)) return byText.get(content);
    if (isObject(vocab) && Object.hasOwn(vocab, content)) return vocab[content];
    const id = Array.isArray(vocab) ? vocab.findIndex((entry) => Array.isArray(entry) && entry[0] === content) : -1;
    if (id >= 0) return id;
    next ??= behind();
    return next++;
  };
}

function withNormalizerSettings(normalizer: unknown, config: JsonObject, className: string): unknown {
  const { add_prefix_space: prefix, legacy } = config;
  if (/Llama$/.test(className) && typeof prefix === 'boolean' && legacy !== false) {
    const all = parts(normalizer, 'normalizers', 'normalizer').map((part) => part.config);
    if (!all.some(({ type, content }) => type === 'Replace' && content === SPACE)) return normalizer;
    const others = all.filter(({ type }) => type !== 'Prepend');
    return { type: 'Sequence', normalizers: prefix ? [{ type: 'Prepend', prepend: SPACE }, ...others] : others };
  }
  if (!LIKE_BERT.test(className) || !isObject(normalizer) || normalizer.type !== 'BertNormalizer') return normalizer;
  const { do_lower_case, strip_accents, tokenize_chinese_chars } = config;
  const settings = { lowercase: do_lower_case, strip_accents, handle_chinese_chars: tokenize_chinese_chars };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return { ...normalizer, ...Object.fromEntries(given) };
}

/** A part of a type with `add_prefix_space`, where it is given. */
function withPrefixSpace(part: unknown, type: string, { add_prefix_space }: JsonObject): unknown {
  const isKnown = isObject(part) && part.type === type && typeof add_prefix_space === 'boolean';
  return isKnown ? { ...part, add_prefix_space } : part;
}

/** The class's own special tokens; null where the file's count. */
function postProcessor(added: Added | null, config: JsonObject, className: string, where: string): JsonObject | null {
  const tokens = namedTokens(added, config);
  if (Object.hasOwn(LANGUAGES, className)) {
    const set = LANGUAGES[className];
    const language = languageOf(set, config);
    if (language !== config.src_lang && tokens.id(language) === undefined) return null;
    return templateProcessor(languageTemplate(set, config), tokens, { language: [language] }, where);
  }
  const { add_bos_token: first, add_eos_token: last } = config;
  if (!Object.hasOwn(BEGINS, className) || (first === undefined && last === undefined)) return null;
  const bos = asFlag(first, BEGINS[className], 'tokenizer_config.json: add_bos_token');
  const eos = asFlag(last, false, 'tokenizer_config.json: add_eos_token');
  const isKnown = (role: string): boolean => tokens.id(tokens.token(role) ?? '') !== undefined;
  if ((bos && !isKnown('bos')) || (eos && !isKnown('eos'))) return null;
  return templateProcessor(boundsTemplate(bos, eos) ?? ['A', 'A B:1'], tokens, {}, where);
}

function namedTokens(added: Added | null, config: JsonObject): NamedTokens {
  return {
    token: (role) => {
      const content = contentOf(config[`${role}_token`] ?? (role === 'eos' ? '</s>' : '<s>'));
      return typeof content === 'string' ? content : undefined;
    },
    id: (content) => {
      const id = added?.get(content)?.id;
      return typeof id === 'number' ? id : undefined;
    },
  };
}
