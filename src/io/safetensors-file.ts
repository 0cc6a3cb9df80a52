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
   * Exactly `length` bytes of a tensor from its byte `start`, in a fresh, unshared buffer.
   * @throws MISSING_TENSOR, INVALID_ARGUMENT (outside the tensor), INVALID_FILE, NETWORK, ABORTED
   */
  read(name: string, start: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
}

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

/** Reads tensors where a header says that they are. */
function checkpointOf(
  source: Source,
  tensors: ReadonlyMap<string, TensorEntry>,
  metadata: Readonly<Record<string, string>>,
): Checkpoint {
  let totalBytes = 0;
  for (const entry of tensors.values()) totalBytes += entry.byteLength;
  return {
    tensors,
    metadata,
    totalBytes,
    async read(name, start, length, signal) {
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
      return source.read(entry.file, entry.offset + start, length, signal);
    },
  };
}
