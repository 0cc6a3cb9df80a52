// Older tokenizer files as a tokenizer.json: which files a checkpoint has, and the converters for them.

import { WasmformerError } from '../../../errors.js';
import type { Source } from '../../source.js';
import { asObject, invalidTokenizer, type JsonObject, type Pause } from '../json.js';
import { familyOf, knownClasses, tokenizerClass, type Family } from './families.js';
import type { SideFiles } from './specials.js';

/** What a converter makes: the content of a tokenizer.json and of its tokenizer_config.json. */
export interface Converted {
  json: JsonObject;
  config: JsonObject;
}

/** Files that some tokenizer is read from. */
const VOCABULARY_FILES = /^(vocab\.(txt|json)|merges\.txt|.*\.(spm|model)|.*\.tiktoken|tekken\.json)$/;

/** A model's SentencePiece file, by the names that one or another class uses. */
const PIECE_FILES = ['tokenizer.model', 'spiece.model', 'sentencepiece.bpe.model', 'sentencepiece.model', 'spm.model'];

/**
 * Reads the tokenizer of a checkpoint without tokenizer.json. Asked for are only files that its class can have.
 * @param modelConfig config.json, empty if there is none: then the files themselves may tell their class
 * @param config what counts of tokenizer_config.json and special_tokens_map.json
 * @param isConfigured whether there is a tokenizer_config.json
 * @param pause gives others a turn
 * @returns what tokenizer.json would say, null if there are no files, or an error for files that cannot be converted but are only
 *   missed once there is text
 * @throws INVALID_TOKENIZER for damaged files, and what the source throws
 */
export async function convertTokenizer(
  source: Source,
  modelConfig: JsonObject,
  config: JsonObject,
  isConfigured: boolean,
  pause: Pause,
  signal?: AbortSignal,
): Promise<(Converted & { name: string }) | WasmformerError | null> {
  const files = new Files(source, pause, signal);
  let className = tokenizerClass(config.tokenizer_class ?? modelConfig.tokenizer_class, modelConfig.model_type);
  if (className === undefined && Object.keys(modelConfig).length === 0) className = await guess(files);
  const family = className === undefined ? undefined : familyOf(className);
  if (!family) return refusal(source, className, isConfigured, files);
  const found = await read(files, family, config);
  if (found === null) return files.seen.length > 0 ? refusal(source, className, true, files) : null;
  return found;
}

/** The class of files without any configuration, undefined if they do not tell. */
async function guess(files: Files): Promise<string | undefined> {
  const { classOfLines, classOfPieces, classOfVocab } = await import('./guess.js');
  if (await files.has('source.spm')) return 'MarianTokenizer';
  const lines = await files.text('vocab.txt');
  if (lines !== null) return classOfLines(lines);
  if (await files.has('merges.txt')) {
    const vocab = (await files.has('added_tokens.json')) ? null : await files.json('vocab.json');
    return vocab === null ? undefined : classOfVocab(vocab);
  }
  for (const name of ['tokenizer.model', 'spiece.model']) {
    const bytes = await files.bytes(name);
    if (bytes === null) continue;
    const { readPieceModel } = await import('./protobuf.js');
    return classOfPieces((await readPieceModel(bytes, files.where(name), files.pause)).pieces, name);
  }
  return undefined;
}

type Named = Converted & { name: string };

async function read(files: Files, family: Family, config: JsonObject): Promise<Named | null> {
  switch (family.kind) {
    case 'wordpiece': {
      const text = await files.text('vocab.txt');
      if (text === null) return null;
      const { convertWordPiece } = await import('./wordpiece.js');
      const where = files.where('vocab.txt');
      return { ...convertWordPiece(text, family, await files.beside(config), where), name: where };
    }
    case 'merges': {
      const vocab = await files.json('vocab.json');
      const merges = vocab === null ? null : await files.text('merges.txt');
      if (merges === null) return null;
      const { convertMerges } = await import('./merges.js');
      const where = { vocab: files.where('vocab.json'), merges: files.where('merges.txt') };
      const converted = await convertMerges(vocab, merges, family, await files.beside(config), where, files.pause);
      return { ...converted, name: where.vocab };
    }
    case 'sentencepiece': {
      const byVocab = family.layout === 'm2m' || family.layout === 'marian';
      const vocab = byVocab ? await files.json('vocab.json') : null;
      if (byVocab && vocab === null) return null;
      const name = await files.firstOf([family.file, ...PIECE_FILES]);
      const bytes = name === null ? null : await files.bytes(name);
      if (name === null || bytes === null) return null;
      const where = files.where(name);
      const { readPieceModel } = await import('./protobuf.js');
      const { convertPieces } = await import('./pieces.js');
      const target = config.separate_vocabs === true ? await files.json('target_vocab.json') : null;
      const model = await readPieceModel(bytes, where, files.pause);
      const beside = await files.beside(config);
      return { ...(await convertPieces(model, family, beside, { vocab, target }, where, files.pause)), name: where };
    }
  }
}

