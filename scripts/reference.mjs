// API reference: docs/reference/, made of the public types and their comments by TypeDoc.
//   node scripts/reference.mjs            fails where the committed pages differ from the sources
//   node scripts/reference.mjs --write    writes them
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Application } from 'typedoc';

const DIR = 'docs/reference';
const write = process.argv.includes('--write');
const out = write ? DIR : mkdtempSync(join(tmpdir(), 'reference-'));

const app = await Application.bootstrapWithPlugins({ out, logLevel: 'Warn', treatWarningsAsErrors: true });
const project = await app.convert();
if (!project || app.logger.hasWarnings()) process.exit(1);
await app.generateOutputs(project);

if (!write) {
  const pages = (dir) => readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
  const read = (dir, file) => readFileSync(join(dir, file), 'utf8');
  const [made, committed] = [pages(out).sort(), pages(DIR).sort()];
  const isSame = made.join() === committed.join() && made.every((file) => read(out, file) === read(DIR, file));
  rmSync(out, { recursive: true });
  if (!isSame) {
    console.error('docs/reference differs from the sources: run `npm run reference:write`');
    process.exit(1);
  }
  console.log(`docs/reference: ${made.length} pages`);
}
