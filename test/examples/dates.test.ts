// The first thing that a newcomer runs: dates, streamed, and where the model looked.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['examples/dates.mjs', ...args], { cwd: root, encoding: 'utf8', timeout: 30_000 });
}

it('prints the date and a grid of 80 columns without colours when it is piped', () => {
  const text = 'the long letter of our dear friends was sent on the 21st of June, 2004';
  const { status, stdout, stderr } = run('am 3. März 99', text);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain('am 3. März 99 → 1999-03-03\n');
  expect(stdout).toContain(`${text} → 2004-06-21\n`);
  expect(stdout).toMatch(/^1 +│.*[░▒▓█]/m);
  expect(stdout).not.toContain('\u001b');
  for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(Math.max(80, text.length + 14));
});

it('has examples of its own', () => {
  const { status, stdout } = run();
  expect(status).toBe(0);
  expect(stdout.match(/→ \d{4}-\d\d-\d\d$/gm)).toHaveLength(3);
});

it('says when a text is no date', () => {
  const { status, stderr } = run('hello world');
  expect(status).toBe(1);
  expect(stderr).toBe('"hello world": not a validated date (the model says "?")\n');
});

it('says how it is used', () => {
  expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^usage: /) as string });
});
