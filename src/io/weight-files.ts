// Checkpoints that are not one model.safetensors: several shards with an index, a file of another name, or PyTorch's own files.
import { throwIfAborted, WasmformerError } from '../errors';
import { findJsonFlaw, isJsonObject, parseJson } from './json';
import { checkpointOf, openSafetensors, type Checkpoint, type WeightFile } from './safetensors-file';
import type { TensorEntry } from './safetensors-header';
import { isInnerFileName } from './source-base';
import type { Source } from './source-base';

/** The usual name of the only weight file. */
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** What torch.save's files are called. */
const PYTORCH = /\.(bin|pt|pth)$/;
const PYTORCH_SINGLE = 'pytorch_model.bin';
const PYTORCH_INDEX = 'pytorch_model.bin.index.json';
/** All that repositories made for transformers.js have. */
const ONNX = 'onnx/model.onnx';
/** Shard headers read at the same time. */
const PARALLEL_HEADERS = 4;

/** The weight file of a source that has none of the usual name. Throws FILE_NOT_FOUND, which lists what there is. */
export async function findWeights(source: Source, signal?: AbortSignal): Promise<string> {
  if (await source.has(INDEX, signal)) return INDEX;
  const looked = `no weights in ${source.name}: looked for ${SINGLE}, ${INDEX}, ${PYTORCH_SINGLE} and ${PYTORCH_INDEX}`;
  const files = await listFiles(source, signal);
  if (!files) {
    for (const file of [PYTORCH_SINGLE, PYTORCH_INDEX]) if (await source.has(file, signal)) return file;
    const message = `${looked}; if the weights have another name, give the URL of that file`;
    throw new WasmformerError('FILE_NOT_FOUND', message);
  }
  const indexes = files.filter((file) => file.endsWith('.safetensors.index.json'));
  if (indexes.length === 1) return indexes[0];
  const singles = files.filter((file) => file.endsWith('.safetensors'));
  if (singles.length === 1 && indexes.length === 0) return singles[0];
  if (singles.length > 0) {
    const shards = indexes.length === 0 && singles.every((file) => /-\d+-of-\d+\.safetensors$/.test(file));
    const cure = shards
      ? `they are shards: their index file ${INDEX} is missing`
      : 'name the one to load in place of the folder (.../' + (indexes[0] ?? singles[0]) + ')';
    throw new WasmformerError('FILE_NOT_FOUND', `${looked}, found ${[...indexes, ...singles].join(', ')}; ${cure}`);
  }
  const own = [PYTORCH_SINGLE, PYTORCH_INDEX].find((file) => files.includes(file));
  if (own) return own;
  const others = files.filter((file) => /\.(bin|pt|pth|ckpt|h5|msgpack|onnx|gguf|npz)$/.test(file));
  let found = 'none';
  if (others.length > 0) {
    found = `only ${others.join(', ')}; save the model as safetensors, or name the file, if it is one of torch.save's`;
  } else if (await source.has(ONNX, signal)) {
    found = `only ${ONNX}: load the repository that it was converted from, which its model card names`;
  }
  throw new WasmformerError('FILE_NOT_FOUND', `${looked} and any other .safetensors file, found ${found}`);
}

async function listFiles(source: Source, signal?: AbortSignal): Promise<string[] | undefined> {
  try {
    const files = await source.list?.();
    return files?.sort();
  } catch (error) {
    // A mirror may lack the Hub's listing; then the names above are all there is to try.
    if (error instanceof WasmformerError && (error.code === 'FILE_NOT_FOUND' || error.code === 'NETWORK')) {
      throwIfAborted(signal);
      return undefined;
    }
    throw error;
  }
}

/** Opens the shards of an index. Every header is read and checked, no data yet. */
export async function openShards(source: Source, indexFile: string, signal?: AbortSignal): Promise<Checkpoint> {
  const where = `${indexFile} in ${source.name}`;
  const shardOf = await readIndex(source, indexFile, signal);
  const shards = [...new Set(shardOf.values())];
  const opened = new Array<WeightFile>(shards.length);
  let next = 0;
  const openSome = async () => {
    while (next < shards.length) {
      const i = next++;
      opened[i] = await openShard(source, shards[i], where, signal);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_HEADERS, shards.length) }, openSome));

  const tensors = new Map<string, TensorEntry>();
  const holders = new Map<string, WeightFile>();
  const metadata: Record<string, string> = {};
  for (const shard of opened) {
    for (const [name, entry] of shard.tensors) {
      if (shardOf.get(name) !== shard.file) continue;
      tensors.set(name, entry);
      holders.set(name, shard);
    }
    for (const [key, value] of Object.entries(shard.metadata)) {
      if (!Object.hasOwn(metadata, key)) setOwn(metadata, key, value);
    }
  }
  for (const [name, shard] of shardOf) {
    if (!tensors.has(name)) {
      throw new WasmformerError(
        'INVALID_FILE',
        `${where}: tensor ${JSON.stringify(name)} should be in ${shard}, but is not; download both again`,
      );
    }
  }
  return checkpointOf(source, tensors, metadata, (entry, ...rest) => holders.get(entry.name)!.locate(entry, ...rest));
}

/** Opens a weight file by what its name says it is. */
export async function openOne(source: Source, file: string, signal?: AbortSignal): Promise<WeightFile> {
  if (!PYTORCH.test(file)) return openSafetensors(source, file, signal);
  return (await import('./pytorch/pytorch')).openPytorch(source, file, signal);
}

async function openShard(source: Source, file: string, index: string, signal?: AbortSignal): Promise<WeightFile> {
  try {
    return await openOne(source, file, signal);
  } catch (error) {
    if (!(error instanceof WasmformerError) || error.code !== 'FILE_NOT_FOUND') throw error;
    throw new WasmformerError('FILE_NOT_FOUND', `${index} names the shard ${file}, which is missing`, { cause: error });
  }
}

/** Name of every tensor and the shard that holds it. */
async function readIndex(source: Source, file: string, signal?: AbortSignal): Promise<Map<string, string>> {
  const where = `${file} in ${source.name}`;
  const fail = (problem: string) => new WasmformerError('INVALID_FILE', `${where}: ${problem}`);
  const bytes = await source.readAll(file, signal);
  const index = parseJson(bytes, where);
  const flaw = findJsonFlaw(new TextDecoder().decode(bytes));
  if (flaw !== undefined) throw fail(flaw);
  const weightMap = isJsonObject(index) ? index.weight_map : undefined;
  if (!isJsonObject(weightMap)) throw fail('it has no object "weight_map"');
  const shardOf = new Map<string, string>();
  for (const [name, shard] of Object.entries(weightMap)) {
    if (!isInnerFileName(shard) || !(shard.endsWith('.safetensors') || PYTORCH.test(shard))) {
      throw fail(
        `weight_map places ${JSON.stringify(name)} in ${JSON.stringify(shard)}, ` +
          'which is not the name of a weight file inside the folder',
      );
    }
    shardOf.set(name, shard);
  }
  return shardOf;
}

/** Plain assignment to `__proto__` would change the prototype instead. */
function setOwn(target: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
