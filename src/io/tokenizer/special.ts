// Which tokens play the special roles, and the other facts of tokenizer_config.json.

import type { AddedToken } from './added.js';
import { isObject, type JsonObject } from './json.js';

const ROLES = ['bos', 'eos', 'pad', 'unk', 'cls', 'sep', 'mask'] as const;
export type SpecialRole = (typeof ROLES)[number];

// What special tokens are called where no configuration says so.
const USUAL_NAMES: Readonly<Record<SpecialRole, readonly string[]>> = {
  bos: ['<s>', '<bos>', '<|begin_of_text|>', '<|endoftext|>', '[BOS]'],
  eos: ['</s>', '<eos>', '<|end_of_text|>', '<|endoftext|>', '[EOS]'],
  pad: ['[PAD]', '<pad>'],
  unk: ['[UNK]', '<unk>'],
  cls: ['[CLS]', '<cls>'],
  sep: ['[SEP]', '<sep>'],
  mask: ['[MASK]', '<mask>'],
};

/** Texts of the special tokens: from the configuration, else by their usual names among the added special tokens. */
export function specialTokens(
  config: JsonObject,
  added: readonly AddedToken[],
  postProcessor: unknown,
  unknown: string | undefined,
): Partial<Record<SpecialRole, string>> {
  const known = new Set(added.filter((token) => token.special).map((token) => token.content));
  const found: Partial<Record<SpecialRole, string>> = {};
  for (const role of ROLES) {
    const entry = config[`${role}_token`];
    const content = isObject(entry) ? entry.content : entry;
    if (typeof content === 'string') found[role] = content;
    else if (entry === undefined) found[role] = USUAL_NAMES[role].find((name) => known.has(name));
  }
  found.unk ??= unknown;
  // BERT's and RoBERTa's post-processors name their two tokens themselves.
  if (isObject(postProcessor) && Array.isArray(postProcessor.cls) && Array.isArray(postProcessor.sep)) {
    const [cls, sep]: unknown[] = [postProcessor.cls[0], postProcessor.sep[0]];
    if (typeof cls === 'string') found.cls ??= cls;
    if (typeof sep === 'string') found.sep ??= sep;
  }
  return found;
}

/** `model_max_length`, unless absent or the placeholder (1e30) for "no limit". */
export function modelMaxLength(config: JsonObject): number | undefined {
  const value = config.model_max_length;
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 1e9 ? value : undefined;
}
