// Models of our own, by name: they come with the package wasmformer-models.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Failure } from './failure';

export const OWN_PACKAGE = 'wasmformer-models';

/** Names, and what they do. */
export const OWN_MODELS: Readonly<Record<string, string>> = {
  dates: 'turns dates as people write them into ISO 8601 (translate)',
  stories: 'tells short stories (generate)',
  sentiment: 'tells what mood a sentence is in (classify)',
};

/** The folder of one of them, in the user's project or beside this package; null where the package is not installed. */
export function ownFolder(name: string): string | null {
  for (const start of [process.cwd(), dirname(fileURLToPath(import.meta.url))]) {
    for (let folder = start, last = ''; folder !== last; [last, folder] = [folder, dirname(folder)]) {
      const found = join(folder, 'node_modules', OWN_PACKAGE, name);
      if (existsSync(join(found, 'config.json'))) return found;
    }
  }
  return null;
}

/** What `fromPretrained` gets for the model argument: a folder, Hub id or URL as it is, one of our names as its folder.
 *  Throws NO_MODELS. */
export function sourceOf(model: string): string {
  if (!Object.hasOwn(OWN_MODELS, model) || existsSync(model)) return model;
  const folder = ownFolder(model);
  if (folder !== null) return folder;
  throw new Failure(
    'NO_MODELS',
    `the model ${model} comes with the package ${OWN_PACKAGE}, which is not installed: npm install ${OWN_PACKAGE}`,
  );
}
