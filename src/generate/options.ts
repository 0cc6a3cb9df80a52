// Generation options as users write them, and as the engine gets them: every value read, checked and defaulted.

/** A token id or several of them. */
export type TokenIds = number | readonly number[];

/**
 * Options of `generate`, named as in transformers' GenerationConfig. A missing option takes the checkpoint's value
 * (generation_config.json, or config.json where there is no such file), then the default given here. `null`, where it is
 * allowed, switches off what the checkpoint sets. Lengths are in tokens. An option that is unknown, out of range or contradicts
 * another one is INVALID_ARGUMENT; what the checkpoint's files say wrongly is INVALID_CONFIG, what they ask for and does not
 * exist here UNSUPPORTED_MODEL.
 */
export interface GenerationOptions {
  /** Most tokens to generate. Default: 20, or fewer where the context ends before. */
  maxNewTokens?: number;
  /** Most tokens of prompt and answer together; give this or `maxNewTokens`. In an encoder-decoder the prompt is the decoder's
   *  start token. */
  maxLength?: number;
  /** No end of sequence before so many new tokens. Default: 0. */
  minNewTokens?: number;
  /** The same with the prompt counted; give this or `minNewTokens`. Default: 0. */
  minLength?: number;

  /**
   * Draw tokens instead of taking the likeliest. Default: false. transformers ignores sampling options without it; here
   * `temperature`, `topK`, `topP`, `minP`, `typicalP`, `epsilonCutoff` or `etaCutoff` without `doSample` is an error unless the
   * checkpoint samples by itself. With `doSample: false` they are ignored.
   */
  doSample?: boolean;
  /** Scores are divided by it; above 0. Default: 1. */
  temperature?: number;
  /** Draw from so many likeliest tokens; 0: from all. Default: 50. */
  topK?: number;
  /** Draw from the likeliest tokens that together have this probability; in (0, 1]. Default: 1. */
  topP?: number;
  /** Draw from tokens with at least this share of the likeliest one's probability; in [0, 1]. Default: off. */
  minP?: number | null;
  /** Locally typical sampling (Meister et al. 2022): the probability mass to keep; in (0, 1]. Default: 1. */
  typicalP?: number;
  /** Drop tokens of lower probability; in [0, 1). Default: 0. */
  epsilonCutoff?: number;
  /** Eta sampling (Hewitt et al. 2022); in [0, 1). Default: 0. */
  etaCutoff?: number;
  /** Whole number from 0 to 2^53 - 1: the same seed draws the same tokens everywhere. Default: another one each call. */
  seed?: number | null;

  /** Divides the scores of tokens that already occur, prompt included (CTRL); above 0. Default: 1. */
  repetitionPenalty?: number;
  /** The inverse for tokens of the encoder's input (of the prompt, in a decoder); above 0. Default: 1. */
  encoderRepetitionPenalty?: number;
  /** Subtracted from the scores of tokens generated before (the prompt does not count). Default: 0. */
  presencePenalty?: number;
  /** Subtracted as many times as the token was generated. Default: 0. */
  frequencyPenalty?: number;
  /** No sequence of so many tokens occurs twice; 0: off. Default: 0. */
  noRepeatNgramSize?: number;
  /** No sequence of so many tokens of the encoder's input (of the prompt, in a decoder) is generated; 0: off. Default: 0. */
  encoderNoRepeatNgramSize?: number;
  /** Sequences of ids that must not be generated. Default: none. */
  badWordsIds?: readonly (readonly number[])[] | null;
  /** Sequences of ids and what is added to the score of their last token once the others are there. Default: none. */
  sequenceBias?: readonly (readonly [ids: readonly number[], bias: number])[] | null;
  /** Ids that are never generated. Default: none. */
  suppressTokens?: readonly number[] | null;
  /** Ids that are not generated first. Default: none. */
  beginSuppressTokens?: readonly number[] | null;
  /** The first id after a prompt (of a decoder input) of one token: the target language of mBART and NLLB. Default: none. */
  forcedBosTokenId?: number | null;
  /** The id at the last place that `maxNewTokens` or `maxLength` leaves. Default: none. */
  forcedEosTokenId?: TokenIds | null;
  /** [start, factor] raises the score of the end of sequence ever more after `start` new tokens. Default: none. */
  exponentialDecayLengthPenalty?: readonly [start: number, factor: number] | null;
  /** Log-softmax after all other changes of the scores. Default: false. */
  renormalizeLogits?: boolean;
  /** Replaces NaN and infinities in the scores. Default: false. */
  removeInvalidValues?: boolean;

