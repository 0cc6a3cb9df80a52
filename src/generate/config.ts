// From a checkpoint's files and a call's options to checked settings, in transformers' order of precedence.
import { WasmformerError } from '../errors';
import { misspelt } from '../spelling';
import { OPTION_NAMES, RULES, type GenerationOptions, type GenerationSettings } from './options';

type Json = Readonly<Record<string, unknown>>;
type Name = keyof GenerationSettings;
type Mutable = { -readonly [K in Name]: GenerationSettings[K] };

export interface ResolveContext {
  /** config.json, with what its model class adds by itself (GPT-2: `bos_token_id` and `eos_token_id` 50256). */
  readonly config?: Json;
  /** generation_config.json; where there is one, config.json says nothing about generation, as in transformers. */
  readonly generationConfig?: Json | null;
  /** Ids must be below it. */
  readonly vocabSize?: number;
  /** Names that the caller handles itself, such as `signal`. */
  readonly otherNames?: readonly string[];
}

/** Options that matter only when sampling, with the values that change nothing. */
const SAMPLING: { readonly [K in Name]?: readonly GenerationSettings[K][] } = {
  temperature: [1],
  topK: [0, 50],
  topP: [1],
  minP: [null, 0],
  typicalP: [1],
  epsilonCutoff: [0],
  etaCutoff: [0],
};

/** What a file may ask for that this library does not do, with the values that ask for nothing. */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  num_beam_groups: [1],
  diversity_penalty: [0],
  penalty_alpha: [0],
  guidance_scale: [1],
  top_h: [],
  constraints: [],
  force_words_ids: [],
  watermarking_config: [],
  dola_layers: [],
};

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const show = (value: unknown): string => {
  const text = typeof value === 'number' || value === undefined ? String(value) : JSON.stringify(value);
  return (text ?? typeof value).slice(0, 80);
};

/**
 * The settings of one call.
 * @throws INVALID_ARGUMENT for options of the call that are unknown, not allowed or contradict each other; INVALID_CONFIG for
 * values of the files; UNSUPPORTED_MODEL where generation_config.json asks for a method that does not exist here
 */
export function resolveGeneration(options: GenerationOptions, context: ResolveContext = {}): GenerationSettings {
  checkNames(options, context.otherNames ?? []);
  const files = fileLayers(context);
  const sampling = resolve('doSample', options, files);
  const settings: Partial<Mutable> = {};
  for (const name of OPTION_NAMES) {
    // what a file says about sampling is not even looked at without it
    assign(settings, name, resolve(name, options, !sampling && name in SAMPLING ? [] : files));
  }
  const complete = settings as GenerationSettings;
  for (const { json } of files) rejectUnsupported(json);
  checkContradictions(complete, options, files);
  if (context.vocabSize !== undefined) checkIds(complete, options, context.vocabSize);
  return lengthsOf(complete, options);
}

interface Layer {
  readonly file: string;
  readonly json: Json;
}

/** The files that speak about generation, first come first. */
function fileLayers({ config, generationConfig }: ResolveContext): Layer[] {
  if (generationConfig) return [{ file: 'generation_config.json', json: generationConfig }];
  if (!config) return [];
  const layers: Layer[] = [{ file: 'config.json', json: legacy(config) }];
  for (const part of ['decoder', 'generator', 'text_config']) {
    const inner = config[part];
    if (typeof inner !== 'object' || inner === null) continue;
    layers.push({ file: `config.json (${part})`, json: inner as Json });
    break;
  }
  return layers;
}

/** BART's first checkpoints ask for a forced first token under another name. */
function legacy(config: Json): Json {
  return config.force_bos_token_to_be_generated === true
    ? { ...config, forced_bos_token_id: config.bos_token_id }
    : config;
}

function resolve<K extends Name>(name: K, options: GenerationOptions, files: readonly Layer[]): GenerationSettings[K] {
  const { read, expected, initial } = RULES[name];
  const given: unknown = options[name];
  if (given !== undefined) {
    const value = read(given);
    if (value === undefined) invalid(`${name} is ${show(given)}, but must be ${expected}${hint(name, given)}`);
    return value;
  }
  for (const { file, json } of files) {
    const found = json[snake(name)];
    // a negative id in a file means none
    if (found === undefined || found === null || (name.endsWith('TokenId') && isNegative(found))) continue;
    const value = read(found);
    if (value === undefined) {
      throw new WasmformerError(
        'INVALID_CONFIG',
        `${file}: ${snake(name)} is ${show(found)}, but must be ${expected}; correct the file or pass ${name}`,
      );
    }
    return value;
  }
  return initial;
}

