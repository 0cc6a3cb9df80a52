// The examples of Encoder and Decoder, on tiny models.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

function run(example: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const file = `examples/${example}.mjs`;
  return spawnSync(process.execPath, [file, ...args], { cwd: root, encoding: 'utf8', timeout: 30_000 });
}

it('embed: a table of cosines', () => {
  const { status, stdout } = run(
    'embed',
    'test/golden/encoders/sentence-mean',
    'The museum keeps 250 clocks.',
    'It is winter.',
  );
  expect(status).toBe(0);
  expect(stdout).toContain('1  The museum keeps 250 clocks.');
  expect(stdout).toMatch(/1\.00/);
});

it('generate: the text, and how fast it came', () => {
  const { status, stdout, stderr } = run('generate', 'test/golden/texts/pieces', 'once upon a', '--tokens', '8');
  expect(status).toBe(0);
  expect(stdout + stderr).toContain('nosuoeue');
});

it('search: the lines of a file, nearest first', () => {
  const { status, stdout } = run('search', 'test/golden/encoders/sentence-mean', 'LICENSE', 'a copy of the work');
  expect(status).toBe(0);
  const scores = [...stdout.matchAll(/^ {2}(-?\d\.\d{3}) {2}\S/gm)].map(([, score]) => Number(score));
  expect(scores).toHaveLength(5);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
});

it.each(['embed', 'generate'])('%s says what is wrong', (example) => {
  const { status, stderr } = run(example, '/nowhere/at/all', 'text');
  expect(status).toBe(1);
  expect(stderr).toMatch(/^FILE_NOT_FOUND: /m);
});
