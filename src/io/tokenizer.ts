// Text to token ids and back, as tokenizer.json describes it, with ids, offsets, word ids, truncation, windows and texts equal to the
// Python library's.

import { refuseUnknown, WasmformerError } from '../errors.js';
import { AddedTokenSplitter, readAddedTokens, type AddedToken } from './tokenizer/added.js';
import { Aligned, type Span } from './tokenizer/aligned.js';
import { byteUnits, utf8Characters } from './tokenizer/bytes.js';
import { compileDecoder, type Decoding } from './tokenizer/decoders.js';
import { DecodeStream } from './tokenizer/decode-stream.js';
import { Encoding, TokenSequence, type Part, type Trace } from './tokenizer/encoding.js';
import { grown } from './tokenizer/grown.js';
import { asObject, describe, invalidTokenizer, type JsonObject, type Pause } from './tokenizer/json.js';
import { createModel } from './tokenizer/models.js';
import { compileNormalizer } from './tokenizer/normalizers.js';
import type { Pieces, WordModel } from './tokenizer/pieces.js';
import { preparePatterns } from './tokenizer/pattern.js';
import { compilePostProcessor, type PostProcessing } from './tokenizer/postprocess.js';
import { compilePreTokenizer, type PreTokenization } from './tokenizer/pretokenizers.js';
import { modelMaxLength, specialTokens, type SpecialRole } from './tokenizer/special.js';
import { keptTokens, windowRanges, type TruncationStrategy } from './tokenizer/truncate.js';
import { LONE_SURROGATE } from './tokenizer/unicode.js';
import { WordCache } from './tokenizer/word-cache.js';

export { DecodeStream } from './tokenizer/decode-stream.js';
export { Encoding } from './tokenizer/encoding.js';
export type { SpecialRole } from './tokenizer/special.js';
export type { TruncationStrategy } from './tokenizer/truncate.js';

export interface EncodeOptions {
  /** A second text, for models that read pairs. */
  textPair?: string;
  /** Adds [CLS], </s> and the like as the post-processor says. Default true. */
  addSpecialTokens?: boolean;
  /** Cuts what is longer than `maxLength`; true is 'longest_first'. Default false: nothing is ever cut. */
  truncation?: boolean | TruncationStrategy;
  /** Most tokens of the result, specials included, when truncating. Default: the configuration's `model_max_length`. */
  maxLength?: number;
}

export interface DecodeOptions {
  /** Leaves special tokens out. Default true (Python's default is false). */
  skipSpecialTokens?: boolean;
  /** Removes the spaces before punctuation. Default: what tokenizer_config.json says, else false. */
  cleanUpTokenizationSpaces?: boolean;
}

export interface DecodeStreamOptions extends DecodeOptions {
  /** Ids before the first one pushed (a prompt's last few): the text then continues theirs, leading space included. Default: none. */
  context?: ArrayLike<number>;
}

export interface WindowOptions {
  /** Most tokens of a window, specials and the other text included. Default: the configuration's `model_max_length`. */
  maxLength?: number;
  /** Tokens of the long text that neighbouring windows share. Default 0. */
  stride?: number;
  /** The text that is cut into windows. Default: 'only_second' for a pair, 'only_first' otherwise. */
  truncation?: 'only_first' | 'only_second';
  /** Default true. */
  addSpecialTokens?: boolean;
}

const ENCODE_NAMES = ['textPair', 'addSpecialTokens', 'truncation', 'maxLength'];
const WINDOW_NAMES = ['maxLength', 'stride', 'truncation', 'addSpecialTokens'];
const DECODE_NAMES = ['skipSpecialTokens', 'cleanUpTokenizationSpaces'];
const STREAM_NAMES = [...DECODE_NAMES, 'context'];

/** A word's tokens and where they came from, or an added token, which is a word of its own. */
type Visit = (span: Span, pieces: Pieces, added: AddedToken | null) => void;

/** A tokenizer.json, ready to use. Truncation and padding stored in the file are ignored. */
export class Tokenizer {
  /** Special tokens by role, where the files name them. */
  readonly specialTokens: Readonly<Partial<Record<SpecialRole, string>>>;
  /** Longest input the configuration names; undefined if it names none. */
  readonly modelMaxLength: number | undefined;
  /** Number of ids: the highest one plus one. */
  readonly vocabSize: number;
  /** Whether `decode` takes out spaces before punctuation (clean_up_tokenization_spaces). */
  readonly cleanUp: boolean;