function assign<K extends Name>(settings: Partial<Mutable>, name: K, value: GenerationSettings[K]): void {
  settings[name] = value;
}

function isNegative(value: unknown): boolean {
  return typeof value === 'number' && value < 0;
}

function invalid(message: string): never {
  throw new WasmformerError('INVALID_ARGUMENT', message);
}

function hint(name: Name, value: unknown): string {
  if (name === 'temperature' && value === 0) return '; for the likeliest token every time leave doSample off';
  if (name === 'eosTokenId' && isNegative(value)) return '; [] for no end of sequence';
  return '';
}

function checkNames(options: GenerationOptions, others: readonly string[]): void {
  const error = misspelt(options, [...OPTION_NAMES, ...others]);
  if (error) throw error;
}

function rejectUnsupported(json: Json): void {
  for (const [key, neutral] of Object.entries(UNSUPPORTED)) {
    const value = json[key];
    if (value === undefined || value === null || value === false || neutral.includes(value)) continue;
    throw new WasmformerError(
      'UNSUPPORTED_MODEL',
      `the checkpoint's generation settings have ${key} ${show(value)}, which is not supported; remove it from the file`,
    );
  }
}

function checkContradictions(settings: GenerationSettings, options: GenerationOptions, files: readonly Layer[]): void {
  const { doSample, numBeams, numReturnSequences, promptLookupNumTokens, logprobs } = settings;
  const isSet = (name: Name): boolean => options[name] !== undefined && options[name] !== null;
  for (const [one, other] of [
    ['maxNewTokens', 'maxLength'],
    ['minNewTokens', 'minLength'],
  ] as const) {
    if (isSet(one) && isSet(other)) {
      invalid(`${one} ${show(options[one])} and ${other} ${show(options[other])} were both given; give one of them`);
    }
  }
  for (const [least, most] of [
    ['minNewTokens', 'maxNewTokens'],
    ['minLength', 'maxLength'],
  ] as const) {
    if (isSet(least) && isSet(most) && options[least]! > options[most]!) {
      invalid(`${least} is ${options[least]}, more than ${most} ${options[most]}`);
    }
  }
  if (!doSample && options.doSample === undefined) {
    for (const [name, neutral] of Object.entries(SAMPLING) as [Name, readonly unknown[]][]) {
      if (options[name] === undefined || neutral.includes(options[name])) continue;
      invalid(`${name} ${show(options[name])} has no effect without sampling; add doSample: true, or leave it out`);
    }
  }
  if (numBeams === 1 && options.numBeams === undefined) {
    for (const [name, neutral] of [
      ['lengthPenalty', 1],
      ['earlyStopping', false],
    ] as const) {
      if (options[name] === undefined || options[name] === neutral) continue;
      invalid(`${name} ${show(options[name])} has no effect without beams; set numBeams to 2 or more, or leave it out`);
    }
  }
  if (numReturnSequences > 1 && numBeams === 1 && !doSample) {
    invalid(
      `numReturnSequences is ${numReturnSequences}, but greedy search has one result; set doSample: true or numBeams to ${numReturnSequences} or more`,
    );
  }
  if (numBeams > 1 && numReturnSequences > numBeams) {
    invalid(`numReturnSequences is ${numReturnSequences}, but must be at most numBeams, ${numBeams}`);
  }
  if (promptLookupNumTokens !== null && (numBeams > 1 || numReturnSequences > 1)) {
    invalid(
      `promptLookupNumTokens ${promptLookupNumTokens} works for one sequence only; set numBeams and numReturnSequences to 1, or leave it out`,
    );
  }
  if (logprobs !== null && logprobs > 0 && numBeams > 1) {
    invalid(`logprobs is ${logprobs}, but beams give no alternatives; set it to 0, or numBeams to 1`);
  }
  const suppressed = settings.suppressTokens ?? [];
  for (const name of ['forcedBosTokenId', 'forcedEosTokenId'] as const) {
    const forced = settings[name];
    const list = typeof forced === 'number' ? [forced] : (forced ?? []);
    if (list.length === 0 || !list.every((id) => suppressed.includes(id))) continue;
    const message = `${name} ${show(forced)} is forced and in suppressTokens at once, which leaves no token; remove one of them`;
    if (options[name] !== undefined || options.suppressTokens !== undefined || files.length === 0) invalid(message);
    throw new WasmformerError('INVALID_CONFIG', `${files[0].file}: ${message}`);
  }
}