/** The files of a source, each of which is read once, and which were there. */
class Files {
  readonly seen: string[] = [];
  private readonly contents = new Map<string, Promise<unknown>>();

  constructor(
    private readonly source: Source,
    readonly pause: Pause,
    private readonly signal?: AbortSignal,
  ) {}

  where(file: string): string {
    return `${file} in ${this.source.name}`;
  }

  has(file: string): Promise<boolean> {
    return this.source.has(file, this.signal);
  }

  /** The first of the names; of all but the first only where the source can tell its files. */
  async firstOf([usual, ...others]: readonly string[]): Promise<string | null> {
    if (await this.has(usual)) return usual;
    const listed = (await this.source.list?.()) ?? [];
    return others.find((name) => listed.includes(name)) ?? null;
  }

  bytes(file: string): Promise<Uint8Array | null> {
    return this.once(file, () => this.source.readAll(file, this.signal));
  }

  async text(file: string): Promise<string | null> {
    const bytes = await this.bytes(file);
    if (bytes === null) return null;
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      return invalidTokenizer(this.where(file), 'not UTF-8 text; the file may be damaged, download it again', error);
    }
  }

  json(file: string): Promise<JsonObject | null> {
    return this.once(file, async () => asObject(await this.source.readJson(file, this.signal), this.where(file)));
  }

  /** What was read of a file before, else what `read` gives of it; null if it is not there. A file is always read the same way. */
  private once<T>(file: string, read: () => Promise<T>): Promise<T | null> {
    let content = this.contents.get(file) as Promise<T | null> | undefined;
    if (!content) {
      content = this.has(file).then((isThere) => {
        if (!isThere) return null;
        this.seen.push(file);
        return read();
      });
      this.contents.set(file, content);
    }
    return content;
  }

  /** added_tokens.json, where tokenizer_config.json does not replace it. */
  async beside(config: JsonObject): Promise<SideFiles> {
    return { config, added: config.added_tokens_decoder == null ? await this.json('added_tokens.json') : null };
  }
}

/** Why there is no tokenizer, if there are files of one. */
async function refusal(
  source: Source,
  className: string | undefined,
  named: boolean,
  files: Files,
): Promise<WasmformerError | null> {
  const listed = source.list ? (await source.list()).filter((file) => VOCABULARY_FILES.test(file)) : files.seen;
  if (listed.length === 0 && !(named && className !== undefined)) return null;
  const has = listed.length > 0 ? `${listed.sort().join(', ')}, but no tokenizer.json` : 'no tokenizer.json';
  const kinds = (Object.keys(FILES_OF) as Family['kind'][]).filter((kind) =>
    listed.some((file) => FILES_OF[kind].test(file)),
  );
  const known = `of such files those of ${knownClasses(kinds).join(', ')} can be converted`;
  const reason =
    className === undefined
      ? `nothing names its class: ${known}; name it as "tokenizer_class" in a tokenizer_config.json, or as loadTokenizer's tokenizerClass`
      : `its tokenizer_class is ${className}: ${known}; save a tokenizer.json with Hugging Face transformers`;
  return new WasmformerError(
    'INVALID_TOKENIZER',
    `${source.name} has ${has}, and ${reason}, or pass { inputIds } instead of text`,
  );
}

const FILES_OF: Readonly<Record<Family['kind'], RegExp>> = {
  wordpiece: /^vocab\.txt$/,
  merges: /^(vocab\.json|merges\.txt)$/,
  sentencepiece: /\.(spm|model)$/,
};
