// Attention maps as text: what is drawn, how labels are shown and cut, that no line is too wide, and what is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attentionGrid, type AttentionGridOptions } from '../../src/api/attention-grid';
import { Tensor } from '../../src/api/tensor';

const map = (values: number[], ...dims: number[]): Tensor => new Tensor(Float32Array.from(values), dims);

/** Characters of a terminal, with the columns that each takes and what is shown of it. */
const CHARACTERS: readonly (readonly [text: string, columns: number, shown?: string])[] = [
  ['a', 1],
  ['Ġ', 1],
  ['▁', 1],
  [' ', 1, '␣'],
  ['\u00a0', 1, '␣'],
  ['\n', 1, '␊'],
  ['\x1b', 1, '␛'],
  ['\x7f', 1, '␡'],
  ['\u202e', 1, '�'],
  ['e\u0301', 1],
  ['日', 2],
  ['한', 2],
  ['Ａ', 2],
  ['ｱ', 1],
  ['😀', 2],
  ['👩‍👩‍👧', 2],
  ['❤\ufe0f', 2],
  ['🇩🇪', 2],
];

const plain = (line: string): string => line.replaceAll(/\p{Cc}\[[\d;]*m/gu, '');

/** Columns of a line: of the characters above, and one of everything else that is drawn. */
function columnsOf(line: string): number {
  const wide = CHARACTERS.filter(([, columns]) => columns === 2).map(([text]) => text);
  const narrow = wide.reduce((rest, text) => rest.replaceAll(text, 'xx'), plain(line)).replaceAll('\u0301', '');
  return [...narrow].length;
}

describe('attentionGrid', () => {
  it('draws a cell of two columns for each number, and the scale', () => {
    const grid = attentionGrid(map([0, 0.25, 0.5, 1, 0.5, 0.25], 2, 3), {
      rows: ['x', 'y'],
      columns: ['a', ' ', '日'],
    });
    expect(grid.split('\n')).toEqual([
      '  a ␣ 日',
      'x│  ░░▒▒',
      'y│██▒▒░░',
      '',
      "' ' 0.00  ░ 0.25  ▒ 0.50  ▓ 0.75  █ 1.00",
    ]);
  });

  it('takes one head, or the mean of all, of one sequence', () => {
    const values = [1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    const labels = { rows: ['x', 'y'], columns: ['a', 'b'] };
    const rows = (options: Partial<AttentionGridOptions>, attention = map(values, 2, 2, 2, 2)): string[] =>
      attentionGrid(attention, { ...labels, ...options })
        .split('\n')
        .slice(1, 3);
    expect(rows({ head: 0 })).toEqual(['x│██', 'y│  ██']);
    expect(rows({ head: 1 })).toEqual(['x│  ██', 'y│██']);
    expect(rows({})).toEqual(['x│████', 'y│████']);
    expect(rows({ batch: 1, head: 0 })).toEqual(['x│', 'y│  ██']);
    expect(rows({ head: 1 }, map(values.slice(0, 8), 2, 2, 2))).toEqual(['x│  ██', 'y│██']);
  });

  it('breaks into blocks of columns, single ones where that needs fewer', () => {
    const values = Array.from({ length: 26 }, (_, i) => (i === 25 ? 0.5 : 0));
    const columns = [...'abcdefghijklmnopqrstuvwxyz'];
    expect(attentionGrid(map(values, 1, 26), { rows: ['x'], columns, width: 20 }).split('\n')).toEqual([
      '  abcdefghijklmnopqr',
      'x│',
      '',
      '  stuvwxyz',
      'x│       █',
      '',
      '█ 0.50',
    ]);
  });

  it('writes long labels of columns from top to bottom', () => {
    const grid = attentionGrid(map([0, 1], 1, 2), { rows: ['[CLS]'], columns: ['[SEP]', '##s'] });
    expect(grid.split('\n').slice(0, 6)).toEqual([
      '      [',
      '      S',
      '      E #',
      '      P #',
      '      ] s',
      '[CLS]│  ██',
    ]);
  });

  it('cuts labels', () => {
    const grid = attentionGrid(map([1], 1, 1), {
      rows: ['日本語の長い名前'],
      columns: ['abcdefghijklmnop'],
      width: 24,
    });
    const lines = grid.split('\n');
    expect(lines[12]).toBe('日本語… │██');
    expect(
      lines
        .slice(0, 12)
        .map((line) => line.trim())
        .join(''),
    ).toBe('abcdefghijk…');
  });

  it('shows every character of a label', () => {
    for (const [text, , shown = text] of [...CHARACTERS, ['\u0301', 1, '◌\u0301'] as const]) {
      const grid = attentionGrid(map([1], 1, 1), { rows: [text], columns: [''] });
      expect(grid.split('\n')[1]).toBe(`${shown}│██`);
    }
  });

  it('colours backgrounds, one code for neighbours alike, and ends every line plain', () => {
    const options = { rows: ['x'], columns: ['a', 'b', 'c', 'd'], color: true };
    const [header, row, , scale] = attentionGrid(map([0, 0, 1, NaN], 1, 4), options).split('\n');
    expect(header).toBe('  a b c d');
    expect(row).toBe('x│\x1b[48;5;233m    \x1b[48;5;229m  \x1b[0m??\x1b[0m');
    expect(plain(scale)).toBe(`0 ${' '.repeat(12)} 1.00`);
  });

  it('never draws a line wider than asked', () => {
    const label = fc.array(fc.constantFrom(...CHARACTERS.map(([text]) => text)), { maxLength: 14 });
    const texts = fc.array(label, { minLength: 1, maxLength: 50 }).map((all) => all.map((one) => one.join('')));
    const single = fc.array(fc.constantFrom(...CHARACTERS.map(([text]) => text)), { minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(
        fc.constantFrom(1e-30, 1e-5, 0.004, 0.1, 7, 1e6),
        texts,
        fc.oneof(texts, single),
        fc.integer({ min: 8, max: 90 }),
        fc.boolean(),
        (scale, rows, columns, width, color) => {
          const values = Float32Array.from({ length: rows.length * columns.length }, (_, i) => (i % 7) * scale);
          const grid = attentionGrid(new Tensor(values, [rows.length, columns.length]), {
            rows,
            columns,
            width,
            color,
          });
          for (const line of grid.split('\n')) expect(columnsOf(line)).toBeLessThanOrEqual(width);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('refuses what it cannot draw', () => {
    const attention = map([1, 0, 0, 1], 1, 1, 2, 2);
    const labels = { rows: ['a', 'b'], columns: ['a', 'b'] };
    const thrown = (of: Tensor, options: Partial<AttentionGridOptions>): unknown => {
      try {
        return attentionGrid(of, { ...labels, ...options });
      } catch (error) {
        return error;
      }
    };
    const shape = { name: 'WasmformerError', code: 'INVALID_SHAPE' };
    const argument = { name: 'WasmformerError', code: 'INVALID_ARGUMENT' };
    expect(thrown(map([1], 1), {})).toMatchObject(shape);
    expect(thrown(undefined as unknown as Tensor, {})).toMatchObject(shape);
    expect(thrown(attention, { rows: ['a'] })).toMatchObject({ ...shape, message: expect.stringContaining('1 rows') });
    expect(thrown(attention, { columns: ['a', 'b', 'c'] })).toMatchObject(shape);
    expect(thrown(attention, { rows: undefined })).toMatchObject(argument);
    expect(thrown(attention, { rows: [1, 2] as unknown as string[] })).toMatchObject(argument);
    expect(thrown(attention, { head: 1 })).toMatchObject({ ...argument, message: expect.stringContaining('0 to 0') });
    expect(thrown(attention, { head: -1 })).toMatchObject(argument);
    expect(thrown(attention, { batch: 1 })).toMatchObject(argument);
    expect(thrown(attention, { width: 7 })).toMatchObject(argument);
    expect(thrown(attention, { width: Infinity })).toMatchObject(argument);
  });
});
