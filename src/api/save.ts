// Writes a loaded model as files in Hugging Face layout: its weights tensor by tensor, and the small files as they came.
import * as platform from '#platform';
import { throwIfAborted, WasmformerError } from '../errors';
import { writeError, type OpenOutput } from '../io/file-output';
import { layoutSafetensors } from '../io/safetensors-write';
import type { Source } from '../io/source';
import type { SavedTensor } from '../runtime/held-tensors';
import { checkNames } from '../runtime/option-names';
import type { ModelRunner } from '../runtime/runner';
import type { PretrainedModel } from './pretrained';

export interface SaveOptions {
  signal?: AbortSignal;
}

/** What is saved. */
type Model = PretrainedModel<ModelRunner>;

/** Takes files. */
interface Sink {
  create(file: string, bytes: number): Promise<OpenOutput>;
}

const WEIGHTS = 'model.safetensors';

/** What Hugging Face layout has beside the weights: config.json first, tokenizers, sentence-transformers. */
const SMALL_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'spiece.model',
  'sentencepiece.bpe.model',
  'tokenizer.model',
  'source.spm',
  'target.spm',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
];

/** Tensors cross from the engine in pieces of so many bytes. */
const PIECE = 4 * 2 ** 20;

const BYTES = { F32: 4, F16: 2, BF16: 2 } as const;

async function signalOf(options: SaveOptions): Promise<AbortSignal | undefined> {
  await checkNames(options, 'signal');
  throwIfAborted(options.signal);
  return options.signal;
}

/** Writes the model into a folder.
 *  @throws INVALID_ARGUMENT, WRITE_FAILED, UNSUPPORTED_PLATFORM, ABORTED, and what reading the small files throws */
export async function saveToFolder(dir: string | URL, model: Model, options: SaveOptions): Promise<void> {
  const signal = await signalOf(options);
  const { files, output } = platform;
  if (!files || !output) {
    throw new WasmformerError(
      'UNSUPPORTED_PLATFORM',
      'there is no file system here: toFiles() gives the same files as bytes, to be downloaded or stored',
    );
  }
  const text = dir instanceof URL ? dir.href : dir;
  if (typeof text !== 'string' || text.trim() === '' || /^(?!file:)[a-z]{2,}:/i.test(text)) {
    throw new WasmformerError('INVALID_ARGUMENT', `a model is saved into a local folder, not ${JSON.stringify(text)}`);
  }
  let path: string;
  try {
    path = files.resolve(text);
  } catch (cause) {
    throw new WasmformerError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not a valid file URL`, { cause });
  }
  if ((await files.kind(path)) === 'file')
    throw new WasmformerError('INVALID_ARGUMENT', `${path} is a file: give a folder to save into`);
  const makeFolder = async (folder: string): Promise<void> => {
    try {
      await output.makeFolder(folder);
    } catch (error) {
      throw writeError(folder, error);
    }
  };
  await makeFolder(path);
  const sink: Sink = {
    async create(file) {
      const target = files.join(path, file);
      if (file.includes('/')) await makeFolder(files.split(target).folder);
      try {
        return named(target, await output.create(target));
      } catch (error) {
        throw writeError(target, error);
      }
    },
  };
  await write(model, sink, signal);
}

/** The files in memory, by name.
 *  @throws OUT_OF_MEMORY, ABORTED, and what reading the small files throws */
export async function saveToMemory(
  model: Model,
  options: SaveOptions,
): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const signal = await signalOf(options);
  const result: Record<string, Uint8Array<ArrayBuffer>> = {};
  const sink: Sink = {
    async create(file, bytes) {
      const content = allocate(file, bytes);
      let at = 0;
      return {
        async write(part) {
          content.set(part, at);
          at += part.byteLength;
        },
        async finish() {
          result[file] = content;
        },
        discard: async () => {},
      };
    },
  };
  await write(model, sink, signal);
  return result;
}

function allocate(file: string, bytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new WasmformerError(
      'OUT_OF_MEMORY',
      `${file} takes ${(bytes / 2 ** 20).toFixed(1)} MB, which JavaScript cannot hold at once here: use savePretrained(folder)`,
      { cause },
    );
  }
}

/** An output whose failures name its path. */
function named(path: string, output: OpenOutput): OpenOutput {
  const rename = async (task: Promise<void>): Promise<void> => {
    try {
      await task;
    } catch (error) {
      throw writeError(path, error);
    }
  };
  return {
    write: (bytes) => rename(output.write(bytes)),
    finish: () => rename(output.finish()),
    discard: () => output.discard(),
  };
}

async function write(model: Model, sink: Sink, signal?: AbortSignal): Promise<void> {
  const tensors = await model.ask('savedTensors', undefined, { signal });
  // read first: the folder may be the one that they come from
  const small = await smallFiles(model.source, signal);
  // layers that have a weight file of their own: that of `{folder}.{name}` is `name` in it
  const folders = model.settings.sentence.dense.map(({ path }) => path);
  const folderOf = (name: string): string => folders.find((folder) => name.startsWith(`${folder}.`)) ?? '';
  for (const folder of ['', ...folders]) {
    const chosen = tensors.filter(({ name }) => folderOf(name) === folder);
    await writeWeights(model, chosen, sink, folder, signal);
  }
  for (const [file, content] of small) {
    throwIfAborted(signal);
    await writeFile(sink, file, content.byteLength, (output) => output.write(content));
  }
}

/** Writes the tensors of a folder, '' for the checkpoint itself. */
async function writeWeights(
  model: Model,
  saved: readonly SavedTensor[],
  sink: Sink,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const prefix = folder && `${folder}.`;
  const renamed = saved.map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length) }));
  const { head, tensors, bytes } = layoutSafetensors(renamed, { format: 'pt' });
  await writeFile(sink, folder ? `${folder}/${WEIGHTS}` : WEIGHTS, bytes, async (output) => {
    await output.write(head);
    for (const { name, dtype, dims } of tensors) {
      const rowBytes = dims.slice(1).reduce((product, dim) => product * dim, BYTES[dtype]);
      const step = Math.max(1, Math.floor(PIECE / rowBytes));
      for (let first = 0; first < dims[0]; first += step) {
        throwIfAborted(signal);
        const count = Math.min(step, dims[0] - first);
        await output.write(await model.ask('tensorRows', { name: prefix + name, first, count }, { signal }));
      }
    }
  });
}

async function writeFile(
  sink: Sink,
  file: string,
  bytes: number,
  fill: (output: OpenOutput) => Promise<void>,
): Promise<void> {
  const output = await sink.create(file, bytes);
  try {
    await fill(output);
  } catch (error) {
    await output.discard().catch(() => {});
    throw error;
  }
  await output.finish();
}

/** The files beside the weights, as they are. */
async function smallFiles(source: Source, signal?: AbortSignal): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const add = async (file: string): Promise<void> => {
    if (await source.has(file, signal)) found.set(file, await source.readAll(file, signal));
  };
  try {
    for (const file of SMALL_FILES) await add(file);
    if (found.has('modules.json')) {
      const modules = (await source.readJson('modules.json', signal)) as readonly { path?: string }[];
      for (const { path } of modules) if (path) await add(`${path}/config.json`);
    }
  } finally {
    await source.close();
  }
  return found;
}
