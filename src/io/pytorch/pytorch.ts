// Checkpoints as torch.save writes them (pytorch_model.bin): a pickle that describes the tensors, and their storages; in a zip
// file since PyTorch 1.6, one after the other before.
import { WasmformerError } from '../../errors';
import { DTYPE_BITS, type SafetensorsDtype, type TensorEntry } from '../safetensors-header';
import { lookalike } from '../lookalikes';
import { checkpointOf, type Checkpoint, type WeightFile } from '../safetensors-file';
import type { Source } from '../source-base';
import { TensorView, unpickle, type Storage } from './pickle';
import { contentStart, readZip, type Member } from './zip';

/** A pickle of more bytes than this describes no tensors. */
const MAX_PICKLE = 64 * 2 ** 20;
/** What an old file's first pickle holds: an integer of ten bytes. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_VERSION = 1001;
/** Where the tensors may be, if the outermost dict has none: what training loops save. */
const INNER = ['state_dict', 'model_state_dict', 'model', 'module'];

/** Where a storage's bytes lie. */
interface Place {
  readonly bytes: number;
  /** Position of its first byte in the file. */
  start(signal?: AbortSignal): Promise<number>;
}

interface Opened {
  readonly root: unknown;
  readonly places: ReadonlyMap<string, Place>;
}

/**
 * Opens a file of torch.save's. The pickle is read by a reader that runs nothing (pickle.ts); no tensor's data yet.
 * @throws INVALID_FILE (damaged, or it asks for more than tensors), FILE_NOT_FOUND, NETWORK, ABORTED
 */
export async function openPytorch(source: Source, file: string, signal?: AbortSignal): Promise<WeightFile> {
  const where = `${file} in ${source.name}`;
  const size = await source.size(file, signal);
  if (size === Infinity) {
    throw new WasmformerError(
      'NETWORK',
      `${where}: the server does not tell its size, which PyTorch's files are read by; it must send Content-Length or ` +
        'answer range requests (across origins it must also expose Content-Range), or use model.safetensors',
    );
  }
  const first = await source.read(file, 0, Math.min(size, 4), signal);
  const isZip = first.length === 4 && first[0] === 0x50 && first[1] === 0x4b && first[2] === 3 && first[3] === 4;
  const { root, places } = isZip
    ? await openZip(source, file, size, where, signal)
    : await openLegacy(source, file, size, where, signal);
  const views = viewsOf(root, where);
  for (const [name, view] of views) checkView(name, view, places, where);
  return { file, ...openViews(source, file, views, places) };
}

async function openZip(
  source: Source,
  file: string,
  size: number,
  where: string,
  signal?: AbortSignal,
): Promise<Opened> {
  const members = await readZip(source, file, size, where, signal);
  const pickle = [...members.values()].find(({ name }) => /(^|\/)data\.pkl$/.test(name));
  if (!pickle) {
    throw new WasmformerError('INVALID_FILE', `${where}: a zip file without a data.pkl is no checkpoint of PyTorch`);
  }
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  const contents = async (member: Member): Promise<Uint8Array> => {
    if (member.size > MAX_PICKLE) throw tooLarge(where, member.size);
    return source.read(file, await contentStart(source, file, member, where, signal), member.size, signal);
  };
  const order = members.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(await contents(order)).trim() !== 'little') throw bigEndian(where);
  const places = new Map<string, Place>();
  const { value } = unpickle(await contents(pickle), where, (id, dtype, fail) => {
    const storage = storageOf(id, dtype) ?? fail('a storage is described by values that none has');
    const member = members.get(`${folder}data/${storage.key}`) ?? fail(`the storage ${storage.key} is missing`);
    let start: Promise<number> | undefined;
    places.set(storage.key, {
      bytes: member.size,
      start: (later) => {
        start ??= contentStart(source, file, member, where, later);
        // a read that was aborted or failed says nothing about the next one
        start.catch(() => (start = undefined));
        return start;
      },
    });
    return storage;
  });
  return { root: value, places };
}

