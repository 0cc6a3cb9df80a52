// Checkpoints: finds the weight files of a source, checks what they say of themselves, reads tensors piece by piece.
import { openSafetensors, type Checkpoint } from './safetensors-file';
import type { Source } from './source-base';

export { openSafetensors } from './safetensors-file';
export type { Checkpoint, WeightFile } from './safetensors-file';

const SINGLE = 'model.safetensors';

/**
 * Finds and opens a source's weights: the weight file the user named; else model.safetensors; else the shards of
 * model.safetensors.index.json; else the only other .safetensors file; else pytorch_model.bin or its shards. Every header is
 * read and checked, no data yet.
 * @throws FILE_NOT_FOUND (none, or several to choose from: the message lists them), INVALID_FILE, NETWORK, ABORTED
 */
export async function openCheckpoint(source: Source, signal?: AbortSignal): Promise<Checkpoint> {
  const isSingle = source.weights === undefined && (await source.has(SINGLE, signal));
  let file = isSingle ? SINGLE : source.weights;
  if (file?.endsWith('.safetensors')) return openSafetensors(source, file, signal);
  // few checkpoints are in several files: only they need this
  const { findWeights, openOne, openShards } = await import('./weight-files');
  file ??= await findWeights(source, signal);
  if (file.endsWith('.index.json')) return openShards(source, file, signal);
  return openOne(source, file, signal);
}
