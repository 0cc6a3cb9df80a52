// The Dense layers of sentence-transformers' folders: their settings, and their weights beside the checkpoint's.
import { WasmformerError } from '../errors';
import { checkpointOf, type Checkpoint } from '../io/safetensors-file';
import type { TensorEntry } from '../io/safetensors-header';
import type { Source } from '../io/source';
import { openOne } from '../io/weight-files';
import type { DenseSettings } from '../models/dense';
import type { Activation } from '../ops/activation';

const ACTIVATIONS: Readonly<Record<string, Activation | null>> = {
  Identity: null,
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
};

/** @param config of the layer's folder
 *  @param where the file, as errors call it
 *  @throws INVALID_CONFIG, UNSUPPORTED_MODEL (an activation or an input that is not known here) */
export function denseSettings(path: string, config: Readonly<Record<string, unknown>>, where: string): DenseSettings {
  const fail = (code: 'INVALID_CONFIG' | 'UNSUPPORTED_MODEL', problem: string): WasmformerError =>
    new WasmformerError(code, `${where}: ${problem}`);
  const size = (key: string): number => {
    const value = config[key];
    if (Number.isSafeInteger(value) && Number(value) > 0) return Number(value);
    throw fail('INVALID_CONFIG', `${key} must be a whole number above 0, not ${JSON.stringify(value)}`);
  };
  const inFeatures = size('in_features');
  const outFeatures = size('out_features');
  const named = String(config.activation_function ?? 'torch.nn.modules.activation.Tanh');
  const activation = named.split('.').at(-1)!.replace(/\(\)$/, '');
  if (!Object.hasOwn(ACTIVATIONS, activation)) {
    const known = Object.keys(ACTIVATIONS).join(', ');
    throw fail('UNSUPPORTED_MODEL', `the activation ${named} is not supported; ${known} of torch.nn are`);
  }
  for (const key of ['module_input_name', 'module_output_name']) {
    const name = config[key] ?? 'sentence_embedding';
    if (name !== 'sentence_embedding')
      throw fail(
        'UNSUPPORTED_MODEL',
        `${key} is ${JSON.stringify(name)}; only a layer of the sentence's embedding is supported`,
      );
  }
  return { path, inFeatures, outFeatures, bias: config.bias !== false, activation: ACTIVATIONS[activation] };
}

/** A checkpoint with the layers' tensors, `{path}.linear.weight` and `.bias`. */
export async function withDenseTensors(
  base: Checkpoint,
  source: Source,
  layers: readonly DenseSettings[],
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const tensors = new Map(base.tensors);
  const holders = new Map<string, { checkpoint: Checkpoint; own: TensorEntry }>();
  for (const { path } of layers) {
    const file = `${path}/model.safetensors`;
    const isThere = await source.has(file, signal);
    const checkpoint = await openOne(source, isThere ? file : `${path}/pytorch_model.bin`, signal);
    for (const own of checkpoint.tensors.values()) {
      const name = `${path}.${own.name}`;
      tensors.set(name, { ...own, name });
      holders.set(name, { checkpoint, own });
    }
  }
  return checkpointOf(source, tensors, base.metadata, (entry, part, ...rest) => {
    const { checkpoint, own } = holders.get(entry.name) ?? { checkpoint: base, own: entry };
    return checkpoint.locate(own, { ...part, name: own.name }, ...rest);
  });
}