/** Four pickles (a magic number, a version, the machine's traits, the object), the storages' keys, and the storages. */
async function openLegacy(
  source: Source,
  file: string,
  size: number,
  where: string,
  signal?: AbortSignal,
): Promise<Opened> {
  const notPytorch = (cause?: unknown): WasmformerError => {
    const found = lookalike(String.fromCharCode(...bytes.subarray(0, 8))) ?? 'damaged or something else';
    return new WasmformerError('INVALID_FILE', `${where} is not a file of torch.save's: it is ${found}`, { cause });
  };
  const storages = new Map<string, Storage>();
  let bytes = await source.read(file, 0, Math.min(size, 2 ** 16), signal);
  let at = 0;
  const next = async (): Promise<unknown> => {
    for (;;) {
      try {
        const { value, length } = unpickle(bytes.subarray(at), where, (id, dtype, fail) => {
          const storage = storageOf(id, dtype) ?? fail('a storage is described by values that none has');
          storages.set(storage.key, storage);
          return storage;
        });
        at += length;
        return value;
      } catch (error) {
        // it may only go on behind the bytes at hand; a forbidden name is refused at once
        const isShort = error instanceof WasmformerError && error.message.includes('ends in the middle');
        if (!isShort || bytes.length === size || bytes.length >= MAX_PICKLE) throw error;
        bytes = await source.read(file, 0, Math.min(size, 4 * bytes.length), signal);
      }
    }
  };
  let magic: unknown;
  try {
    magic = await next();
  } catch (error) {
    if (error instanceof WasmformerError && error.code !== 'INVALID_FILE') throw error;
    throw notPytorch(error);
  }
  if (magic !== MAGIC || (await next()) !== LEGACY_VERSION) throw notPytorch();
  const traits = await next();
  if (traits instanceof Map && traits.get('little_endian') === false) throw bigEndian(where);
  const root = await next();
  const keys = await next();
  if (!Array.isArray(keys)) throw notPytorch();
  const places = new Map<string, Place>();
  for (const key of keys as unknown[]) {
    const storage = storages.get(String(key));
    if (!storage?.dtype) throw notPytorch();
    const length = (storage.elements * DTYPE_BITS[storage.dtype]) / 8;
    // the count of elements stands before them
    if (at + 8 + length > size) {
      throw new WasmformerError(
        'INVALID_FILE',
        `${where} is truncated: the storage ${storage.key} ends at ${at + 8 + length}, the file at ${size}; download it again`,
      );
    }
    const start = at + 8;
    places.set(storage.key, { bytes: length, start: () => Promise.resolve(start) });
    at = start + length;
  }
  return { root, places };
}

function tooLarge(where: string, size: number): WasmformerError {
  return new WasmformerError('INVALID_FILE', `${where}: a pickle of ${size} bytes is no description of tensors`);
}

function bigEndian(where: string): WasmformerError {
  return new WasmformerError(
    'INVALID_FILE',
    `${where} was saved on a big-endian machine; load it there and save it as safetensors`,
  );
}

/** ('storage', type, key, device, elements), and in old files what it is a view of. */
function storageOf(id: readonly unknown[], dtype: SafetensorsDtype | null): Storage | undefined {
  const [, , key, , elements, view = null] = id;
  const isSound = typeof key === 'string' && Number.isSafeInteger(elements) && (elements as number) >= 0;
  return isSound && view === null ? { key, dtype, elements: elements as number } : undefined;
}

