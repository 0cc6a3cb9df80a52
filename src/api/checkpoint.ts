// A checkpoint whose class the caller does not know: what it is, what is in it, its tokenizer, the model. For the command line.
import { WasmformerError } from '../errors';
import { openCheckpoint } from '../io/safetensors';
import type { Source, SourceInput } from '../io/source';
import type { Tokenizer } from '../io/tokenizer';
import type { Config } from '../models/model';
import { MODEL_TYPES } from '../models/unsupported-type';
import { checkNames } from '../runtime/option-names';
import type { ModelKind } from '../runtime/runner';
import type { Decoder } from './decoder';
import type { Encoder } from './encoder';
import type { LoadTokenizerOptions } from './load-tokenizer';
import { checkText, FILE_NAMES, openFiles, type FileOptions, type FromPretrainedOptions } from './pretrained';
import { readConfig, readTokenizer, tokenizerOf } from './settings';
import type { Transformer } from './transformer';

type ReadOptions = FileOptions & { signal?: AbortSignal };

export interface TensorDescription {
  readonly name: string;
  /** As the file names it: F32, BF16, ... */
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly bytes: number;
  readonly file: string;
}

/** What is in a checkpoint. Of the weights only the headers are read. */
export interface CheckpointDescription {
  /** What the user gave. */
  readonly name: string;
  readonly config: Config;
  /** null: no class of this library is for its model_type. */
  readonly kind: ModelKind | null;
  /** Null where files cannot be listed: most servers. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[] | null;
  readonly tensors: readonly TensorDescription[];
}

/** Which class a config is for. Throws UNSUPPORTED_MODEL. */
export function kindOf({ model_type: type }: Config): ModelKind {
  const { Encoder, Decoder, Transformer } = MODEL_TYPES;
  const has = (types: readonly unknown[]): boolean => types.includes(type);
  if (has(Encoder)) return 'encoder';
  if (has(Decoder)) return 'decoder';
  if (has(Transformer)) return 'transformer';
  throw new WasmformerError(
    'UNSUPPORTED_MODEL',
    `config.json: model_type ${JSON.stringify(type)} is not supported; supported are ${[...Encoder, ...Decoder, ...Transformer].join(', ')}`,
  );
}

/** The class of a checkpoint.
 *  @throws UNSUPPORTED_MODEL, and as fromPretrained */
export async function kindOfCheckpoint(input: SourceInput, options: ReadOptions): Promise<ModelKind> {
  return within(input, options, async (source) => kindOf(await readConfig(source, options.signal)));
}

/** Loads a checkpoint into its class.
 *  @throws as fromPretrained */
export async function openModel(
  input: SourceInput,
  options: FromPretrainedOptions,
): Promise<Encoder | Decoder | Transformer> {
  switch (await kindOfCheckpoint(input, options)) {
    case 'encoder':
      return (await import('./encoder')).Encoder.fromPretrained(input, options);
    case 'decoder':
      return (await import('./decoder')).Decoder.fromPretrained(input, options);
    case 'transformer':
      return (await import('./transformer')).Transformer.fromPretrained(input, options);
  }
}

/** What loadTokenizer does. */
export async function openTokenizer(input: SourceInput, options: LoadTokenizerOptions): Promise<Tokenizer> {
  await checkNames(options, `tokenizerClass signal ${FILE_NAMES}`);
  const { tokenizerClass: named, ...rest } = options;
  checkText('tokenizerClass', named, 'the name of a class');
  return within(input, rest, async (source) => {
    const { signal } = rest;
    // only the conversion of older files asks it something
    const config = (await source.has('config.json', signal)) ? await readConfig(source, signal) : {};
    return tokenizerOf(await readTokenizer(source, config, signal, named), source, 'give a folder that has them');
  });
}

/** Reads what a checkpoint says about itself, also one that this library cannot run.
 *  @throws FILE_NOT_FOUND, INVALID_FILE, NETWORK, ABORTED, INVALID_ARGUMENT */
export async function describeCheckpoint(input: SourceInput, options: ReadOptions): Promise<CheckpointDescription> {
  return within(input, options, async (source) => {
    const { signal } = options;
    const config = await readConfig(source, signal);
    const { tensors } = await openCheckpoint(source, signal);
    return {
      name: source.name,
      config,
      kind: kindOrNull(config),
      files: await filesOf(source, signal),
      tensors: [...tensors.values()].map(({ name, dtype, dims, byteLength, file }) => ({
        name,
        dtype,
        dims,
        bytes: byteLength,
        file,
      })),
    };
  });
}

function kindOrNull(config: Config): ModelKind | null {
  try {
    return kindOf(config);
  } catch {
    return null;
  }
}

async function filesOf(source: Source, signal?: AbortSignal): Promise<{ name: string; bytes: number }[] | null> {
  const names = await source.list?.().catch((error: unknown) => {
    if (error instanceof WasmformerError && error.code !== 'ABORTED') return null;
    throw error;
  });
  if (!names) return null;
  return Promise.all(names.sort().map(async (name) => ({ name, bytes: await source.size(name, signal) })));
}

async function within<T>(input: SourceInput, options: ReadOptions, use: (source: Source) => Promise<T>): Promise<T> {
  const { signal, ...files } = options;
  const source = await openFiles(input, files, signal);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}
