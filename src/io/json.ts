// JSON as checkpoints need it: strict UTF-8, errors that name the file, and the flaws that JSON.parse hides.
import { WasmformerError } from '../errors';
import { lookalike } from './lookalikes';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses a JSON file. A byte order mark is tolerated.
 * @param where names the file in messages, e.g. `config.json in /models/mini`
 * @throws INVALID_FILE for bytes that are not UTF-8 or not JSON
 */
export function parseJson(bytes: Uint8Array, where: string): unknown {
  return parseText(decodeText(bytes, where), where);
}

/** parseJson, or what gives the same. */
export type ParseJson = (bytes: Uint8Array, where: string) => unknown;

export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new WasmformerError('INVALID_FILE', `${where} is not UTF-8 text; download it again`, { cause });
  }
}

export function parseText(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const found = lookalike(text.trimStart());
    const reason = found ? `it is ${found}` : cause instanceof Error ? cause.message : String(cause);
    throw new WasmformerError('INVALID_FILE', `${where} is not valid JSON: ${reason}`, { cause });
  }
}

/** Whether a parsed value is an object (not an array, not null). */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface JsonScanOptions {
  /** Numbers below these keys must be written with digits only (`2`, not `2.0`, `2e0` or `-0`). */
  integerKeys?: ReadonlySet<string>;
  /** Deepest nesting allowed. Default 64. */
  maxDepth?: number;
}

interface Level {
  /** Keys seen so far; null in an array. */
  readonly keys: Set<string> | null;
  /** The key whose value is being read; an array keeps that of the object around it. */
  key: string;
}

/**
 * Looks for what JSON.parse accepts silently and a hostile file may use: a key twice in one object, excessive nesting,
 * numbers that are not plain integers. Syntax errors are left for JSON.parse to report.
 * @returns what is wrong, or undefined
 */
export function findJsonFlaw(text: string, options: JsonScanOptions = {}): string | undefined {
  const maxDepth = options.maxDepth ?? 64;
  const integerKeys = options.integerKeys;
  const levels: Level[] = [];
  let top: Level | undefined;
  let expectKey = false;
  const length = text.length;
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const end = endOfString(text, i);
      if (end < 0) return undefined;
      if (expectKey && top?.keys) {
        const key = decodeString(text.slice(i, end + 1));
        if (key === undefined) return undefined;
        if (top.keys.has(key)) return `the key ${JSON.stringify(key)} occurs twice`;
        top.keys.add(key);
        top.key = key;
        expectKey = false;
      }
      i = end;
    } else if (c === 0x7b /* { */ || c === 0x5b /* [ */) {
      if (levels.length === maxDepth) return `it is nested deeper than ${maxDepth} levels`;
      expectKey = c === 0x7b;
      top = { keys: expectKey ? new Set() : null, key: top?.key ?? '' };
      levels.push(top);
    } else if (c === 0x7d /* } */ || c === 0x5d /* ] */) {
      levels.pop();
      top = levels[levels.length - 1];
      expectKey = false;
    } else if (c === 0x2c /* , */) {
      expectKey = top?.keys != null;
    } else if (c === 0x2d /* - */ || (c >= 0x30 && c <= 0x39)) {
      let end = i + 1;
      while (end < length && isNumberPart(text.charCodeAt(end))) end++;
      if (integerKeys && top && integerKeys.has(top.key)) {
        const number = text.slice(i, end);
        if (!/^\d+$/.test(number)) {
          return `${JSON.stringify(top.key)} has ${number.slice(0, 40)} where a non-negative integer belongs`;
        }
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** Index of the closing quote, or -1. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return -1;
}

function decodeString(quoted: string): string | undefined {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

function isNumberPart(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || c === 0x2b || c === 0x2d || c === 0x2e || c === 0x45 || c === 0x65;
}
