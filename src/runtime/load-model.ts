// Builds the model that a config describes, with weights from a checkpoint or from a seed.
import type { Core } from '../core/core';
import { initsOf, type Architecture, type Config } from '../models/model';
import { Parameters } from '../nn/parameters';
import type { HeldWeights } from './held-weights';
import { loadWeights, type LoadOptions, type TensorReader } from './load';

/** Where weights come from: a checkpoint, or a seed for random ones. */
export type WeightSource = TensorReader | { readonly seed: number };

/** @throws INVALID_CONFIG, UNSUPPORTED_MODEL, MISSING_TENSOR, OUT_OF_MEMORY, ABORTED, and what the reader throws */
export async function loadModel<M>(
  architecture: Architecture<M>,
  core: Core,
  config: Config,
  source: WeightSource,
  options: LoadOptions,
): Promise<{ model: M; weights: HeldWeights }> {
  const aliases = (name: string): string[] => architecture.aliases(name);
  const isFresh = 'seed' in source;
  const parameters = isFresh
    ? new Parameters(null, aliases, architecture.inits?.(config) ?? initsOf(config))
    : new Parameters((name) => source.tensors.has(name), aliases);
  const model = architecture.build(config, parameters);
  const { declarations } = parameters;
  const reader = isFresh ? (await import('./random-tensors')).randomTensors(declarations, source.seed) : source;
  const weights = await loadWeights(declarations, reader, core, { ...options, ignored: architecture.ignored });
  return { model, weights };
}
