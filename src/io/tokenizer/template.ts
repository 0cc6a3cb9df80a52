// Templates of special tokens, as families of tokenizers have them, made into tokenizer.json's TemplateProcessing.

import { invalidTokenizer, type JsonObject } from './json.js';

/** `A` and `B` are the texts, other words roles whose token stands there; `:1` gives a type id. */
export type Template = readonly [single: string, pair: string];

/** Special tokens in the order in which classes add them. */
export const ROLES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;

/** Families of translation models, and the language of texts where no file names one. */
const USUAL_LANGUAGE = { mbart: 'en_XX', mbart50: 'en_XX', nllb: 'eng_Latn', m2m100: 'en' } as const;
export type LanguageSet = keyof typeof USUAL_LANGUAGE;

/** The language of texts. */
export function languageOf(set: LanguageSet, { src_lang: named }: JsonObject): string {
  return typeof named === 'string' ? named : USUAL_LANGUAGE[set];
}

/** The language stands before the text, in mBART and the first NLLB behind it. */
export function languageTemplate(set: LanguageSet, { legacy_behaviour: legacy }: JsonObject): Template {
  const isLast = set === 'mbart' || (set === 'nllb' && legacy === true);
  return isLast ? ['A eos language', 'A B eos language'] : ['language A eos', 'language A B eos'];
}

/** What add_bos_token and add_eos_token say; null: no special tokens. */
export function boundsTemplate(bos: boolean, eos: boolean): Template | null {
  if (!bos && !eos) return null;
  const single = `${bos ? 'bos ' : ''}A${eos ? ' eos' : ''}`;
  return [single, `${single} ${bos ? 'bos:1 ' : ''}B:1${eos ? ' eos:1' : ''}`];
}

/** Tokens by role, and their ids. */
export interface NamedTokens {
  token(role: string): string | undefined;
  id(content: string): number | undefined;
}

/** tokenizer.json's TemplateProcessing of a template; `named` has the tokens of words that are no role. */
export function templateProcessor(
  template: Template,
  tokens: NamedTokens,
  named: Readonly<Record<string, readonly string[]>>,
  where: string,
): JsonObject {
  const specials: Record<string, JsonObject> = {};
  const compile = (text: string): JsonObject[] =>
    text.split(' ').flatMap((word): JsonObject[] => {
      const [name, type = '0'] = word.split(':');
      const type_id = Number(type);
      if (name === 'A' || name === 'B') return [{ Sequence: { id: name, type_id } }];
      const contents = Object.hasOwn(named, name) ? named[name] : [tokens.token(name)];
      return contents.map((content) => {
        const id = content === undefined ? undefined : tokens.id(content);
        if (content === undefined || id === undefined) {
          return invalidTokenizer(
            where,
            `needs a ${name} token (${content ?? 'none is named'}), which the vocabulary lacks`,
          );
        }
        specials[content] = { id: content, ids: [id], tokens: [content] };
        return { SpecialToken: { id: content, type_id } };
      });
    });
  const [single, pair] = template.map(compile);
  return { type: 'TemplateProcessing', single, pair, special_tokens: specials };
}
