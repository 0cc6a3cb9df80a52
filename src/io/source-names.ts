// Names of checkpoints and their parts, as users write them.
import { WasmformerError } from '../errors';

/** A weight file, or the index of several. */
export const WEIGHT_FILE = /\.(safetensors|gguf|bin|pt|pth|(safetensors|bin)\.index\.json)$/;
/** A repository of the Hub. */
export const HUB_ID = /^[\w][\w.-]*\/[\w][\w.-]*$/;

/** The branch, tag or commit to read. */
export function checkRevision({ revision = 'main' }: { revision?: string }): string {
  if (typeof revision === 'string' && !/^\.{0,2}$|\p{Cs}/u.test(revision)) return revision;
  throw new WasmformerError('INVALID_ARGUMENT', `revision ${JSON.stringify(revision)} is not a branch, tag or commit`);
}
