// wasmformer models: the models of our own, and where they are.
import { EXIT } from '../failure';
import { OWN_MODELS, OWN_PACKAGE, ownFolder } from '../own-models';
import type { Run } from '../run';
import { table } from '../terminal';

export async function models({ json, terminal }: Run): Promise<number> {
  const found = Object.entries(OWN_MODELS).map(([name, what]) => ({ name, what, folder: ownFolder(name) }));
  if (json) {
    for (const model of found) await terminal.json(model);
    return EXIT.ok;
  }
  await terminal.line(table(found.map(({ name, what, folder }) => [name, what, folder ?? 'not installed'])));
  if (found.some(({ folder }) => folder === null)) terminal.remark(`they come with: npm install ${OWN_PACKAGE}`);
  return EXIT.ok;
}
