// Compiles assembly/ into the four builds of the core: {baseline, relaxed SIMD} x {own memory, shared memory}.
import { readFileSync, statSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import asc from 'assemblyscript/asc';

for (const target of ['base', 'relaxed', 'base-shared', 'relaxed-shared']) {
  const { error, stderr } = await asc.main(['--config', 'asconfig.json', '--target', target]);
  const messages = stderr.toString();
  if (messages) console.error(messages);
  if (error) {
    console.error(`${target}: ${error.message}`);
    process.exit(1);
  }
  const file = `dist/wasm/${target}.wasm`;
  console.log(`${file}: ${statSync(file).size} bytes, ${gzipSync(readFileSync(file), { level: 9 }).length} gzip`);
}
