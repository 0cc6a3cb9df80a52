// stdout and stderr: whole lines, colours only where they are seen, a progress bar that never mixes with the output.
import process from 'node:process';

/** Nothing is shown of what is over before, in milliseconds; then the bar moves as often. */
const PATIENCE = 400;
const REDRAW = 100;
const BAR_WIDTH = 24;

export interface Styles {
  bold(text: string): string;
  dim(text: string): string;
}

export class Terminal {
  /** Whether stdout shows colours: not when piped, nor with NO_COLOR or TERM=dumb. */
  readonly colors = process.stdout.isTTY && process.stdout.hasColors();
  /** Columns of stdout. */
  readonly width = process.stdout.columns > 0 ? process.stdout.columns : 80;
  readonly styles: Styles;
  private readonly showsProgress: boolean;
  private began = 0;
  private drawn = 0;
  private visible = false;
  private what = '';

  /** @param quiet nothing on stderr but errors */
  constructor(private readonly quiet: boolean) {
    this.showsProgress = !quiet && process.stderr.isTTY && process.env.TERM !== 'dumb';
    const style = (on: number, off: number) => (text: string) =>
      this.colors ? `\u001b[${on}m${text}\u001b[${off}m` : text;
    this.styles = { bold: style(1, 22), dim: style(2, 22) };
  }

  /** Writes to stdout; resolves when the reader has room for more. */
  write(text: string): Promise<void> {
    this.clearProgress();
    return new Promise((resolve) => {
      process.stdout.write(text, () => resolve());
    });
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }

  /** A line of JSON. */
  json(value: unknown): Promise<void> {
    return this.line(JSON.stringify(value));
  }

  /** A remark on stderr, for people only. */
  remark(text: string): void {
    if (!this.quiet) this.warn(text);
  }

  /** A line on stderr that even --quiet does not hide. */
  warn(text: string): void {
    this.clearProgress();
    process.stderr.write(`${text}\n`);
  }

  /** Shows how far a long task is; `total` null where nobody knows. */
  progress(what: string, done: number, total: number | null, unit: (n: number) => string = String): void {
    if (!this.showsProgress) return;
    const now = performance.now();
    if (what !== this.what) {
      this.what = what;
      this.began = now;
    }
    if (now - this.began < PATIENCE || now - this.drawn < REDRAW) return;
    this.drawn = now;
    this.visible = true;
    const share = total === null || total === 0 ? null : Math.min(1, done / total);
    const full = Math.round((share ?? 0) * BAR_WIDTH);
    const bar = share === null ? '' : ` ${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
    const count = total === null ? unit(done) : `${unit(done)} of ${unit(total)}`;
    process.stderr.write(`\r\u001b[K${`${what}${bar} ${count}`.slice(0, Math.max(10, process.stderr.columns - 1))}`);
  }

  /** Takes the bar away. */
  clearProgress(): void {
    if (!this.visible) return;
    this.visible = false;
    process.stderr.write('\r\u001b[K');
  }
}

/** Bytes for people. */
export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(3, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toPrecision(3)} ${['B', 'KB', 'MB', 'GB'][power]}`;
}

/** A text as one line: breaks and tabs become spaces, what steers a terminal becomes visible. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ').replaceAll(/\p{Cc}/gu, '\ufffd');
}

/** At most so many characters. */
export function clip(text: string, width: number): string {
  const characters = [...oneLine(text)];
  return characters.length <= width ? characters.join('') : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Rows of cells below each other. Columns whose name is in `right` end at the same place. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, j) => Math.max(...rows.map((row) => [...(row[j] ?? '')].length)));
  const pad = (cell: string, j: number): string => {
    const space = ' '.repeat(widths[j] - [...cell].length);
    return right.includes(j) ? space + cell : cell + space;
  };
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
