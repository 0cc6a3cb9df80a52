// Loading MiniLM, from its file to ready, over reading the file and copying it once. Least times of several rounds.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openEncoder } from '../ours.mjs';
import { models } from '../paths.mjs';

const file = join(models, 'minilm/model.safetensors');
let [load, copy] = [Infinity, Infinity];
for (let round = 0; round < 8; round++) {
  let start = performance.now();
  const bytes = await readFile(file);
  new Uint8Array(bytes.byteLength).set(bytes);
  copy = Math.min(copy, performance.now() - start);
  start = performance.now();
  const { close } = await openEncoder('minilm', { threads: 1 });
  load = Math.min(load, performance.now() - start);
  await close();
}
process.send({ load, copy });
