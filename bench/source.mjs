// Parts of src/ as they are: nothing has to be built.
import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './paths.mjs';

/** What a module would export that stood in the project's folder and had this text. */
export async function importSource(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    alias: { '#platform': join(root, 'src/platform/node.ts'), '#caller': join(root, 'src/platform/node-caller.ts') },
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    write: false,
  });
  // Bare imports of a data: URL have no folder to be looked up from.
  const library = import.meta.resolve('@huggingface/tokenizers');
  const code = outputFiles[0].text.replaceAll(/(["'])@huggingface\/tokenizers\1/g, JSON.stringify(library));
  return import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
}
