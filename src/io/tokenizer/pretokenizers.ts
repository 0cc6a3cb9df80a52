// The pre-tokenizers of tokenizer.json: they cut a normalised section into words, keeping the words' places in it.

import { Characters, type Aligned, type Span } from './aligned.js';
import { utf8Characters } from './bytes.js';
import { parts, type JsonObject } from './json.js';
import { ASCII_PUNCTUATION_CLASS, bertWords, wordRuns } from './unicode.js';
import { wholeOf, words, type PreTokenizer, type Visit } from './words.js';

export interface PreTokenization {
  /** Calls back for the words of a section. */
  split(section: Aligned, from: number, to: number, visit: Visit): void;
  /** The words still have to be written in the byte alphabet before the model sees them. */
  bytes: boolean;
}

/** Compiles the `pre_tokenizer` entry. */
export async function compilePreTokenizer(config: unknown, where: string): Promise<PreTokenization> {
  const entries = parts(config, 'pretokenizers', where);
  const last = entries.at(-1);
  const bytes = last?.config.type === 'ByteLevel';
  const steps: PreTokenizer[] = [];
  for (const part of entries) {
    steps.push(await create(part.config, part.where));
    // Where byte-level comes last its alphabet is left to the caller, who can then look words up by their plain text.
    if (part.config.type === 'ByteLevel' && part !== last) steps.push(toBytes);
  }
  return {
    bytes,
    split(source, from, to, visit) {
      const chain = steps.reduceRight<Visit>((next, step) => (span) => step(span, next), visit);
      chain({ source, from, to });
    },
  };
}

async function create(config: JsonObject, where: string): Promise<PreTokenizer> {
  switch (config.type) {
    case 'BertPreTokenizer':
      return words(bertWords, BERT_WORDS_ASCII);
    case 'Whitespace':
      return words(wordRuns, /\w+|[^\w\s]+|\s+/g);
    case 'WhitespaceSplit':
      return words(() => /\P{White_Space}+/gu, /\S+|\s+/g);
    default:
      // BERTs do without
      return (await import('./subword-pretokenizers.js')).createPreTokenizer(config, where);
  }
}

const BERT_WORDS_ASCII = new RegExp(`[^\\s${ASCII_PUNCTUATION_CLASS}]+|[${ASCII_PUNCTUATION_CLASS}]|\\s+`, 'g');

function toBytes(span: Span, visit: Visit): void {
  const chars = new Characters(span);
  chars.expand(utf8Characters);
  visit(wholeOf(chars.finish()));
}
