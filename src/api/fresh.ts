// What fromConfig takes in place of a checkpoint: a seed.
import { WasmformerError } from '../errors';
import { randomSeed } from '../generate/random';

export { configSource } from '../io/source-config';

/** The seed that was given, or a random one. Throws INVALID_ARGUMENT. */
export function seedOf(seed: number = randomSeed()): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    `seed must be a whole number from 0 to 2^53 - 1, not ${typeof seed === 'string' ? JSON.stringify(seed) : String(seed)}`,
  );
}
