// Packs the tarball, has publint and are-the-types-wrong look at it, installs it in an empty folder as a stranger would, imports every
// entry point, embeds with it and checks the types as a strict TypeScript project sees them.
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
  const tool = (name, ...args) =>
    execFileSync(
      process.execPath,
      [join(root, 'node_modules', ...name.split('/'), ...args[0].split('/')), ...args.slice(1)],
      {
        cwd: folder,
        encoding: 'utf8',
        timeout: 120_000,
      },
    );
  process.stdout.write(tool('publint', 'src/cli.js', 'run', filename, '--strict'));
  // require() is not offered: the package is ESM
  tool('@arethetypeswrong/cli', 'dist/index.js', filename, '--profile', 'esm-only');
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

  // the wrong argument must be an error: types that could not be resolved would accept anything
  writeFileSync(
    join(folder, 'try.ts'),
    `
import { Encoder, type Tensor } from 'wasmformer';
import { createKernels } from 'wasmformer/kernels';
import { createEngine } from 'wasmformer/edge';
import wasm from 'wasmformer/wasm/relaxed.wasm';
export const engine = createEngine({ module: wasm });
export async function similarity(folder: string): Promise<Tensor<Float32Array>> {
  const encoder = await Encoder.fromPretrained(folder, { threads: 1 });
  const x = await encoder.embed(['one', 'two words']);
  // @ts-expect-error texts are strings
  await encoder.embed(5);
  const k = await createKernels();
  return k.matmul(x, x, { transposeB: true });
}
`,
  );
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom'];
    run(process.execPath, [tsc, ...options, '--module', module, '--moduleResolution', resolution, 'try.ts']);
  }
  console.log('its types check');
} catch (error) {
  // what the program that failed had to say
  if (error.stdout) process.stderr.write(error.stdout);
  throw error;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
