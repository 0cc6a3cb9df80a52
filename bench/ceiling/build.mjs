// Compiles the ceiling loops into the two builds that the core has, with the core's own compiler settings.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { bench, peers, root } from '../paths.mjs';

export async function buildCeilings() {
  const { options } = JSON.parse(readFileSync(join(root, 'asconfig.json'), 'utf8'));
  const pages = '1024'; // 64 MB: two buffers of 16 MB well apart
  const common = [
    ...['--optimizeLevel', String(options.optimizeLevel), '--shrinkLevel', String(options.shrinkLevel)],
    ...['--noAssert', '--runtime', 'stub', '--initialMemory', pages, '--enable', 'simd'],
  ];
  for (const [name, extra] of [
    ['base', []],
    ['relaxed', ['--enable', 'relaxed-simd']],
  ]) {
    const entry = join(bench, 'ceiling/assembly/index.ts');
    const args = [entry, '--outFile', join(peers, `ceiling-${name}.wasm`), '--baseDir', '/', ...common, ...extra];
    const { error, stderr } = await asc.main(args);
    if (error) throw new Error(`${name}: ${error.message}\n${stderr}`);
  }
}