/** Tensors by name, wherever a training loop has put them. */
function viewsOf(root: unknown, where: string): Map<string, TensorView> {
  const tensorsOf = (value: unknown): Map<string, TensorView> =>
    new Map(
      value instanceof Map
        ? [...(value as Map<unknown, unknown>)].filter(
            (entry): entry is [string, TensorView] => typeof entry[0] === 'string' && entry[1] instanceof TensorView,
          )
        : [],
    );
  const candidates = [root, ...INNER.map((key) => (root instanceof Map ? (root.get(key) as unknown) : undefined))];
  for (const candidate of candidates) {
    const views = tensorsOf(candidate);
    if (views.size > 0) return views;
  }
  throw new WasmformerError(
    'INVALID_FILE',
    `${where} holds no tensors by name: it must be a state_dict, as torch.save(model.state_dict(), ...) writes it`,
  );
}

function isContiguous({ dims, strides }: TensorView): boolean {
  let step = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    if (dims[i] !== 1 && strides[i] !== step) return false;
    step *= dims[i];
  }
  return true;
}

function countOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Elements from a tensor's first to behind its last. */
function extentOf({ dims, strides }: TensorView): number {
  return dims.includes(0) ? 0 : 1 + dims.reduce((sum, dim, i) => sum + (dim - 1) * strides[i], 0);
}

function checkView(name: string, view: TensorView, places: ReadonlyMap<string, Place>, where: string): void {
  const bytes = DTYPE_BITS[view.dtype] / 8;
  const place = places.get(view.storage.key);
  // a part without elements may begin behind the storage's end
  const extent = extentOf(view);
  const end = extent && (view.offset + extent) * bytes;
  // strides of 0 may make many elements of few
  const isSound = place && end <= place.bytes && countOf(view.dims) * bytes <= Math.max(place.bytes, 2 ** 20);
  if (!isSound) {
    throw new WasmformerError(
      'INVALID_FILE',
      `${where}: tensor ${JSON.stringify(name)} [${view.dims.join(', ')}] goes beyond its storage of ${place?.bytes ?? 0} bytes; ` +
        'the file is truncated or damaged, download it again',
    );
  }
}

function openViews(
  source: Source,
  file: string,
  views: ReadonlyMap<string, TensorView>,
  places: ReadonlyMap<string, Place>,
): Checkpoint {
  const tensors = new Map<string, TensorEntry>();
  for (const [name, { dtype, dims, offset }] of views) {
    const byteLength = (countOf(dims) * DTYPE_BITS[dtype]) / 8;
    tensors.set(name, { name, dtype, dims, byteLength, file, offset: (offset * DTYPE_BITS[dtype]) / 8 });
  }
  // a tensor that is not laid out row by row is read whole, once, and kept until another one is
  let turned: { name: string; bytes: Promise<Uint8Array<ArrayBuffer>> } | undefined;
  const begin = async (view: TensorView, signal?: AbortSignal): Promise<number> =>
    (await places.get(view.storage.key)!.start(signal)) + (view.offset * DTYPE_BITS[view.dtype]) / 8;
  const rowByRow = async (view: TensorView, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> => {
    const size = DTYPE_BITS[view.dtype] / 8;
    const length = extentOf(view) * size;
    return gather(view, await source.read(file, await begin(view, signal), length, signal), size);
  };
  return checkpointOf(source, tensors, {}, async ({ name }, { start, length }, signal) => {
    const view = views.get(name)!;
    if (isContiguous(view)) return { file, offset: (await begin(view, signal)) + start };
    if (turned?.name !== name) turned = { name, bytes: rowByRow(view, signal) };
    try {
      return (await turned.bytes).slice(start, start + length);
    } catch (error) {
      turned = undefined;
      throw error;
    }
  });
}

/** The elements of a strided tensor, row by row. */
function gather({ dims, strides }: TensorView, from: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const count = countOf(dims);
  const to = new Uint8Array(count * size);
  const index = dims.map(() => 0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < size; b++) to[i * size + b] = from[at * size + b];
    for (let d = dims.length - 1; d >= 0; d--) {
      at += strides[d];
      if (++index[d] < dims[d]) break;
      at -= dims[d] * strides[d];
      index[d] = 0;
    }
  }
  return to;
}
