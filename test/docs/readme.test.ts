// The documentation's code runs: every ```js block of README.md and docs/ as a module of its own, from the project's root, where
// `wasmformer` is the built package. The Hub's models that they name are in a cache of Hugging Face's made for them.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Block {
  /** File and line, to find it by. */
  where: string;
  code: string;
}

function blocksOf(file: string): Block[] {
  const text = readFileSync(join(root, file), 'utf8').replaceAll('\r\n', '\n');
  return [...text.matchAll(/^```js[^\n]*\n([^]*?)^```$/gm)].map(({ index, 1: code }) => ({
    where: `${file}:${text.slice(0, index).split('\n').length}`,
    code,
  }));
}

const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => join('docs', file))
  .sort();
const blocks = ['README.md', ...pages].flatMap(blocksOf);

const cache = mkdtempSync(join(tmpdir(), 'wasmformer-docs-'));
const repository = join(cache, 'hub/models--sentence-transformers--all-MiniLM-L6-v2');
const commit = '0123456789'.repeat(4);
mkdirSync(join(repository, 'refs'), { recursive: true });
writeFileSync(join(repository, 'refs/main'), commit);
cpSync(join(root, 'test/golden/encoders/sentence-mean'), join(repository, 'snapshots', commit), { recursive: true });
afterAll(() => rmSync(cache, { recursive: true }));

it('the README has code', () => expect(blocks.some(({ where }) => where.startsWith('README.md'))).toBe(true));

it.each(blocks)('$where runs', async ({ code }) => {
  // rejects, with what the program wrote, when it fails or takes too long
  await run(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    timeout: 30_000,
    env: { ...process.env, HF_HOME: cache, HF_HUB_CACHE: '', HUGGINGFACE_HUB_CACHE: '' },
  });
});
