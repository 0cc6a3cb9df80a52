// Size limits: what a browser downloads to embed texts and to generate text, and what npm downloads to install. Fails when one is
// exceeded. Counted is gzip at level 9, and of the JavaScript all but the tokenizer library, which is not ours.
//   node scripts/size.mjs
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const DIR = 'dist/web';
/** What every use begins with: the caller's side, the engine's worker, its threads, and the tokenizer. */
const COMMON = ['index', 'worker', 'follower'];

/** Uses, the chunks that each asks for beyond COMMON, and the limit of all with the largest wasm build. */
const USES = [
  { name: 'embed texts with BERT', chunks: [], limit: 75_000 },
  { name: 'embed texts, and use kernels', chunks: ['kernels'], limit: 100_000 },
  {
    name: 'generate text with a decoder',
    chunks: ['generation-caller', 'generation', 'bpe-caller', 'subwords-caller'],
    limit: 118_500,
  },
];
/** The packed tarball: three builds of the JavaScript, the four of wasm, and the types. */
const TARBALL_LIMIT = 610_000;

const gzip = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const files = readdirSync(DIR);
const sizes = new Map(files.map((file) => [file, gzip(`${DIR}/${file}`)]));

function fileOf(chunk) {
  const pattern = new RegExp(`^${chunk}(-[\\w-]{8})?\\.js$`); // the hash of its content
  const file = files.find((name) => pattern.test(name));
  if (!file) throw new Error(`there is no chunk ${chunk} in ${DIR}`);
  return file;
}

/** Files that chunks lead to by static imports: what is imported on demand is another chunk's use. */
function needed(chunks) {
  const found = new Set();
  const visit = (file) => {
    if (found.has(file)) return;
    found.add(file);
    const code = readFileSync(`${DIR}/${file}`, 'utf8');
    for (const [, next] of code.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) visit(next);
  };
  chunks.map(fileOf).forEach(visit);
  return found;
}

const line = (name, bytes, note = '') =>
  console.log(`${name.padEnd(40)}${String(bytes).padStart(8)}  ${note}`.trimEnd());
let isExceeded = false;
const total = (name, bytes, limit, note = '') => {
  line(name, bytes, `limit ${limit}${note}`);
  isExceeded ||= bytes > limit;
};

const library = fileOf('tokenizers-library');
for (const [file, bytes] of sizes) line(file, bytes, file === library ? 'not counted' : '');
const builds = readdirSync('dist/wasm').map((file) => ({ file, bytes: gzip(`dist/wasm/${file}`) }));
const wasm = builds.reduce((a, b) => (b.bytes > a.bytes ? b : a));
line(wasm.file, wasm.bytes);

for (const { name, chunks, limit } of USES) {
  const asked = [...needed([...COMMON, ...chunks])].filter((file) => file !== library);
  const bytes = asked.reduce((sum, file) => sum + sizes.get(file), wasm.bytes);
  total(name, bytes, limit);
}
const [{ size, unpackedSize }] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' }),
);
total('npm tarball', size, TARBALL_LIMIT, `, ${unpackedSize} unpacked`);
if (isExceeded) {
  console.error('a size limit is exceeded');
  process.exit(1);
}
