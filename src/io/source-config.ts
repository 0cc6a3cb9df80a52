// A source for a model that is made of its config alone.
import { WasmformerError } from '../errors';
import { describe, isPlainObject } from './source';
import type { Source } from './source-base';
import { MemorySource } from './source-memory';

/** Settings that Python writes with a point, which whole numbers lack here: transformers 5 refuses those without. */
const FLOATS =
  /"(?:\w*factor|beta_(?:fast|slow)|mscale\w*|init_std|initializer_range|\w+_layerdrop|\w+_eps(?:ilon)?)": -?\d+(?=,?\n)/g;

/** The source of a model that has a config and nothing else. Throws INVALID_CONFIG. */
export function configSource(config: Readonly<Record<string, unknown>>): Source {
  const fail = (problem: string, cause?: unknown): WasmformerError =>
    new WasmformerError('INVALID_CONFIG', `the config must be an object with config.json's keys, ${problem}`, {
      cause,
    });
  if (!isPlainObject(config))
    throw fail(`not ${typeof config === 'string' ? JSON.stringify(config) : describe(config)}`);
  let text: string;
  try {
    text = JSON.stringify(config, null, 2).replace(FLOATS, '$&.0');
  } catch (cause) {
    throw fail('but it cannot be written as JSON', cause);
  }
  return new MemorySource(new Map([['config.json', new TextEncoder().encode(`${text}\n`)]]), 'the given config');
}
