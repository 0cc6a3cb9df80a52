// The library's generation options as flags, for generate and translate: one table, which must name every option.
import type { Command } from 'commander';
import type { GenerateOptions, TransformerGenerateOptions } from '../index';
import { Failure } from './failure';

/** Options that are functions, models or signals have no flag of this table. */
type Options = Omit<
  GenerateOptions & TransformerGenerateOptions,
  'logitsProcessors' | 'assistantModel' | 'numAssistantTokens' | 'signal'
>;

interface Flag {
  /** What stands behind the flag's name: '<n>'; '' for a switch. */
  readonly value: string;
  readonly help: string;
  /** From the command line's text; undefined: not one of those. The library checks what it means. */
  read(text: string): unknown;
}

const number = (help: string): Flag => ({
  value: '<n>',
  help,
  read: (text) => (text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text)),
});
const toggle = (help: string): Flag => ({ value: '', help, read: () => true });
const ids = (help: string): Flag => ({ value: '<ids>', help, read: (text) => (text === 'none' ? [] : idsOf(text)) });
const json = (help: string): Flag => ({
  value: '<json>',
  help,
  read: (text) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return undefined;
    }
  },
});
const word = (value: string, help: string): Flag => ({
  value,
  help,
  read: (text) => (text === 'true' ? true : text === 'false' ? false : text),
});

/** Token ids as people write them: "1, 15 403". Undefined if they are not. */
export function idsOf(text: string): number[] | undefined {
  const found = text.split(/[\s,]+/).filter((part) => part !== '');
  return found.every((part) => /^\d+$/.test(part)) ? found.map(Number) : undefined;
}

const FLAGS: { readonly [K in keyof Required<Options>]: Flag } = {
  maxNewTokens: number('most tokens to generate (20)'),
  maxLength: number('the same, with the prompt counted'),
  minNewTokens: number('no end before so many tokens'),
  minLength: number('the same, with the prompt counted'),
  doSample: toggle('draw tokens instead of taking the likeliest'),
  temperature: number('of the draws (1): below 1 likelier, above 1 wilder'),
  topK: number('draw from so many likeliest tokens (50); 0: from all'),
  topP: number('draw from the likeliest that together have this probability (1)'),
  minP: number("draw from those with this share of the likeliest one's probability"),
  typicalP: number('locally typical sampling: the probability mass to keep'),
  epsilonCutoff: number('drop tokens of lower probability'),
  etaCutoff: number('eta sampling'),
  seed: number('of the draws: the same one gives the same text'),
  numBeams: number('beams of the beam search (1)'),
  numReturnSequences: number('texts for every prompt (1)'),
  lengthPenalty: number("exponent of a beam's length in its score (1)"),
  earlyStopping: word('<when>', 'when beams stop: true, false or never (false)'),
  stopStrings: { value: '<text>', help: 'end before this text; may be given several times', read: (text) => text },
  eosTokenId: ids('ids that end a text; none: only its length does'),
  repetitionPenalty: number('divides scores of tokens that occurred (1)'),
  encoderRepetitionPenalty: number('above 1 favours tokens of the source (1)'),
  presencePenalty: number('subtracted for tokens generated before (0)'),
  frequencyPenalty: number('subtracted as often as they were generated (0)'),
  noRepeatNgramSize: number('no run of so many tokens twice (0: off)'),
  encoderNoRepeatNgramSize: number('no run of so many tokens from the source (0: off)'),
  badWordsIds: json('sequences of ids never generated: [[1, 2], [3]]'),
  sequenceBias: json('sequences made more or less likely: [[[1, 2], -5]]'),
  suppressTokens: ids('ids never generated'),
  beginSuppressTokens: ids('ids never generated first'),
  forcedBosTokenId: number('the first id: the target language of mBART and NLLB'),
  forcedEosTokenId: ids('the id at the last place'),
  exponentialDecayLengthPenalty: json('the end grows likelier: [start, factor]'),
  renormalizeLogits: toggle('log-softmax after all changes of scores'),
  removeInvalidValues: toggle('replace NaN and infinities in scores'),
  bosTokenId: number('starts a decoder where nothing else does'),
  padTokenId: number('changes nothing: nothing is padded'),
  decoderStartTokenId: number("first id of an encoder-decoder's decoder"),
  decoderInputIds: ids('first ids of the decoder, in place of the start token'),
  srcLang: word('<language>', 'of the texts, as the tokenizer names it: fr_XX, fra_Latn, fr'),
  tgtLang: word('<language>', 'to write, likewise'),
  logprobs: number('with --json: log-probabilities of the tokens; beams: 0'),
  promptLookupNumTokens: number('tokens guessed from the text so far'),
  maxMatchingNgramSize: number('longest run of ids that guessing looks for (2)'),
  addSpecialTokens: word('<bool>', 'false: the prompt has its special tokens written out (true)'),
  contextOverflow: word('<how>', 'at the end of the context: end, or slide (forget the older half)'),
};

const NAMES = Object.keys(FLAGS) as (keyof typeof FLAGS)[];
/** Only Decoder.generate, and only Transformer.generate, have these. */
const OF_DECODERS: readonly string[] = [
  'promptLookupNumTokens',
  'maxMatchingNgramSize',
  'addSpecialTokens',
  'contextOverflow',
];
const OF_TRANSFORMERS: readonly string[] = [
  'decoderInputIds',
  'decoderStartTokenId',
  'bosTokenId',
  'srcLang',
  'tgtLang',
];

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Adds the flags to a command. */
export function addGenerationFlags(command: Command, of: 'any' | 'transformer'): Command {
  command.optionsGroup('Generation:');
  for (const name of NAMES) {
    if (of === 'transformer' && OF_DECODERS.includes(name)) continue;
    const { value, help } = FLAGS[name];
    const flag = name === 'stopStrings' ? `--stop, ${flagOf(name)}` : flagOf(name);
    if (name === 'stopStrings') {
      command.option(`${flag} ${value}`, help, (text: string, given: string[] = []) => [...given, text]);
    } else {
      command.option(`${flag} ${value}`.trim(), help);
    }
    if (name === 'doSample') command.option('--no-do-sample', 'the likeliest, even if the checkpoint draws');
  }
  return command;
}

/** The options that were given, as the library takes them. Throws USAGE. */
export function generationOptions(given: Readonly<Record<string, unknown>>, kind: 'decoder' | 'transformer'): Options {
  const options: Record<string, unknown> = {};
  for (const name of NAMES) {
    const value = given[name];
    if (value === undefined) continue;
    if ((kind === 'decoder' ? OF_TRANSFORMERS : OF_DECODERS).includes(name)) {
      const what = kind === 'decoder' ? 'an encoder-decoder' : 'a decoder';
      throw new Failure('USAGE', `${flagOf(name)} is for ${what}, which this model is not: leave it out`);
    }
    const read = typeof value === 'string' ? FLAGS[name].read(value) : value;
    if (read === undefined) {
      const expected = { '<n>': 'a number', '<ids>': 'token ids such as 1,15', '<json>': 'JSON' }[FLAGS[name].value];
      throw new Failure('USAGE', `${flagOf(name)} is '${String(value)}', but must be ${expected ?? FLAGS[name].value}`);
    }
    options[name] = read;
  }
  return options;
}

/** A message of the library, which names options as programs write them, with their flags. */
export function withFlagNames(message: string): string {
  return message.replaceAll(/\b([a-z]+(?:[A-Z][a-z]*)+)(: true)?\b/g, (found, name: string) =>
    name in FLAGS ? (name === 'stopStrings' ? '--stop' : flagOf(name)) : found,
  );
}
