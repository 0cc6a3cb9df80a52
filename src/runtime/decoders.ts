// Loads what the class Decoder stands for: a causal language model, or the stack of a decoder alone.
import type { Core } from '../core/core';
import { decoderStackOf } from '../models/decoders';
import type { Config } from '../models/model';
import { DecoderRunner } from './decoder-runner';
import type { LoadOptions } from './load';
import type { WeightSource } from './load-model';
import type { Runner } from './runner';

/** Builds the model that a config describes and reads its weights. */
export async function loadDecoder(
  core: Core,
  config: Config,
  source: WeightSource,
  options: LoadOptions,
): Promise<Runner> {
  const stack = await decoderStackOf(config);
  if (!stack) return DecoderRunner.load(core, config, source, options);
  const { StackRunner } = await import('./stack-runner');
  return StackRunner.load(stack, core, config, source, options);
}