  private readonly added: readonly AddedToken[];
  private readonly addedByContent: ReadonlyMap<string, AddedToken>;
  private readonly specialIds: ReadonlySet<number>;
  private readonly rawTokens: AddedTokenSplitter;
  private readonly normalizedTokens: AddedTokenSplitter;
  private readonly words: WordCache;
  private readonly postProcessing: PostProcessing;
  private texts: string[] | null = null;
  private modelTexts: string[] | null = null;
  /** Where ids of short texts are gathered. */
  private readonly scratch = new Int32Array(1024);

  /**
   * Builds a tokenizer. Where two tokens of a vocabulary have one id, both encode to it, and decoding gives the later one.
   * @param tokenizerJson the file's text or parsed content
   * @param tokenizerConfig the parsed tokenizer_config.json; the keys of special_tokens_map.json may be spread into it
   * @param fileName what error messages call the file
   * @param pause gives others a turn: a large vocabulary takes a while. Default: nobody waits
   * @throws INVALID_TOKENIZER for broken JSON, missing parts and unknown types
   */
  static async fromJson(
    tokenizerJson: object | string,
    tokenizerConfig: object = {},
    fileName = 'tokenizer.json',
    pause: Pause = () => undefined,
  ): Promise<Tokenizer> {
    let json: unknown = tokenizerJson;
    if (typeof tokenizerJson === 'string') {
      try {
        json = JSON.parse(tokenizerJson);
      } catch (error) {
        return invalidTokenizer(fileName, 'not valid JSON; the file may be truncated, download it again', error);
      }
    }
    const file = asObject(json, fileName);
    const config = asObject(tokenizerConfig, 'tokenizer_config.json');
    if (file.model === undefined) invalidTokenizer(fileName, 'has no "model"; this is not a tokenizer.json');
    await preparePatterns(file.normalizer, file.pre_tokenizer, file.decoder);
    await pause();
    const model = await createModel(file.model, `${fileName}: model`, pause);
    await pause();
    const normalize = await compileNormalizer(file.normalizer, `${fileName}: normalizer`);
    const preTokenizer = await compilePreTokenizer(file.pre_tokenizer, `${fileName}: pre_tokenizer`);
    const suffix = model.endOfWordSuffix ?? '';
    const startDecoding = await compileDecoder(file.decoder, `${fileName}: decoder`, suffix);
    await pause();
    return new Tokenizer(file, config, fileName, model, normalize, preTokenizer, startDecoding);
  }

  private constructor(
    json: JsonObject,
    config: JsonObject,
    fileName: string,
    private readonly model: WordModel,
    private readonly normalize: (text: string, base: number) => Aligned,
    private readonly preTokenizer: PreTokenization,
    private readonly startDecoding: (isClean: boolean) => Decoding,
  ) {
    // Python's classes give a model segments if its inputs name them; the general class of transformers 5 names none
    const { model_input_names: names, tokenizer_class: type } = config;
    const isTyped = Array.isArray(names) ? names.includes('token_type_ids') : type !== 'TokenizersBackend';
    this.postProcessing = compilePostProcessor(json.post_processor, `${fileName}: post_processor`, isTyped);
    const isBytes = this.preTokenizer.bytes;
    this.words = new WordCache(
      (word) => this.model.encode(isBytes ? utf8Characters(word) : word),
      this.model.begin ? 0 : undefined,
    );

    this.added = readAddedTokens(json.added_tokens, `${fileName}: added_tokens`);
    this.addedByContent = new Map(this.added.map((token) => [token.content, token]));
    this.specialIds = new Set(this.added.filter((token) => token.special).map((token) => token.id));
    const patterns = (normalized: boolean) =>
      this.added
        .filter((token) => token.normalized === normalized)
        .map((token) => ({ token, pattern: normalized ? this.normalize(token.content, 0).text : token.content }));
    this.rawTokens = new AddedTokenSplitter(patterns(false));
    this.normalizedTokens = new AddedTokenSplitter(patterns(true));

    this.vocabSize = this.added.reduce((size, { id }) => Math.max(size, id + 1), this.model.size);
    this.specialTokens = specialTokens(config, this.added, json.post_processor, this.model.unknownToken);
    this.modelMaxLength = modelMaxLength(config);
    this.cleanUp = config.clean_up_tokenization_spaces === true;
  }