  /** Beams of the beam search; 1: none. With beams the stream has a piece for each sequence, at the end. Default: 1. */
  numBeams?: number;
  /** Sequences to return: at most `numBeams`, or any number when sampling. Default: 1. */
  numReturnSequences?: number;
  /** A beam's score is its log-probability over length^lengthPenalty; the length is that of the new tokens. Default: 1. */
  lengthPenalty?: number;
  /** true: stop at `numBeams` finished sequences; false: when a better one is unlikely; 'never': when impossible. Default: false. */
  earlyStopping?: boolean | 'never';

  /** Ids that end a sequence; [] or null: none. Default: the checkpoint's. */
  eosTokenId?: TokenIds | null;
  /** Read for transformers' sake: nothing is padded here. Default: the checkpoint's. */
  padTokenId?: number | null;
  /** Starts an encoder-decoder's decoder where there is no `decoderStartTokenId`. Default: the checkpoint's. */
  bosTokenId?: number | null;
  /** First id of the decoder in an encoder-decoder; default: `bosTokenId`. */
  decoderStartTokenId?: number | null;
  /** Texts that end a sequence. They are matched against the new text, wherever tokens begin; the result ends before them.
   *  They need a tokenizer (NO_TOKENIZER). Default: none. */
  stopStrings?: string | readonly string[] | null;

  /**
   * Log-probabilities of the generated tokens and of so many likeliest alternatives (0: of the token alone). They are those
   * of the distribution that was chosen from, after all processing (compute_transition_scores with normalize_logits). With beams
   * only 0. Default: off.
   */
  logprobs?: number | null;
  /** Prompt lookup decoding: so many tokens are guessed from the text so far and checked in one step. For one
   *  sequence of a Decoder. Default: off. */
  promptLookupNumTokens?: number | null;
  /** Longest sequence of ids that prompt lookup searches. Default: 2. */
  maxMatchingNgramSize?: number;
}

/** All options with their values; ids of ends as lists; plain data that can be posted to a worker. */
export interface GenerationSettings {
  readonly maxNewTokens: number | null;
  readonly maxLength: number | null;
  readonly minNewTokens: number | null;
  readonly minLength: number;
  readonly doSample: boolean;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number | null;
  readonly typicalP: number;
  readonly epsilonCutoff: number;
  readonly etaCutoff: number;
  readonly seed: number | null;
  readonly repetitionPenalty: number;
  readonly encoderRepetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly noRepeatNgramSize: number;
  readonly encoderNoRepeatNgramSize: number;
  readonly badWordsIds: readonly (readonly number[])[] | null;
  readonly sequenceBias: readonly (readonly [ids: readonly number[], bias: number])[] | null;
  readonly suppressTokens: readonly number[] | null;
  readonly beginSuppressTokens: readonly number[] | null;
  readonly forcedBosTokenId: number | null;
  readonly forcedEosTokenId: readonly number[] | null;
  readonly exponentialDecayLengthPenalty: readonly [start: number, factor: number] | null;
  readonly renormalizeLogits: boolean;
  readonly removeInvalidValues: boolean;
  readonly numBeams: number;
  readonly numReturnSequences: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | 'never';
  /** Empty: a sequence ends by its length alone. */
  readonly eosTokenId: readonly number[];
  readonly padTokenId: number | null;
  readonly bosTokenId: number | null;
  readonly decoderStartTokenId: number | null;
  readonly stopStrings: readonly string[];
  readonly logprobs: number | null;
  readonly promptLookupNumTokens: number | null;
  readonly maxMatchingNgramSize: number;
}

/** How one option is read. */
export interface Rule<T> {
  /** The value as the engine wants it; undefined if it is not allowed. */
  read(value: unknown): T | undefined;
  /** What is allowed, for messages. */
  readonly expected: string;
  readonly initial: T;
}

const isWhole = (value: unknown, least: number): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= least;
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const areIds = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((id) => isWhole(id, 0) && id < 0x80000000);

function rule<T>(initial: T, expected: string, test: (value: unknown) => value is T & {}): Rule<T> {
  return { initial, expected, read: (value) => (test(value) ? value : undefined) };
}

/** The same, where null is a value too. */
function optional<T>(inner: Rule<T>): Rule<T | null> {
  return { initial: null, expected: inner.expected, read: (value) => (value === null ? null : inner.read(value)) };
}

const whole = (least: number, initial = least): Rule<number> =>
  rule(initial, least === 0 ? 'a whole number' : `a whole number of at least ${least}`, (value): value is number =>
    isWhole(value, least),
  );
const finite = (initial: number): Rule<number> => rule(initial, 'a number', isNumber);
const positive = (initial: number): Rule<number> =>
  rule(initial, 'a number above 0', (value): value is number => isNumber(value) && value > 0);
const flag = (): Rule<boolean> =>
  rule<boolean>(false, 'true or false', (value): value is boolean => typeof value === 'boolean');
