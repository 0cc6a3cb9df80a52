// The small JSON files of a checkpoint folder: config.json, the tokenizer's, sentence-transformers'.
import { WasmformerError } from '../errors';
import { parseJson, type ParseJson } from '../io/json';
import type { Source } from '../io/source';
import type { Tokenizer } from '../io/tokenizer';
import type { DenseSettings } from '../models/dense';
import type { Config } from '../models/model';
import type { Pooling } from '../ops/pool';
import { Turns } from '../runtime/turns';

/** Of a tokenizer.json that is read in turns. */
const LARGE_BYTES = 1 << 20;

type Json = Readonly<Record<string, unknown>>;

/** What sentence-transformers stores beside a checkpoint. */
interface SentenceSettings {
  pooling: Pooling;
  /** Layers behind the pooling. */
  dense: DenseSettings[];
  normalize: boolean;
  /** Texts are truncated to so many tokens. */
  maxSeqLength?: number;
  /** Texts are put in lower case. */
  lowerCase: boolean;
  prompts: Readonly<Record<string, string>>;
  defaultPromptName: string | null;
  /** Whether a prompt's tokens are pooled with the text's. */
  includePrompt: boolean;
  /** config_sentence_transformers.json; null if there is none. */
  json: Json | null;
}

export interface Settings {
  readonly config: Config;
  readonly tokenizer: Tokenizer | null;
  /** Why the files of a tokenizer cannot be used: only those who give text need to know. */
  readonly tokenizerRefusal: WasmformerError | null;
  /** What starts a token that continues a word, '##' in BERT. */
  readonly continuingSubwordPrefix: string | null;
  readonly sentence: SentenceSettings;
  /** generation_config.json; null if there is none. */
  readonly generation: Config | null;
}

async function readObject(source: Source, file: string, signal?: AbortSignal, parse?: ParseJson): Promise<Json | null> {
  const value = await source.readJsonIfThere(file, signal, parse);
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WasmformerError('INVALID_FILE', `${file} in ${source.name}: must be a JSON object`);
  }
  return value as Json;
}

/** config.json, which every checkpoint must have. */
export async function readConfig(source: Source, signal?: AbortSignal): Promise<Config> {
  const config = await readObject(source, 'config.json', signal);
  if (config) {
    if (config.model_type) return config;
    return (await import('../models/unsupported-type')).withModelType(config, source.name);
  }
  throw new WasmformerError(
    'FILE_NOT_FOUND',
    `${source.name} has no config.json: give a folder in Hugging Face layout`,
  );
}

/** Reads what a folder has; only config.json must exist. */
export async function readSettings(source: Source, signal?: AbortSignal): Promise<Settings> {
  const config = readConfig(source, signal);
  const [, tokenizer, sentence, generation] = await Promise.all([
    config,
    readTokenizer(source, config, signal),
    readSentenceSettings(source, signal),
    readObject(source, 'generation_config.json', signal),
  ]);
  return { config: await config, ...tokenizer, sentence, generation };
}

/** The tokenizer of a folder: from tokenizer.json, else from the older files that its class or architecture has.
 *  @param tokenizerClass counts for more than what the files say */
export async function readTokenizer(
  source: Source,
  modelConfig: Config | Promise<Config>,
  signal?: AbortSignal,
  tokenizerClass?: string,
): Promise<Pick<Settings, 'tokenizer' | 'tokenizerRefusal' | 'continuingSubwordPrefix'>> {
  const turns = new Turns();
  const pause = (): Promise<void> | undefined => turns.give(signal);
  const parse: ParseJson = async (bytes, where) => {
    if (bytes.length < LARGE_BYTES) return parseJson(bytes, where);
    return (await import('../io/tokenizer/large-json')).parseLargeJson(bytes, where, pause);
  };
  const [stored, own, specials] = await Promise.all([
    readObject(source, 'tokenizer.json', signal, parse),
    readObject(source, 'tokenizer_config.json', signal),
    readObject(source, 'special_tokens_map.json', signal),
  ]);
  // newer configurations say everything, older ones less than special_tokens_map.json
  const said: Json = own?.added_tokens_decoder ? own : { ...own, ...specials };
  const config = tokenizerClass === undefined ? said : { ...said, tokenizer_class: tokenizerClass };
  let found: { json: Json; config: Json; name: string };
  if (stored) {
    found = { json: stored, config, name: `tokenizer.json in ${source.name}` };
    if (isContradicted(found)) {
      const { withClassSettings } = await import('../io/tokenizer/class-settings');
      found.json = withClassSettings(stored, config, found.name);
    }
  } else if (await lacksTokenizer(source)) {
    return { tokenizer: null, tokenizerRefusal: null, continuingSubwordPrefix: null };
  } else {
    const { convertTokenizer } = await import('../io/tokenizer/convert');
    const converted = await convertTokenizer(source, await modelConfig, config, own !== null, pause, signal);
    if (converted === null || converted instanceof WasmformerError) {
      return { tokenizer: null, tokenizerRefusal: converted, continuingSubwordPrefix: null };
    }
    found = converted;
  }
  const { Tokenizer } = await import('../io/tokenizer');
  const prefix = (found.json.model as Json | undefined)?.continuing_subword_prefix;
  return {
    tokenizer: await Tokenizer.fromJson(found.json, found.config, found.name, pause),
    tokenizerRefusal: null,
    continuingSubwordPrefix: typeof prefix === 'string' && prefix !== '' ? prefix : null,
  };
}

