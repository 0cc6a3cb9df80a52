// The texts to work on: arguments, or stdin line by line as it arrives, plain or as JSON Lines.
import process from 'node:process';
import { Failure } from './failure';

/** One text, or the fields of one line of JSON. */
export interface Item {
  readonly fields: Readonly<Record<string, unknown>>;
  /** How messages call it. */
  readonly where: string;
  /** Whether the line was JSON, whose other fields go into the output. */
  readonly isJson: boolean;
}

export type InputFormat = 'auto' | 'lines' | 'jsonl';

/** Most texts, and about as many characters, of one step: results come while more is read, and Ctrl-C loses little. */
const STEP_ITEMS = 64;
const STEP_CHARACTERS = 20_000;

export class TextInput {
  private readonly items: AsyncGenerator<Item[], void>;
  private ahead: Promise<Item[] | null> | null = null;
  /** How many there are, once that is known. */
  total: number | null = null;

  /** @param given the arguments; with none, stdin is read
   *  @param key the field that a plain text is */
  constructor(
    given: readonly string[],
    private readonly format: InputFormat,
    private readonly key = 'text',
  ) {
    if (given.length > 0) this.total = given.length;
    this.items = given.length > 0 ? this.fromArguments(given) : this.fromStdin();
  }

  /** Waits for the first texts. Throws NO_INPUT, NOT_TEXT, INVALID_INPUT. */
  async ready(): Promise<void> {
    this.ahead ??= this.take();
    await this.ahead;
  }

  /** The texts that are there, at most a step of them; null at the end. Throws as `ready`. */
  async next(): Promise<Item[] | null> {
    const { ahead } = this;
    this.ahead = null;
    return ahead ?? this.take();
  }

  /** All texts. */
  async all(): Promise<Item[]> {
    const all: Item[] = [];
    for (let step = await this.next(); step; step = await this.next()) all.push(...step);
    return all;
  }

  private async take(): Promise<Item[] | null> {
    const { done, value } = await this.items.next();
    return done ? null : value;
  }

  private async *fromArguments(given: readonly string[]): AsyncGenerator<Item[], void> {
    yield* steps(given.map((text, i) => ({ fields: { [this.key]: text }, where: `text ${i + 1}`, isJson: false })));
  }

  private async *fromStdin(): AsyncGenerator<Item[], void> {
    let number = 0;
    let isJson = this.format === 'jsonl' ? true : this.format === 'lines' ? false : null;
    let blank: Item[] = [];
    let begun = false;
    for await (const lines of stdinLines()) {
      const found: Item[] = [];
      for (const line of lines) {
        number++;
        const isBlank = line.trim() === '';
        if (isJson !== null || !isBlank) isJson ??= looksLikeJson(line, number);
        if (isJson) {
          if (!isBlank) found.push(parseLine(line, number, this.key));
          continue;
        }
        const item: Item = { fields: { [this.key]: line }, where: `line ${number}`, isJson: false };
        // lines before the first text count only when there is one
        if (!begun && isBlank) blank.push(item);
        else {
          found.push(...blank, item);
          blank = [];
          begun = true;
        }
      }
      begun ||= found.length > 0;
      yield* steps(found);
    }
    if (!begun) throw new Failure('NO_INPUT', 'stdin is empty: give texts as arguments, or one a line on stdin');
  }
}

/** All of stdin as one text. Throws NO_INPUT, NOT_TEXT. */
export async function wholeStdin(): Promise<string> {
  const lines: string[] = [];
  for await (const some of stdinLines()) lines.push(...some);
  const text = lines.join('\n');
  if (text.trim() === '') throw new Failure('NO_INPUT', 'stdin is empty: give a text as an argument or on stdin');
  return text;
}

/** A field that must be a text. Throws INVALID_INPUT. */
export function textOf({ fields, where }: Item, key: string): string {
  const value = fields[key];
  if (typeof value === 'string') return value;
  const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value).slice(0, 40)}`;
  throw new Failure('INVALID_INPUT', `"${key}" ${found}: it must be a text`, where);
}

/** A field that may be there. Throws INVALID_INPUT. */
export function optionalText(item: Item, key: string): string | undefined {
  return item.fields[key] === undefined || item.fields[key] === null ? undefined : textOf(item, key);
}

function* steps(items: readonly Item[]): Generator<Item[]> {
  let step: Item[] = [];
  let characters = 0;
  for (const item of items) {
    step.push(item);
    for (const value of Object.values(item.fields)) if (typeof value === 'string') characters += value.length;
    if (step.length < STEP_ITEMS && characters < STEP_CHARACTERS) continue;
    yield step;
    step = [];
    characters = 0;
  }
  if (step.length > 0) yield step;
}

/** The first line decides: an object makes it JSON Lines. */
function looksLikeJson(line: string, number: number): boolean {
  if (!/^\s*\{\s*"/.test(line)) return false;
  try {
    JSON.parse(line);
    return true;
  } catch (error) {
    const message = `looks like JSON, but is not: ${(error as Error).message}; with --input-format lines it is a text`;
    throw new Failure('INVALID_INPUT', message, `line ${number}`);
  }
}

function parseLine(line: string, number: number, key: string): Item {
  const where = `line ${number}`;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Failure('INVALID_INPUT', `not JSON: ${(error as Error).message}`, where);
  }
  if (typeof value === 'string') return { fields: { [key]: value }, where, isJson: true };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Failure('INVALID_INPUT', 'a line of JSON must be an object or a string', where);
  return { fields: value as Record<string, unknown>, where, isJson: true };
}

/** Lines of stdin, as many at a time as have arrived. Throws NOT_TEXT. */
async function* stdinLines(): AsyncGenerator<string[], void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let line = 1;
  const decode = (chunk?: Buffer): string => {
    let text: string;
    try {
      text = chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      return notText(line, 'it has bytes that are not UTF-8');
    }
    return text.includes('\0') ? notText(line, 'it has zero bytes') : text;
  };
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    const text = decode(chunk);
    if (!text.includes('\n')) {
      rest += text;
      continue;
    }
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    line += lines.length;
    yield lines.map(withoutReturn);
  }
  rest += decode();
  if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function notText(line: number, why: string): never {
  throw new Failure('NOT_TEXT', `stdin is not text: ${why} (line ${line} or later); give text in UTF-8`);
}