const share = (initial: number): Rule<number> =>
  rule(
    initial,
    'a number above 0 and at most 1',
    (value): value is number => isNumber(value) && value > 0 && value <= 1,
  );
const cutoff = (): Rule<number> =>
  rule<number>(0, 'a number from 0 to below 1', (value): value is number => isNumber(value) && value >= 0 && value < 1);
const id = (): Rule<number | null> =>
  optional(rule<number>(0, 'a token id', (value): value is number => isWhole(value, 0) && value < 0x80000000));
const ids = (): Rule<readonly number[] | null> =>
  optional(rule([] as readonly number[], 'a list of token ids', areIds));

const idOrIds: Rule<readonly number[]> = {
  initial: [],
  expected: 'a token id or a list of them',
  read(value) {
    if (value === null) return [];
    const list: unknown = Array.isArray(value) ? value : [value];
    return areIds(list) ? [...new Set(list)] : undefined;
  },
};

const texts: Rule<readonly string[]> = {
  initial: [],
  expected: 'a text or a list of texts, none of them empty',
  read(value) {
    if (value === null) return [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.every((text): text is string => typeof text === 'string' && text !== '') ? [...list] : undefined;
  },
};

const sequences: Rule<readonly (readonly number[])[]> = rule(
  [] as readonly (readonly number[])[],
  'a list of lists of token ids, none of them empty',
  (value): value is readonly (readonly number[])[] =>
    Array.isArray(value) && value.every((list) => areIds(list) && list.length > 0),
);

const biases: Rule<readonly (readonly [readonly number[], number])[]> = rule(
  [] as readonly (readonly [readonly number[], number])[],
  'a list of [ids, bias]',
  (value): value is readonly (readonly [readonly number[], number])[] =>
    Array.isArray(value) &&
    value.every(
      (entry) =>
        Array.isArray(entry) &&
        entry.length === 2 &&
        areIds(entry[0]) &&
        entry[0].length > 0 &&
        typeof entry[1] === 'number',
    ),
);

/** Every option. */
export const RULES: { readonly [K in keyof GenerationSettings]: Rule<GenerationSettings[K]> } = {
  maxNewTokens: optional(whole(1)),
  maxLength: optional(whole(1)),
  minNewTokens: optional(whole(0)),
  minLength: whole(0),
  doSample: flag(),
  temperature: positive(1),
  topK: {
    ...whole(0, 50),
    expected: 'a whole number, 0 for all tokens',
    read: (value) => (value === null ? 0 : isWhole(value, 0) ? value : undefined),
  },
  topP: share(1),
  minP: optional(
    rule<number>(0, 'a number from 0 to 1', (value): value is number => isNumber(value) && value >= 0 && value <= 1),
  ),
  typicalP: share(1),
  epsilonCutoff: cutoff(),
  etaCutoff: cutoff(),
  seed: optional({ ...whole(0), expected: 'a whole number from 0 to 2^53 - 1' }),
  repetitionPenalty: positive(1),
  encoderRepetitionPenalty: positive(1),
  presencePenalty: finite(0),
  frequencyPenalty: finite(0),
  noRepeatNgramSize: whole(0),
  encoderNoRepeatNgramSize: whole(0),
  badWordsIds: optional(sequences),
  sequenceBias: optional(biases),
  suppressTokens: ids(),
  beginSuppressTokens: ids(),
  forcedBosTokenId: id(),
  forcedEosTokenId: {
    ...idOrIds,
    initial: null,
    read: (value) => (value === null ? null : idOrIds.read(value)),
  },
  exponentialDecayLengthPenalty: optional(
    rule(
      [0, 1] as readonly [number, number],
      '[start, factor], a whole number and a number above 0',
      (value): value is readonly [number, number] =>
        Array.isArray(value) && value.length === 2 && isWhole(value[0], 0) && isNumber(value[1]) && value[1] > 0,
    ),
  ),
  renormalizeLogits: flag(),
  removeInvalidValues: flag(),
  numBeams: whole(1),
  numReturnSequences: whole(1),
  lengthPenalty: finite(1),
  earlyStopping: rule(
    false as boolean | 'never',
    "true, false or 'never'",
    (value): value is boolean | 'never' => typeof value === 'boolean' || value === 'never',
  ),
  eosTokenId: idOrIds,
  padTokenId: id(),
  bosTokenId: id(),
  decoderStartTokenId: id(),
  stopStrings: texts,
  logprobs: optional(whole(0)),
  promptLookupNumTokens: optional(whole(1)),
  maxMatchingNgramSize: whole(1, 2),
};

/** Names of all options. */
export const OPTION_NAMES = /* @__PURE__ */ Object.keys(RULES) as readonly (keyof GenerationSettings)[];
