// Attention maps as text: who looks at whom, for a terminal.
import { refuseUnknown, WasmformerError } from '../errors';
import { fit, graphemesOf, widthOf } from './text-width';
import type { Tensor } from './tensor';

export interface AttentionGridOptions {
  /** Labels of what looks (queries), one a row of the map; '' for padding. */
  rows: readonly string[];
  /** Labels of what is looked at (keys), one a column of the map. */
  columns: readonly string[];
  /** Which head, counted from 0. Default: the mean of all. */
  head?: number;
  /** Which sequence of a batch, counted from 0. Default 0. */
  batch?: number;
  /** Backgrounds of the terminal's 256 colours; false: shades of block characters. Default false. */
  color?: boolean;
  /** Most columns of the terminal that a line takes, at least 8. What does not fit stands in blocks below. Default 80. */
  width?: number;
}

const SHADES = [' ', '░', '▒', '▓', '█'];
/** Of the terminal's colour cube, ever brighter: black, blue, purple, red, orange, yellow. */
const COLORS = [233, 17, 18, 54, 90, 126, 161, 203, 209, 215, 221, 229];
const RESET = '\x1b[0m';

const LEAST_WIDTH = 8;
const NAMES = ['rows', 'columns', 'head', 'batch', 'color', 'width'];
const MOST_LABEL = 20;
/** Lines of a header of long labels. */
const MOST_HEADER = 12;

function invalid(message: string): WasmformerError {
  return new WasmformerError('INVALID_ARGUMENT', `attentionGrid: ${message}`);
}

function checkIndex(name: string, value: number, count: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= count)
    throw invalid(`${name} is ${value}, but must be a whole number from 0 to ${count - 1}`);
}

function checkLabels(name: string, labels: readonly string[], dims: readonly number[], count: number): void {
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string'))
    throw invalid(`${name} must be an array of texts, a label each`);
  if (labels.length !== count) {
    throw new WasmformerError(
      'INVALID_SHAPE',
      `attentionGrid: there are ${labels.length} ${name}, but a map of [${dims.join(', ')}] has ${count}; padding may be labelled ''`,
    );
  }
}

/** The map of one head, or the mean of all: [rows, columns]. */
function mapOf({ data, dims }: Tensor, head: number | undefined, batch: number): Float64Array {
  const [columns, rows, heads, batches] = [...dims].reverse().concat(1, 1);
  const size = rows * columns;
  checkIndex('batch', batch, dims.length > 3 ? batches : 1);
  if (head !== undefined) checkIndex('head', head, dims.length > 2 ? heads : 1);
  const chosen = head === undefined ? Array.from({ length: heads }, (_, i) => i) : [head];
  const values = new Float64Array(size);
  for (const one of chosen) {
    const first = (batch * heads + one) * size;
    for (let i = 0; i < size; i++) values[i] += Number(data[first + i]) / chosen.length;
  }
  return values;
}

/** A number in at most 6 characters. */
function format(value: number): string {
  if (value === 0 || (value >= 0.1 && value < 10)) return value.toFixed(2);
  if (value >= 10 && value < 1000) return value.toFixed(0);
  return value >= 0.001 && value < 0.1 ? value.toPrecision(2) : value.toExponential(0);
}

/** The cells of a line; neighbours of one colour share its code. */
function painted(levels: readonly (number | null)[], cell: number, color: boolean): string {
  let line = '';
  levels.forEach((level, i) => {
    if (color && (i === 0 || level !== levels[i - 1])) line += level === null ? RESET : `\x1b[48;5;${COLORS[level]}m`;
    line += (level === null ? '?' : color ? ' ' : SHADES[level]).repeat(cell);
  });
  return color ? line + RESET : line;
}

/** What the shades or colours stand for. */
function legend(max: number, width: number, color: boolean): string {
  const all = (color ? COLORS : SHADES).map((_, level) => level);
  const last = all.length - 1;
  const one = (level: number, cell: number): string => painted([level], cell, color);
  const most = format(max);
  const full = color
    ? `0 ${painted(all, 1, true)} ${most}`
    : all.map((level) => `${level === 0 ? "' '" : one(level, 1)} ${format((max * level) / last)}`).join('  ');
  const taken = color ? 2 + all.length + 1 + most.length : full.length;
  return taken <= width ? full : `${one(last, 1)} ${most}`;
}

