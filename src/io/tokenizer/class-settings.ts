// What Python's tokenizer classes make of a tokenizer.json when they load it: some settings of tokenizer_config.json count for more
// than the file, and translation models put the language of their texts in. Where the configuration says nothing, the file counts.

import { asFlag, isObject, type JsonObject } from './json.js';
import { boundsTemplate, LANGUAGE_FIRST, LANGUAGE_LAST, templateProcessor, type NamedTokens } from './template.js';

const LIKE_BERT = /^(Bert|ConvBert|DistilBert|Electra|Funnel|LayoutLM|Lxmert|MPNet|MobileBert|SqueezeBert)$/;
/** Whether classes add a beginning where the configuration is silent, but not of an end. */
const BEGINS: Readonly<Record<string, boolean>> = { CodeLlama: true, Gemma: true, GPTNeoX: false, Llama: true };
/** The language of texts where none is named. */
const LANGUAGES: Readonly<Record<string, string>> = { MBart: 'en_XX', MBart50: 'en_XX', Nllb: 'eng_Latn' };

/** tokenizer.json as its class has it.
 *  @param config tokenizer_config.json with special_tokens_map.json
 *  @throws INVALID_TOKENIZER */
export function withClassSettings(json: JsonObject, config: JsonObject, where: string): JsonObject {
  const className = String(config.tokenizer_class).replace(/(Tokenizer)?(Fast)?$/, '');
  return {
    ...json,
    normalizer: LIKE_BERT.test(className) ? bertNormalizer(json.normalizer, config) : json.normalizer,
    pre_tokenizer: withPrefixSpace(json.pre_tokenizer, config),
    post_processor: postProcessor(json, config, className, where) ?? json.post_processor,
  };
}

function bertNormalizer(normalizer: unknown, config: JsonObject): unknown {
  if (!isObject(normalizer) || normalizer.type !== 'BertNormalizer') return normalizer;
  const { do_lower_case, strip_accents, tokenize_chinese_chars } = config;
  const settings = { lowercase: do_lower_case, strip_accents, handle_chinese_chars: tokenize_chinese_chars };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return { ...normalizer, ...Object.fromEntries(given) };
}

function withPrefixSpace(preTokenizer: unknown, { add_prefix_space }: JsonObject): unknown {
  const isKnown = isObject(preTokenizer) && preTokenizer.type === 'ByteLevel' && typeof add_prefix_space === 'boolean';
  return isKnown ? { ...preTokenizer, add_prefix_space } : preTokenizer;
}

/** The class's own special tokens; null where the file's count. */
function postProcessor(json: JsonObject, config: JsonObject, className: string, where: string): JsonObject | null {
  const { add_bos_token: bos, add_eos_token: eos } = config;
  if (Object.hasOwn(LANGUAGES, className)) {
    const language = typeof config.src_lang === 'string' ? config.src_lang : LANGUAGES[className];
    const isLast = className === 'MBart' || (className === 'Nllb' && config.legacy_behaviour === true);
    return templateProcessor(
      isLast ? LANGUAGE_LAST : LANGUAGE_FIRST,
      namedTokens(json, config),
      { language: [language] },
      where,
    );
  }
  if (!Object.hasOwn(BEGINS, className) || (bos === undefined && eos === undefined)) return null;
  const template = boundsTemplate(
    asFlag(bos, BEGINS[className], 'tokenizer_config.json: add_bos_token'),
    asFlag(eos, false, 'tokenizer_config.json: add_eos_token'),
  );
  return templateProcessor(template ?? ['A', 'A B:1'], namedTokens(json, config), {}, where);
}

function namedTokens({ added_tokens: added }: JsonObject, config: JsonObject): NamedTokens {
  const ids = new Map<unknown, unknown>();
  if (Array.isArray(added)) for (const token of added) if (isObject(token)) ids.set(token.content, token.id);
  return {
    token: (role) => {
      const token = config[`${role}_token`] ?? (role === 'eos' ? '</s>' : '<s>');
      const content = isObject(token) ? token.content : token;
      return typeof content === 'string' ? content : undefined;
    },
    id: (content) => {
      const id = ids.get(content);
      return typeof id === 'number' ? id : undefined;
    },
  };
}
