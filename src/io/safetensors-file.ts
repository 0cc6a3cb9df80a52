// One safetensors file: its header is checked, its tensors are read piece by piece.
import { WasmformerError } from '../errors';
import { parseHeader, parseHeaderLength } from './safetensors-header';
import type { TensorEntry } from './safetensors-header';
import type { Source } from './source-base';

/** The tensors of a checkpoint. Only headers are in memory. */
export interface Checkpoint {
  /** In the order of their bytes, file by file: reading them so is fastest everywhere. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The files' free-form notes (`__metadata__`); of several files with one key, the first wins. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of all tensors. */
  readonly totalBytes: number;
  /**
   * The bytes of parts, one after another, in a fresh, unshared buffer. What lies side by side in a file is read at once.
   * @throws MISSING_TENSOR, INVALID_ARGUMENT (outside a tensor), INVALID_FILE, NETWORK, ABORTED
   */
  read(parts: readonly TensorPart[], signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  readonly locate: Locate;
}

/** `length` bytes of a tensor from its byte `start`. */
interface TensorPart {
  readonly name: string;
  readonly start: number;
  readonly length: number;
}

/** Where bytes of a tensor are: in a file, or here already. */
type Locate = (
  entry: TensorEntry,
  part: TensorPart,
  signal?: AbortSignal,
) => Promise<{ file: string; offset: number } | Uint8Array<ArrayBuffer>>;

/** One weight file. */
export interface WeightFile extends Checkpoint {
  readonly file: string;
}

/**
 * Opens one safetensors file and checks its header by the rules of the format.
 * @throws INVALID_FILE that names the file and the tensor at fault; FILE_NOT_FOUND, NETWORK, ABORTED
 */
export async function openSafetensors(source: Source, file: string, signal?: AbortSignal): Promise<WeightFile> {
  const where = `${file} in ${source.name}`;
  const size = await source.size(file, signal);
  if (size < 8) {
    throw new WasmformerError('INVALID_FILE', `${where}: ${size} bytes are too few for a safetensors file`);
  }
  const length = parseHeaderLength(await source.read(file, 0, 8, signal), size, where);
  const { tensors, metadata } = parseHeader(await source.read(file, 8, length, signal), size, file, where);
  return { file, ...checkpointOf(source, tensors, metadata) };
}

/** Reads tensors where they are; by default where a header says so. */
export function checkpointOf(
  source: Source,
  tensors: ReadonlyMap<string, TensorEntry>,
  metadata: Readonly<Record<string, string>>,
  locate: Locate = async ({ file, offset }, { start }) => ({ file, offset: offset + start }),
): Checkpoint {
  let totalBytes = 0;
  for (const { byteLength } of tensors.values()) totalBytes += byteLength;
  return {
    tensors,
    metadata,
    totalBytes,
    locate,
    async read(parts, signal) {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      let run: { file: string; offset: number; length: number } | undefined;
      const finishRun = async (): Promise<void> => {
        if (run) pieces.push(await source.read(run.file, run.offset, run.length, signal));
        run = undefined;
      };
      for (const part of parts) {
        const { name, start, length } = part;
        const entry = tensors.get(name);
        if (!entry) {
          throw new WasmformerError('MISSING_TENSOR', `the checkpoint in ${source.name} has no tensor "${name}"`);
        }
        const inside = Number.isSafeInteger(start) && start >= 0 && Number.isSafeInteger(length) && length >= 0;
        if (!inside || start + length > entry.byteLength) {
          throw new WasmformerError(
            'INVALID_ARGUMENT',
            `cannot read ${length} bytes at ${start} of tensor "${name}", which has ${entry.byteLength}`,
          );
        }
        const place = await locate(entry, part, signal);
        const isHere = place instanceof Uint8Array;
        if (run && !isHere && place.file === run.file && place.offset === run.offset + run.length) {
          run.length += length;
          continue;
        }
        await finishRun();
        if (isHere) pieces.push(place);
        else run = { ...place, length };
      }
      await finishRun();
      if (pieces.length === 1) return pieces[0];
      const all = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
      let at = 0;
      for (const piece of pieces) {
        all.set(piece, at);
        at += piece.byteLength;
      }
      return all;
    },
  };
}
