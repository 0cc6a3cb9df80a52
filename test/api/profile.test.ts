// A profile as data and as a table.
import { expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';

it('a profile reads as a table of kernels, longest first', async () => {
  const folder = new URL('../golden/encoders/sentence-mean', import.meta.url).pathname;
  const encoder = await Encoder.fromPretrained(folder, { worker: false, threads: 1 });
  const profile = await encoder.profile('The museum keeps 250 clocks.');
  await encoder.dispose();
  expect(Array.isArray(profile)).toBe(true);
  const lines = String(profile).split('\n');
  const names = lines.map((line) => line.split(' ')[0]);
  expect([...names.slice(0, -1)].sort()).toEqual([...new Set(profile.map(({ op }) => op))].sort());
  expect(lines.at(-1)).toMatch(new RegExp(`^all +${profile.length} x +\\d+\\.\\d{3} ms +100 %$`));
  const times = lines.slice(0, -1).map((line) => Number(/([\d.]+) ms/.exec(line)![1]));
  expect(times).toEqual([...times].sort((a, b) => b - a));
});
