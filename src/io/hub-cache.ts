// Hugging Face's cache on this machine, as Python's huggingface_hub fills it: read where it lies, never written.
import type { FileAccess } from './source-base';

const COMMIT = /^[0-9a-f]{40}$/;
const WEIGHTS = /\.(safetensors|bin|gguf)$/;

/**
 * The folder of a repository in the cache, if it holds a configuration and weights: what was left of a download that never ended is no
 * checkpoint, and what may not be read is not there.
 * @param id `org/name`
 */
export async function cachedFolder(
  files: FileAccess,
  cache: string,
  id: string,
  revision: string,
): Promise<string | undefined> {
  const repository = files.join(cache, `models--${id.replace('/', '--')}`);
  const commit = COMMIT.test(revision) ? revision : await textOf(files, files.join(repository, `refs/${revision}`));
  if (commit === undefined || !COMMIT.test(commit)) return undefined;
  const folder = files.join(repository, `snapshots/${commit}`);
  if ((await files.kind(folder)) !== 'folder') return undefined;
  const names = await files.list(folder).catch(() => []);
  const present = await Promise.all(names.map(async (name) => (await files.kind(files.join(folder, name))) === 'file'));
  const whole = names.filter((_, i) => present[i]);
  return whole.includes('config.json') && whole.some((name) => WEIGHTS.test(name)) ? folder : undefined;
}

async function textOf(files: FileAccess, path: string): Promise<string | undefined> {
  const file = await files.open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    return new TextDecoder().decode(await file.read(0, Math.min(file.size, 64))).trim();
  } finally {
    await file.close();
  }
}
