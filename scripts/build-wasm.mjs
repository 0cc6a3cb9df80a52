// Compiles assembly/ into the four builds of the core: {baseline, relaxed SIMD} x {own memory, shared memory}.
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import asc from 'assemblyscript/asc';
import { orderFunctions } from './order-functions.mjs';

for (const target of ['base', 'relaxed', 'base-shared', 'relaxed-shared']) {
  const { error, stderr } = await asc.main(['--config', 'asconfig.json', '--target', target]);
  const messages = stderr.toString();
  if (messages) console.error(messages);
  if (error) {
    console.error(`${target}: ${error.message}`);
    process.exit(1);
  }
  const file = `dist/wasm/${target}.wasm`;
  const bytes = orderFunctions(readFileSync(file));
  writeFileSync(file, bytes);
  console.log(`${file}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzip`);
}