/** Ids that become part of the text: files too must name some that there are. */
const WRITTEN: readonly Name[] = ['forcedBosTokenId', 'forcedEosTokenId', 'decoderStartTokenId'];

/** Numbers that WebAssembly's memory holds, and the fewest tokens that a vocabulary counts as: beams take memory of their own. */
const MOST_SCORES = 2 ** 30;
const FEW_TOKENS = 2 ** 17;

/** Ids beyond the vocabulary, which would silently do nothing, and counts beyond what it allows. */
function checkIds(settings: GenerationSettings, options: GenerationOptions, vocabSize: number): void {
  const check = (name: Name, list: readonly number[]): void => {
    const id = list.find((one) => one >= vocabSize);
    if (id === undefined) return;
    const message = `the id ${id}, but the vocabulary has ${vocabSize} tokens, 0 to ${vocabSize - 1}`;
    if (options[name] !== undefined) invalid(`${name} has ${message}`);
    if (!WRITTEN.includes(name)) return;
    throw new WasmformerError(
      'INVALID_CONFIG',
      `the checkpoint's ${snake(name)} has ${message}; correct the file or pass ${name}`,
    );
  };
  check('eosTokenId', settings.eosTokenId);
  check('forcedEosTokenId', settings.forcedEosTokenId ?? []);
  check('suppressTokens', settings.suppressTokens ?? []);
  check('beginSuppressTokens', settings.beginSuppressTokens ?? []);
  check('badWordsIds', (settings.badWordsIds ?? []).flat());
  check(
    'sequenceBias',
    (settings.sequenceBias ?? []).flatMap(([ids]) => ids),
  );
  for (const name of ['forcedBosTokenId', 'bosTokenId', 'padTokenId', 'decoderStartTokenId'] as const) {
    const id = settings[name];
    if (id !== null) check(name, [id]);
  }
  const most = Math.floor(MOST_SCORES / Math.max(FEW_TOKENS, vocabSize));
  for (const name of ['numBeams', 'numReturnSequences'] as const) {
    if (settings[name] > most)
      invalid(`${name} is ${settings[name]}, but must be at most ${most}: the scores of a step must fit into memory`);
  }
  if (settings.logprobs !== null && settings.logprobs > vocabSize) {
    invalid(`logprobs is ${settings.logprobs}, more than the ${vocabSize} tokens of the vocabulary`);
  }
}

/** A limit of the call replaces the checkpoint's, whichever of the two ways either is written. */
function lengthsOf(settings: GenerationSettings, options: GenerationOptions): GenerationSettings {
  let { maxNewTokens, maxLength, minNewTokens, minLength } = settings;
  if (maxNewTokens !== null) {
    if (options.maxLength != null) maxNewTokens = null;
    else maxLength = null;
  }
  if (minNewTokens !== null) {
    if (options.minLength != null) minNewTokens = null;
    else minLength = 0;
  }
  return { ...settings, maxNewTokens, maxLength, minNewTokens, minLength };
}

/** New tokens where neither the call nor the checkpoint says how many. */
const DEFAULT_NEW_TOKENS = 20;

/**
 * Fewest and most ids of a sequence, the prompt counted (in an encoder-decoder: of the decoder's sequence, whose prompt is the
 * start token). Only the default of 20 new tokens is cut to `maxPositions`; whether a longer limit fits is the caller's to say.
 * @throws INVALID_ARGUMENT if maxLength leaves no room for a new token
 */
export function lengthLimits(
  settings: GenerationSettings,
  promptLength: number,
  maxPositions?: number,
): { minLength: number; maxLength: number } {
  const { maxNewTokens, minNewTokens } = settings;
  let maxLength = settings.maxLength;
  if (maxNewTokens !== null) maxLength = promptLength + maxNewTokens;
  maxLength ??= Math.min(promptLength + DEFAULT_NEW_TOKENS, maxPositions ?? Infinity);
  if (maxLength <= promptLength) {
    invalid(
      `the prompt has ${promptLength} tokens, which leaves no room for new ones in ${maxLength}; raise maxLength, or use maxNewTokens`,
    );
  }
  return { minLength: minNewTokens === null ? settings.minLength : promptLength + minNewTokens, maxLength };
}
