// Packs the tarball, installs it in an empty folder as a stranger would, imports every entry point and embeds with it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'wasmformer-'));
const run = (command, args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8', timeout: 120_000 });

try {
  const [{ filename }] = JSON.parse(run('npm', ['pack', root, '--json', '--ignore-scripts']));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  run('npm', ['install', '--no-audit', '--no-fund', `./${filename}`]);
  writeFileSync(
    join(folder, 'try.js'),
    `
import { Encoder, createEngine, Tensor, WasmformerError } from 'wasmformer';
import { createKernels } from 'wasmformer/kernels';
const folder = ${JSON.stringify(join(root, 'test/golden/encoders/sentence-mean'))};
for (const options of [{ worker: false, threads: 1 }, { threads: 2 }]) {
  const encoder = await Encoder.fromPretrained(folder, options);
  const { dims } = await encoder.embed(['one', 'two words']);
  if (dims[0] !== 2) throw new Error('expected two embeddings');
  await encoder.dispose();
}
const k = await createKernels({ threads: 1 });
const product = k.matmul(new Tensor(new Float32Array([1, 2, 3, 4]), [2, 2]), new Tensor(new Float32Array([1, 0, 0, 1]), [2, 2]));
if (product.data.join() !== '1,2,3,4') throw new Error('wrong product');
k.dispose();
await (await createEngine({ threads: 1 })).dispose();
try {
  await Encoder.fromPretrained('./nothing-here');
} catch (error) {
  if (!(error instanceof WasmformerError && error.code === 'FILE_NOT_FOUND')) throw error;
}
console.log('the packed package works');
`,
  );
  process.stdout.write(run(process.execPath, ['try.js']));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
