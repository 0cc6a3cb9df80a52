// The languages of a translation model: tokens of its tokenizer, one of which stands before or behind each text.
import type { Tokenizer } from '../io/tokenizer';
import { invalid } from './inputs';
import type { Prompts } from './prompts';
import type { TransformerGenerateOptions } from './transformer';

/** "fr_XX" of mBART, "fra_Latn" of NLLB, "__fr__" of M2M-100. */
const LANGUAGE = /^([a-z]{2,3}_[A-Z][A-Za-z]{1,3}|__[a-z]{2,3}__)$/;
/** So many are named where one is not known. */
const SHOWN = 12;

/** The token of a language, which M2M-100 has between underscores. Throws INVALID_ARGUMENT, naming the option. */
function languageId(tokenizer: Tokenizer, option: 'srcLang' | 'tgtLang', language: unknown): number {
  if (typeof language !== 'string') return invalid(`${option} must be a language as the tokenizer names it, a text`);
  for (const token of [language, `__${language}__`]) {
    const id = LANGUAGE.test(token) ? tokenizer.tokenToId(token) : undefined;
    if (id !== undefined) return id;
  }
  const all = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.idToToken(id)).filter(
    (token): token is string => token !== undefined && LANGUAGE.test(token),
  );
  if (all.length === 0)
    return invalid(`${option} is for models of several languages, which this tokenizer has no tokens for`);
  const names = all.map((token) => token.replaceAll(/^__|__$/g, ''));
  const alike = names.filter((name) => name.slice(0, 2) === language.slice(0, 2).toLowerCase());
  const shown = (alike.length > 0 ? alike : names).slice(0, SHOWN);
  return invalid(
    `${option} '${language}' is no language of this tokenizer: it has ${shown.join(', ')}${shown.length < names.length ? ` and others (${names.length} in all)` : ''}`,
  );
}

/** The options with `tgtLang` as the first token. Throws INVALID_ARGUMENT, NO_TOKENIZER. */
export function inTarget(
  model: { readonly tokenizer: Tokenizer },
  options: TransformerGenerateOptions,
): TransformerGenerateOptions {
  if (options.tgtLang === undefined) return options;
  if (options.forcedBosTokenId !== undefined)
    invalid('tgtLang and forcedBosTokenId both say the first token: give one of them');
  return { ...options, forcedBosTokenId: languageId(model.tokenizer, 'tgtLang', options.tgtLang) };
}

/** Encodes texts of another language than the one whose token the tokenizer adds to them. Throws INVALID_ARGUMENT. */
export function encoderOf(tokenizer: Tokenizer, sources: Prompts, language: unknown): (text: string) => Int32Array {
  const [first] = Array.isArray(sources) ? (sources as unknown[]) : [sources];
  if (typeof first !== 'string') invalid('srcLang is for texts: ids have the token of their language among them');
  const id = languageId(tokenizer, 'srcLang', language);
  const frame = tokenizer.encode('').ids;
  const at = frame.findIndex((special) => LANGUAGE.test(tokenizer.idToToken(special) ?? ''));
  if (at < 0) invalid('srcLang: this tokenizer adds no language to its texts; leave it out');
  return (text) => {
    const ids = Int32Array.from(tokenizer.encode(text).ids);
    ids[at === 0 ? 0 : ids.length - frame.length + at] = id;
    return ids;
  };
}
