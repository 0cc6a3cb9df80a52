// Reading tokenizer.json without trusting it: small checked accessors that name the file and the field in their errors.

import { WasmformerError } from '../../errors.js';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Awaited now and then during long work: others get a turn where they have waited for long. Throws where nobody waits for the result. */
export type Pause = () => Promise<void> | undefined;

/** Throws INVALID_TOKENIZER; `where` is the file and field. */
export function invalidTokenizer(where: string, problem: string, cause?: unknown): never {
  throw new WasmformerError('INVALID_TOKENIZER', `${where}: ${problem}`, { cause });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asObject(value: unknown, where: string): JsonObject {
  return isObject(value) ? value : invalidTokenizer(where, `expected an object, found ${describe(value)}`);
}

export function asArray(value: unknown, where: string): readonly unknown[] {
  return Array.isArray(value) ? value : invalidTokenizer(where, `expected an array, found ${describe(value)}`);
}

export function asString(value: unknown, where: string): string {
  return typeof value === 'string' ? value : invalidTokenizer(where, `expected a string, found ${describe(value)}`);
}

/** A token id: an integer from 0. */
export function asId(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  return invalidTokenizer(where, `expected a token id (an integer from 0), found ${describe(value)}`);
}

/** A flag with a default for null and absent. */
export function asFlag(value: unknown, fallback: boolean, where: string): boolean {
  if (value === undefined || value === null) return fallback;
  return typeof value === 'boolean'
    ? value
    : invalidTokenizer(where, `expected true or false, found ${describe(value)}`);
}

/** The parts of a Sequence, or the one part itself. Null and absent give none. */
export function parts(value: unknown, key: string, where: string): { config: JsonObject; where: string }[] {
  if (value === undefined || value === null) return [];
  const config = asObject(value, where);
  if (config.type !== 'Sequence') return [{ config, where }];
  return asArray(config[key], `${where}.${key}`).flatMap((part, i) => parts(part, key, `${where}.${key}[${i}]`));
}

/** What was given instead, for messages. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number') return String(value);
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object';
  return `the ${typeof value} ${JSON.stringify(String(value))}`;
}
