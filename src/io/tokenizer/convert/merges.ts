// vocab.json and merges.txt, byte-pair encoding, as a tokenizer.json.

import { inBlocks } from '../in-blocks.js';
import { asFlag, asObject, invalidTokenizer, type JsonObject, type Pause } from '../json.js';
import type { MergesFamily } from './families.js';
import { templateProcessor } from '../template.js';
import { AddedTokens, type SideFiles } from './specials.js';
import type { Converted } from './index.js';

const QWEN2_WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const CLIP_WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
const END_OF_WORD = '</w>';

/** How a family's text becomes words and words text. */
function textParts(family: MergesFamily, prefix: boolean): JsonObject {
  const bytes = (more: JsonObject = {}): JsonObject => ({
    type: 'ByteLevel',
    add_prefix_space: prefix,
    use_regex: true,
    ...more,
  });
  const split = (regex: string, behavior: string, invert: boolean): JsonObject => ({
    type: 'Split',
    pattern: { Regex: regex },
    behavior,
    invert,
  });
  const decoder = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
  switch (family.words) {
    case 'qwen2':
      return {
        normalizer: { type: 'NFC' },
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [split(QWEN2_WORDS, 'Isolated', false), bytes({ use_regex: false })],
        },
        decoder,
      };
    case 'clip':
      return {
        normalizer: {
          type: 'Sequence',
          normalizers: [
            { type: 'NFC' },
            { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
            { type: 'Lowercase' },
          ],
        },
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [split(CLIP_WORDS, 'Removed', true), bytes({ add_prefix_space: false })],
        },
        decoder,
      };
    case 'openai-gpt':
    case 'herbert': {
      const lowercase = family.words === 'openai-gpt';
      return {
        normalizer: {
          type: 'BertNormalizer',
          clean_text: true,
          handle_chinese_chars: true,
          strip_accents: lowercase,
          lowercase,
        },
        pre_tokenizer: { type: 'BertPreTokenizer' },
        decoder: { type: 'BPEDecoder', suffix: END_OF_WORD },
      };
    }
    default:
      return { normalizer: null, pre_tokenizer: bytes(), decoder };
  }
}

/** Converts the two files. */
export async function convertMerges(
  vocabJson: unknown,
  mergesText: string,
  family: MergesFamily,
  files: SideFiles,
  where: { vocab: string; merges: string },
  pause: Pause,
): Promise<Converted> {
  await pause();
  const vocab = asObject(vocabJson, where.vocab);
  let highest = -1;
  for (const token in vocab) if (typeof vocab[token] === 'number') highest = Math.max(highest, vocab[token]);
  const idOf = (token: string): number | undefined => {
    const id = Object.hasOwn(vocab, token) ? vocab[token] : undefined;
    return typeof id === 'number' ? id : undefined;
  };
  const tokens = new AddedTokens(family, files, idOf, highest);
  const { config } = tokens;
  const flag = (key: string, fallback: boolean): boolean =>
    asFlag(config[key], fallback, `tokenizer_config.json: ${key}`);
  const prefix = flag('add_prefix_space', family.addPrefixSpace ?? false);
  const suffix = ['clip', 'openai-gpt', 'herbert'].includes(family.words) ? END_OF_WORD : '';
  const json: JsonObject = {
    added_tokens: tokens.list,
    ...textParts(family, prefix),
    post_processor: postProcessor(family, tokens, prefix, where.vocab),
    model: {
      type: 'BPE',
      vocab,
      merges: await readMerges(mergesText, where.merges, pause),
      // byte-level BPE knows every text
      unk_token: suffix === '' ? null : tokens.token('unk'),
      end_of_word_suffix: suffix,
      fuse_unk: false,
    },
  };
  return { json, config };
}

function postProcessor(family: MergesFamily, tokens: AddedTokens, prefix: boolean, where: string): JsonObject | null {
  const { config } = tokens;
  const pair = (role: 'cls' | 'sep'): [string, number] => {
    const token = tokens.token(role);
    const id = token === undefined ? undefined : tokens.id(token);
    return token === undefined || id === undefined
      ? invalidTokenizer(where, `needs a ${role} token (${token ?? 'none is named'}), which the vocabulary lacks`)
      : [token, id];
  };
  if (family.words === 'roberta') {
    return {
      type: 'RobertaProcessing',
      cls: pair('cls'),
      sep: pair('sep'),
      trim_offsets: true,
      add_prefix_space: prefix,
    };
  }
  if (family.words === 'whisper') return templateProcessor(family.template!, tokens, whisperWords(tokens), where);
  if (family.template) return templateProcessor(family.template, tokens, {}, where);
  if (asFlag(config.add_bos_token, false, 'tokenizer_config.json: add_bos_token')) {
    return templateProcessor(['bos A', 'bos A B:1'], tokens, {}, where);
  }
  return null;
}

/** Whisper's decoder starts with what it is to do. */
function whisperWords(tokens: AddedTokens): Record<string, string[]> {
  const { language, task, predict_timestamps: timestamps } = tokens.config;
  const transcribe: string[] = [];
  if (typeof language === 'string') transcribe.push(`<|${language}|>`);
  if (typeof task === 'string') transcribe.push(`<|${task}|>`);
  if (timestamps !== true) transcribe.push('<|notimestamps|>');
  return { start: ['<|startoftranscript|>'], transcribe };
}

/** The pairs of merges.txt: two tokens a line, the first line may tell a version. */
async function readMerges(text: string, where: string, pause: Pause): Promise<[string, string][]> {
  const merges: [string, string][] = [];
  await inBlocks(text.split(/\r\n?|\n/), pause, (line, number) => {
    if (line === '' || (number === 0 && line.startsWith('#version'))) return;
    const pair = line.split(' ');
    if (pair.length !== 2 || pair[0] === '' || pair[1] === '') {
      return invalidTokenizer(
        where,
        `line ${number + 1} is ${JSON.stringify(line.slice(0, 80))}, not two tokens with a space between`,
      );
    }
    merges.push([pair[0], pair[1]]);
  });
  return merges;
}