  /** Texts of all ids. */
  private get vocab(): readonly string[] {
    if (!this.texts) {
      this.texts = this.modelVocab.slice();
      for (const { content, id } of this.added) this.texts[id] = content;
    }
    return this.texts;
  }

  /** Texts of the model's ids, among which an added token may have another one's. Made when first needed, as is `vocab`. */
  private get modelVocab(): readonly string[] {
    if (!this.modelTexts) {
      this.modelTexts = new Array<string>(this.vocabSize);
      for (const [token, id] of this.model.writtenIds ?? this.model.tokenToId) this.modelTexts[id] = token;
    }
    return this.modelTexts;
  }

  /** Id of a token, undefined if there is none. */
  tokenToId(token: string): number | undefined {
    return this.addedByContent.get(token)?.id ?? this.model.tokenToId.get(token);
  }

  /** Text of a token as the vocabulary has it, undefined if there is none. */
  idToToken(id: number): string | undefined {
    return this.vocab[id];
  }

  /** Id of the token with a special role, undefined where the files name none. */
  specialTokenId(role: SpecialRole): number | undefined {
    const token = this.specialTokens[role];
    return token === undefined ? undefined : this.tokenToId(token);
  }

  get bosToken(): string | undefined {
    return this.specialTokens.bos;
  }
  get eosToken(): string | undefined {
    return this.specialTokens.eos;
  }
  get padToken(): string | undefined {
    return this.specialTokens.pad;
  }
  get unkToken(): string | undefined {
    return this.specialTokens.unk;
  }
  get clsToken(): string | undefined {
    return this.specialTokens.cls;
  }
  get sepToken(): string | undefined {
    return this.specialTokens.sep;
  }
  get maskToken(): string | undefined {
    return this.specialTokens.mask;
  }
  get bosTokenId(): number | undefined {
    return this.specialTokenId('bos');
  }
  get eosTokenId(): number | undefined {
    return this.specialTokenId('eos');
  }
  get padTokenId(): number | undefined {
    return this.specialTokenId('pad');
  }
  get unkTokenId(): number | undefined {
    return this.specialTokenId('unk');
  }
  get clsTokenId(): number | undefined {
    return this.specialTokenId('cls');
  }
  get sepTokenId(): number | undefined {
    return this.specialTokenId('sep');
  }
  get maskTokenId(): number | undefined {
    return this.specialTokenId('mask');
  }