/** Labels of columns: upright where each is one character, else from top to bottom, ending at the grid. */
function headerOf(labels: readonly (readonly string[])[], cell: number, indent: number): string[] {
  const longest = labels.reduce((most, label) => Math.max(most, label.length), 1);
  const height = Math.min(MOST_HEADER, longest);
  const cut = labels.map((label) => (label.length > height ? [...label.slice(0, height - 1), '…'] : label));
  return Array.from({ length: height }, (_, line) => {
    const cells = cut.map((label) => {
      const at = line - height + label.length;
      return fit(at < 0 ? [] : label.slice(at, at + 1), cell);
    });
    return (' '.repeat(indent) + cells.join('')).trimEnd();
  });
}

/** Draws an attention map: a row for each token that looks, a column for each that is looked at, the fuller or brighter the
 *  more. The scale goes from 0 to the greatest value drawn, and stands in the last line. Pure: nothing is printed.
 *  @param attention [batch, heads, rows, columns], as `outputAttentions` gives for every layer, [heads, rows, columns] or
 *    [rows, columns]
 *  @returns lines of at most `width` columns, with no line end after the last. Columns that do not fit beside each other stand
 *    in blocks, one below the other
 *  @throws INVALID_ARGUMENT, INVALID_SHAPE (dims, labels that are not as many as the map's rows and columns) */
export function attentionGrid(attention: Tensor, options: AttentionGridOptions): string {
  refuseUnknown(options, NAMES, 'attentionGrid: ');
  const { rows, columns, head, batch = 0, color = false, width = 80 } = options;
  const dims = (attention as Tensor | undefined)?.dims;
  if (!Array.isArray(dims) || dims.length < 2 || dims.length > 4) {
    throw new WasmformerError(
      'INVALID_SHAPE',
      `attentionGrid: attention must be a Tensor [batch, heads, rows, columns], [heads, rows, columns] or [rows, columns]${Array.isArray(dims) ? `, not [${dims.join(', ')}]` : ''}`,
    );
  }
  if (!Number.isInteger(width) || width < LEAST_WIDTH)
    throw invalid(`width is ${width}, but must be a whole number of at least ${LEAST_WIDTH}`);
  checkLabels('rows', rows, dims, dims[dims.length - 2]);
  checkLabels('columns', columns, dims, dims[dims.length - 1]);
  const values = mapOf(attention, head, batch);

  const max = values.reduce((most, value) => (value > most && value < Infinity ? value : most), 0) || 1;
  const top = (color ? COLORS : SHADES).length - 1;
  const levelOf = (value: number): number | null =>
    Number.isFinite(value) ? Math.max(0, Math.min(top, Math.round((value / max) * top))) : null;

  const names = rows.map(graphemesOf);
  const heads = columns.map(graphemesOf);
  const longest = names.reduce(
    (most, name) =>
      Math.max(
        most,
        name.reduce((sum, one) => sum + widthOf(one), 0),
      ),
    1,
  );
  const gutter = Math.min(longest, Math.max(1, Math.floor(width / 3)), MOST_LABEL);
  const room = width - gutter - 1;
  const isUpright = heads.every((label) => label.length <= 1);
  const isNarrow = heads.every((label) => label.every((one) => widthOf(one) === 1));
  // single columns only where that saves blocks and leaves the labels readable
  const cell = isUpright && isNarrow && columns.length * 2 > room ? 1 : 2;
  const perBlock = Math.floor(room / cell);

  const lines: string[] = [];
  for (let from = 0; from < columns.length; from += perBlock) {
    const to = Math.min(from + perBlock, columns.length);
    if (from > 0) lines.push('');
    lines.push(...headerOf(heads.slice(from, to), cell, gutter + 1));
    names.forEach((name, row) => {
      const levels = Array.from(values.subarray(row * columns.length + from, row * columns.length + to), levelOf);
      const line = `${fit(name, gutter)}│${painted(levels, cell, color)}`;
      lines.push(color ? line : line.trimEnd());
    });
  }
  lines.push('', legend(max, width, color));
  return lines.join('\n');
}
