// Where the real checkpoints are; tests that need one are skipped where it is absent.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of real checkpoints: WASMFORMER_MODELS, or the place beside the project. */
export const modelsDir: string =
  process.env.WASMFORMER_MODELS ?? fileURLToPath(new URL('../../../shared/models', import.meta.url));

/** Whether the checkpoint is there; says so once if not. */
export function hasModel(name: string): boolean {
  const found = existsSync(join(modelsDir, name));
  if (!found) console.warn(`skipped: no ${name} in ${modelsDir} (set WASMFORMER_MODELS)`);
  return found;
}
