// vocab.txt, one WordPiece token a line, as a tokenizer.json.

import { asFlag, invalidTokenizer, type JsonObject } from '../json.js';
import type { WordPieceFamily } from './families.js';
import { templateProcessor } from '../template.js';
import { AddedTokens, type SideFiles } from './specials.js';
import type { Converted } from './index.js';

export function convertWordPiece(text: string, family: WordPieceFamily, files: SideFiles, where: string): Converted {
  const lines = text.split(/\r\n?|\n/);
  if (lines.at(-1) === '') lines.pop();
  const vocab = Object.create(null) as Record<string, number>;
  for (const [id, line] of lines.entries()) if (line !== '') vocab[line] = id;
  const tokens = new AddedTokens(family, files, (token) => vocab[token], lines.length - 1);
  const unknown = tokens.token('unk');
  if (unknown === undefined || vocab[unknown] === undefined) {
    return invalidTokenizer(where, `has no line ${unknown ?? '[UNK]'}: this is not a WordPiece vocabulary`);
  }
  const { config } = tokens;
  const flag = (key: string, fallback: boolean): boolean =>
    asFlag(config[key], fallback, `tokenizer_config.json: ${key}`);
  const lowercase = flag('do_lower_case', true);
  const json: JsonObject = {
    added_tokens: tokens.list,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: flag('tokenize_chinese_chars', true),
      strip_accents: flag('strip_accents', lowercase),
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: family.template ? templateProcessor(family.template, tokens, {}, where) : null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      vocab,
      unk_token: unknown,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
  };
  // as the slow classes have it, by which the fast ones are converted
  return { json, config: { clean_up_tokenization_spaces: true, ...config } };
}