/** The tokenizer that was read. Throws what stood against it, NO_TOKENIZER if there was none. */
export function tokenizerOf(
  { tokenizer, tokenizerRefusal }: Pick<Settings, 'tokenizer' | 'tokenizerRefusal'>,
  { name }: Source,
  cure: string,
): Tokenizer {
  if (tokenizer) return tokenizer;
  throw (
    tokenizerRefusal ??
    new WasmformerError('NO_TOKENIZER', `${name} has no tokenizer.json or older tokenizer files: ${cure}`)
  );
}

/** Whether tokenizer_config.json may say something else than tokenizer.json: of BERT's, of which most are, only if it does. */
function isContradicted({ json, config }: { json: Json; config: Json }): boolean {
  const { type, lowercase, strip_accents = null, handle_chinese_chars } = (json.normalizer ?? {}) as Json;
  if (type !== 'BertNormalizer') return true;
  const { do_lower_case = lowercase, tokenize_chinese_chars = handle_chinese_chars } = config;
  const added = (json.added_tokens ?? []) as readonly unknown[];
  const known = JSON.stringify(added);
  return (
    do_lower_case !== lowercase ||
    (config.strip_accents ?? null) !== strip_accents ||
    tokenize_chinese_chars !== handle_chinese_chars ||
    Object.keys(config.added_tokens_decoder ?? {}).length > added.length ||
    Object.keys(config).some((key) => /_token$/.test(key) && !known.includes(JSON.stringify(config[key])))
  );
}

/** Whether the files' names show that none is a tokenizer's: then the code that reads one is not needed. */
async function lacksTokenizer(source: Source): Promise<boolean> {
  const names = await source.list?.().catch(() => null);
  return names?.every((name) => /^config\.json$|\.(safetensors|bin|md|gitattributes)$/.test(name)) ?? false;
}

const POOLING_KEYS: readonly [key: string, pooling: Pooling][] = [
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_sqrt_len_tokens', 'meanSqrtLen'],
  ['pooling_mode_lasttoken', 'lastToken'],
];

const POOLING_NAMES: Readonly<Record<string, Pooling>> = {
  cls: 'cls',
  mean: 'mean',
  max: 'max',
  mean_sqrt_len_tokens: 'meanSqrtLen',
  lasttoken: 'lastToken',
};

/** The poolings that a module's settings choose. */
function poolingsOf(settings: Json): readonly Pooling[] {
  const named = typeof settings.pooling_mode === 'string' ? POOLING_NAMES[settings.pooling_mode] : undefined;
  return named ? [named] : POOLING_KEYS.filter(([key]) => settings[key] === true).map(([, pooling]) => pooling);
}

const mistakes = (): Promise<typeof import('./sentence-mistakes')> => import('./sentence-mistakes');

/** modules.json and what it points to. Without it: mean and normalised. */
async function readSentenceSettings(source: Source, signal?: AbortSignal): Promise<SentenceSettings> {
  const [bert, prompts, modules] = await Promise.all([
    readObject(source, 'sentence_bert_config.json', signal),
    readObject(source, 'config_sentence_transformers.json', signal),
    source.readJsonIfThere('modules.json', signal),
  ]);
  const result: SentenceSettings = {
    pooling: 'mean',
    dense: [],
    normalize: true,
    lowerCase: bert?.do_lower_case === true,
    prompts: {},
    defaultPromptName: null,
    includePrompt: true,
    json: null,
  };
  if (typeof bert?.max_seq_length === 'number') result.maxSeqLength = bert.max_seq_length;
  result.json = prompts;
  if (prompts) {
    result.prompts = (prompts.prompts ?? {}) as Record<string, string>;
    if (!Object.values<unknown>(result.prompts).every((prompt) => typeof prompt === 'string'))
      throw (await mistakes()).wrongPrompts(source.name);
    result.defaultPromptName = typeof prompts.default_prompt_name === 'string' ? prompts.default_prompt_name : null;
  }
  if (modules === undefined) return result;
  if (!Array.isArray(modules)) throw (await mistakes()).modulesAreNoList(source.name);
  result.normalize = false;
  for (const { type, path } of modules as { type?: string; path?: string }[]) {
    const kind = String(type).split('.').at(-1);
    const folder = path ?? '';
    const file = `${folder}/config.json`;
    const readOwn = async (): Promise<Json> => {
      const own = await readObject(source, file, signal);
      if (!own) throw (await mistakes()).missingModule(source.name, file);
      return own;
    };
    if (kind === 'Pooling') {
      const pooling = await readOwn();
      const chosen = poolingsOf(pooling);
      if (chosen.length !== 1) {
        const keys = POOLING_KEYS.map(([key]) => key);
        throw (await mistakes()).notOnePooling(source.name, file, keys, chosen.length);
      }
      result.includePrompt = pooling.include_prompt !== false;
      [result.pooling] = chosen;
    } else if (kind === 'Normalize') {
      result.normalize = true;
    } else if (kind === 'Dense' && !result.normalize) {
      const { denseSettings } = await import('./dense');
      result.dense.push(denseSettings(folder, await readOwn(), `${file} in ${source.name}`));
    } else if (kind !== 'Transformer') {
      throw (await mistakes()).unknownModule(source.name, type);
    }
  }
  return result;
}
