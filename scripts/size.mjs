// Size limits: what a browser downloads to embed a text, and what npm downloads to install. Fails when one is exceeded.
//   node scripts/size.mjs
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** gzip level 9: the web build's JavaScript but for the tokenizer library, and the largest wasm build. */
const BROWSER_LIMIT = 60_000;
/** The packed tarball. */
const TARBALL_LIMIT = 250_000;

const gzip = (file) => gzipSync(readFileSync(file), { level: 9 }).length;

/** Chunks that embedding never asks for. */
const NOT_ASKED_FOR = /^tasks\b/;

/** Modules that a module leads to: static and dynamic imports, and workers by `new URL`. */
function reachable(dir, entry) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name)) return;
    found.add(name);
    const code = readFileSync(`${dir}/${name}`, 'utf8');
    for (const [, next] of code.matchAll(/(?:from|import|import\(|new URL\()\s*["'`]\.\/([^"'`]+\.js)["'`]/g))
      visit(next);
  };
  visit(entry);
  return [...found];
}

const rows = reachable('dist/web', 'index.js').map((name) => ({
  name,
  bytes: gzip(`dist/web/${name}`),
  counts: !name.startsWith('tokenizers-library') && !NOT_ASKED_FOR.test(name),
}));
if (!rows.some(({ name }) => name.startsWith('tokenizers-library')))
  throw new Error('the tokenizer library is in no chunk of its own');
const builds = readdirSync('dist/wasm').map((name) => ({ name, bytes: gzip(`dist/wasm/${name}`), counts: true }));
rows.push(builds.reduce((a, b) => (b.bytes > a.bytes ? b : a)));

const total = rows.reduce((sum, { bytes, counts }) => sum + (counts ? bytes : 0), 0);
const [{ size, unpackedSize }] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' }),
);

const line = (name, bytes, note = '') =>
  console.log(`${name.padEnd(36)}${String(bytes).padStart(8)}  ${note}`.trimEnd());
for (const { name, bytes, counts } of rows) line(name, bytes, counts ? '' : 'not counted');
line('browser, gzip', total, `limit ${BROWSER_LIMIT}`);
line('npm tarball', size, `limit ${TARBALL_LIMIT}, ${unpackedSize} unpacked`);
if (total > BROWSER_LIMIT || size > TARBALL_LIMIT) {
  console.error('a size limit is exceeded');
  process.exit(1);
}