  /**
   * Encodes a text or a pair. An empty text gives the special tokens alone.
   * @throws INVALID_ARGUMENT for input that is not well-formed text, unknown options, and a `maxLength` that cannot be kept
   */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    refuseUnknown(options, ENCODE_NAMES);
    const { textPair, truncation = false } = options;
    const sequences = [this.sequence(text, 'text')];
    if (textPair !== undefined) sequences.push(this.sequence(textPair, 'textPair'));
    const template = this.template(sequences.length === 2, options.addSpecialTokens);
    let kept: [number, number] = [sequences[0].ids.length, sequences[1]?.ids.length ?? 0];
    if (truncation !== false) {
      const strategy = truncation === true ? 'longest_first' : truncation;
      if (!['longest_first', 'only_first', 'only_second'].includes(strategy)) {
        throw new WasmformerError(
          'INVALID_ARGUMENT',
          `truncation is ${JSON.stringify(strategy)}; expected true, false, 'longest_first', 'only_first' or 'only_second'`,
        );
      }
      const room = this.room(template, options.maxLength);
      kept = keptTokens(sequences[0].ids.length, sequences[1]?.ids.length ?? null, room, strategy);
    }
    return this.assemble(template, sequences, [0, 0], kept);
  }

  /**
   * Cuts one of the texts into overlapping windows, each with the whole other text beside it: what the Python tokenizer returns with
   * `return_overflowing_tokens=True`. `offsets` refer to the whole texts.
   * @throws INVALID_ARGUMENT as `encode`, and if a window has no room for more than `stride` tokens of the text
   */
  encodeWindows(text: string, textPair?: string | null, options: WindowOptions = {}): Encoding[] {
    refuseUnknown(options, WINDOW_NAMES);
    const sequences = [this.sequence(text, 'text')];
    if (textPair !== undefined && textPair !== null) sequences.push(this.sequence(textPair, 'textPair'));
    const { stride = 0, truncation = sequences.length === 2 ? 'only_second' : 'only_first' } = options;
    if (truncation !== 'only_first' && truncation !== 'only_second') {
      throw new WasmformerError('INVALID_ARGUMENT', `windows need truncation 'only_first' or 'only_second'`);
    }
    const long = truncation === 'only_first' ? 0 : 1;
    if (!sequences[long]) throw new WasmformerError('INVALID_ARGUMENT', "truncation 'only_second' needs a textPair");
    const template = this.template(sequences.length === 2, options.addSpecialTokens);
    const lengths: [number, number] = [sequences[0].ids.length, sequences[1]?.ids.length ?? 0];
    const room = this.room(template, options.maxLength);
    if (lengths[0] + lengths[1] <= room) return [this.assemble(template, sequences, [0, 0], lengths)];
    const size = room - lengths[1 - long];
    checkCount(stride, 'stride', 0);
    if (size <= stride) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `a window has room for ${Math.max(0, size)} tokens of the ${long === 0 ? 'first' : 'second'} text, which must be more than the stride of ${stride}: raise maxLength, lower the stride or shorten the other text`,
      );
    }
    return windowRanges(lengths[long], size, stride).map(([start, end]) => {
      const from: [number, number] = [0, 0];
      const to: [number, number] = [...lengths];
      from[long] = start;
      to[long] = end;
      return this.assemble(template, sequences, from, to);
    });
  }

  /** Number of tokens `encode` would give. */
  count(text: string, options: EncodeOptions = {}): number {
    return this.encode(text, options).length;
  }

  /**
   * Text of the ids. Ids without a token (negative ones and those beyond the vocabulary too) are left out, as in Python. An incomplete
   * UTF-8 sequence gives U+FFFD.
   * @throws INVALID_ARGUMENT for ids that are not integers, and unknown options
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    refuseUnknown(options, DECODE_NAMES);
    const { skipSpecialTokens = true, cleanUpTokenizationSpaces = this.cleanUp } = options;
    const decoding = this.startDecoding(cleanUpTokenizationSpaces);
    this.pushIds(decoding, ids, skipSpecialTokens);
    decoding.finish();
    return decoding.take();
  }

  /**
   * Decodes ids as they come: what the pushes and the final flush return is, joined, what `decode` gives for all the ids, and no piece
   * ends within a character. A piece is returned as soon as nothing that follows can change it.
   * @throws INVALID_ARGUMENT for unknown options
   */
  decodeStream(options: DecodeStreamOptions = {}): DecodeStream {
    refuseUnknown(options, STREAM_NAMES);
    const { skipSpecialTokens = true, cleanUpTokenizationSpaces = this.cleanUp, context = [] } = options;
    return new DecodeStream(
      () => this.startDecoding(cleanUpTokenizationSpaces),
      (decoding, ids) => this.pushIds(decoding, ids, skipSpecialTokens),
      context,
    );
  }

  /**
   * Text of token strings, as the decoder joins them (`convert_tokens_to_string`). Of a byte-level tokenizer, a string that is
   * not in the byte alphabet stands for itself, as in Python.
   */
  joinTokens(tokens: readonly string[]): string {
    const decoding = this.startDecoding(false);
    for (const token of tokens) decoding.push(token);
    decoding.finish();
    return decoding.take();
  }

  private pushIds(decoding: Decoding, ids: ArrayLike<number>, skipSpecialTokens: boolean): void {
    const { vocab } = this;
    if (typeof ids !== 'object' || typeof (ids as ArrayLike<number> | null)?.length !== 'number') {
      throw new WasmformerError('INVALID_ARGUMENT', `ids are ${describe(ids)}; expected an array of integers`);
    }
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      if (!Number.isInteger(id))
        throw new WasmformerError('INVALID_ARGUMENT', `ids[${i}] is ${describe(id)}; expected an integer`);
      if (skipSpecialTokens && this.specialIds.has(id)) continue;
      const token: string | undefined = vocab[id];
      if (token !== undefined) decoding.push(token);
    }
  }

  private template(pair: boolean, addSpecialTokens = true): PostProcessing['single'] {
    const items = pair ? this.postProcessing.pair : this.postProcessing.single;
    return addSpecialTokens ? items : items.filter((item) => 'sequence' in item);
  }

  /** Tokens of text that fit beside the specials. */
  private room(template: PostProcessing['single'], maxLength = this.modelMaxLength): number {
    if (maxLength === undefined) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        'truncation needs maxLength: the tokenizer configuration names no limit',
      );
    }
    checkCount(maxLength, 'maxLength', 1);
    const specials = template.filter((item) => 'id' in item).length;
    if (maxLength < specials) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `maxLength ${maxLength} has no room for the ${specials} special tokens: raise it or set addSpecialTokens to false`,
      );
    }
    return maxLength - specials;
  }

  private assemble(
    template: PostProcessing['single'],
    sequences: readonly TokenSequence[],
    from: readonly [number, number],
    to: readonly [number, number],
  ): Encoding {
    const parts = template.map((item): Part =>
      // not spread: Node 20 makes a hidden class of each
      'id' in item
        ? item
        : { sequence: item.sequence, type: item.type, from: from[item.sequence], to: to[item.sequence] },
    );
    return new Encoding(parts, sequences, this.postProcessing.trims);
  }

  private sequence(text: unknown, name: string): TokenSequence {
    if (typeof text !== 'string') {
      const found = text === null ? 'null' : typeof text;
      throw new WasmformerError('INVALID_ARGUMENT', `${name} is ${found}, not a string`);
    }
    if (LONE_SURROGATE.test(text)) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `${name} has a lone surrogate at unit ${text.search(LONE_SURROGATE)}: half a character was cut off; text.toWellFormed() replaces it`,
      );
    }
    let ids: Int32Array = text.length > this.scratch.length ? new Int32Array(text.length) : this.scratch;
    let count = 0;
    this.visit(text, (_, { ids: more }) => {
      ids = grown(ids, count + more.length); // unknown characters are several bytes each
      for (let i = 0; i < more.length; i++) ids[count++] = more[i];
    });
    const own = ids === this.scratch ? ids.slice(0, count) : ids.subarray(0, count);
    return new TokenSequence(text, own, () => this.trace(text));
  }

  /** Calls back for every word and added token of the text in order. */
  private visit(text: string, visit: Visit): void {
    for (const raw of this.rawTokens.split(text)) {
      const part = raw.from === 0 && raw.to === text.length ? text : text.slice(raw.from, raw.to);
      if (raw.token) {
        const whole = { source: new Aligned(part, raw.from), from: 0, to: part.length };
        visit(whole, addedPieces(raw.token, part.length), raw.token);
        continue;
      }
      const source = this.normalize(part, raw.from);
      for (const section of this.normalizedTokens.split(source.text)) {
        const { from, to, token } = section;
        if (token) {
          visit({ source, from, to }, addedPieces(token, to - from), token);
          continue;
        }
        this.model.begin?.();
        this.preTokenizer.split(source, from, to, (span) => {
          visit(span, this.words.get(span.source.text.slice(span.from, span.to)), null);
        });
      }
    }
  }

  private trace(text: string): Trace {
    const trace: Trace = { tokens: [], starts: [], ends: [], words: [] };
    const { modelVocab, model } = this;
    let word = 0;
    this.visit(text, (span, pieces, added) => {
      const { source, from, to } = span;
      const isBytes = this.preTokenizer.bytes && !added;
      const units = isBytes ? byteUnits(span.source.text, span.from, span.to) : null;
      const verbatim = (start: number, end: number): string => {
        const written = source.text.slice(from, to);
        return (isBytes ? utf8Characters(written) : written).slice(start, end);
      };
      const { ids, starts, ends } = pieces;
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i];
        const start = starts[i];
        const end = ends[i];
        trace.tokens.push(added || id === model.verbatimId ? verbatim(start, end) : modelVocab[id]);
        trace.starts.push(source.start(units ? units.first[start] : from + start));
        trace.ends.push(source.end(units ? units.last[end - 1] : from + end - 1));
        trace.words.push(word);
      }
      word++;
    });
    return trace;
  }
}

/** An added token as the one token of its own word; `length` includes the white space it took along. */
function addedPieces(token: AddedToken, length: number): Pieces {
  return { ids: [token.id], starts: [0], ends: [length] };
}

function checkCount(value: number, name: string, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new WasmformerError(
      'INVALID_ARGUMENT',
      `${name} is ${String(value)}; expected an integer of at least ${least}`,
    );
  }
}
