// The time of every record of a call, and the same as a table.
import type { ProfileRow } from '../core/explain';

/** Times of a call's records, in order. As a text (`String(profile)`) it is a table of the kernels, longest first. */
export interface Profile extends Array<ProfileRow> {
  toString(): string;
}

/** Gives rows their text. */
export function profileOf(rows: ProfileRow[]): Profile {
  return Object.defineProperty(rows, 'toString', { value: () => table(rows), configurable: true }) as Profile;
}

/** Times added up by kernel. */
function table(rows: readonly ProfileRow[]): string {
  const byKernel = new Map<string, { count: number; milliseconds: number }>();
  for (const { op, milliseconds } of rows) {
    const sum = byKernel.get(op) ?? { count: 0, milliseconds: 0 };
    sum.count++;
    sum.milliseconds += milliseconds;
    byKernel.set(op, sum);
  }
  const all = rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const line = (name: string, count: number, ms: number): string[] => [
    name,
    `${count} x`,
    `${ms.toFixed(3)} ms`,
    `${((100 * ms) / (all || 1)).toFixed(0)} %`,
  ];
  const sorted = [...byKernel].sort(([, a], [, b]) => b.milliseconds - a.milliseconds);
  const lines = [
    ...sorted.map(([op, { count, milliseconds }]) => line(op, count, milliseconds)),
    line('all', rows.length, all),
  ];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((row) => row[column].length)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]);
  return lines.map((row) => row.map(pad).join('  ')).join('\n');
}
