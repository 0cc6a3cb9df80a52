// Checkpoints in safetensors: finds the weight files of a source, checks their headers, reads tensors piece by piece.
import { openSafetensors, type Checkpoint } from './safetensors-file';
import type { Source } from './source-base';

export { openSafetensors } from './safetensors-file';
export type { Checkpoint, Safetensors } from './safetensors-file';

const SINGLE = 'model.safetensors';

/**
 * Finds and opens a source's weights: the weight file the user named; else model.safetensors; else the shards of
 * model.safetensors.index.json; else the only other .safetensors file. Every header is read and checked, no data yet.
 * @throws FILE_NOT_FOUND (none, or several to choose from: the message lists them), INVALID_FILE, NETWORK, ABORTED
 */
export async function openCheckpoint(source: Source, signal?: AbortSignal): Promise<Checkpoint> {
  const isSingle = source.weights === undefined && (await source.has(SINGLE, signal));
  let file = isSingle ? SINGLE : source.weights;
  if (file?.endsWith('.safetensors')) return openSafetensors(source, file, signal);
  // few checkpoints are in several files: only they need this
  const { findWeights, openShards } = await import('./safetensors-shards');
  file ??= await findWeights(source, signal);
  if (file.endsWith('.index.json')) return openShards(source, file, signal);
  return openSafetensors(source, file, signal);
}
