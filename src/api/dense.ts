// The Dense layers of sentence-transformers' folders: their settings, and their weights beside the checkpoint's.
import { WasmformerError } from '../errors';
import type { Checkpoint } from '../io/safetensors';
import type { Source } from '../io/source';
import { openOne } from '../io/weight-files';
import type { DenseSettings } from '../models/dense';
import type { Activation } from '../ops/activation';
import { missingModule } from './sentence-mistakes';

const ACTIVATIONS: Readonly<Record<string, Activation | null>> = {
  Identity: null,
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
};

/** @throws FILE_NOT_FOUND, INVALID_CONFIG, UNSUPPORTED_MODEL (an activation or an input that is not known here) */
export async function readDense(source: Source, path: string, signal?: AbortSignal): Promise<DenseSettings> {
  const file = `${path}/config.json`;
  const config = (await source.readJsonIfThere(file, signal)) as Record<string, unknown> | null | undefined;
  if (config === undefined) throw missingModule(source.name, file);
  const fail = (code: 'INVALID_CONFIG' | 'UNSUPPORTED_MODEL', problem: string): WasmformerError =>
    new WasmformerError(code, `${file} in ${source.name}: ${problem}`);
  const size = (key: string): number => {
    const value = config?.[key];
    if (Number.isSafeInteger(value) && Number(value) > 0) return Number(value);
    throw fail('INVALID_CONFIG', `${key} must be a whole number above 0, not ${JSON.stringify(value)}`);
  };
  const inFeatures = size('in_features');
  const outFeatures = size('out_features');
  const named = String(config?.activation_function ?? 'torch.nn.modules.activation.Tanh');
  const activation = named.split('.').at(-1)!.replace(/\(\)$/, '');
  if (!Object.hasOwn(ACTIVATIONS, activation)) {
    const known = Object.keys(ACTIVATIONS).join(', ');
    throw fail('UNSUPPORTED_MODEL', `the activation ${named} is not supported; ${known} of torch.nn are`);
  }
  for (const key of ['module_input_name', 'module_output_name']) {
    const name = config?.[key] ?? 'sentence_embedding';
    if (name !== 'sentence_embedding')
      throw fail(
        'UNSUPPORTED_MODEL',
        `${key} is ${JSON.stringify(name)}; only a layer of the sentence's embedding is supported`,
      );
  }
  return { path, inFeatures, outFeatures, bias: config?.bias !== false, activation: ACTIVATIONS[activation] };
}

/** A checkpoint with the layers' tensors, `{path}.linear.weight` and `.bias`. */
export async function withDenseTensors(
  base: Checkpoint,
  source: Source,
  layers: readonly DenseSettings[],
  signal?: AbortSignal,
): Promise<Pick<Checkpoint, 'tensors' | 'totalBytes' | 'read'>> {
  const tensors = new Map(base.tensors);
  const owners = new Map<string, { checkpoint: Checkpoint; name: string }>();
  let { totalBytes } = base;
  for (const { path } of layers) {
    const file = `${path}/model.safetensors`;
    const isThere = await source.has(file, signal);
    const checkpoint = await openOne(source, isThere ? file : `${path}/pytorch_model.bin`, signal);
    for (const [name, entry] of checkpoint.tensors) {
      tensors.set(`${path}.${name}`, entry);
      owners.set(`${path}.${name}`, { checkpoint, name });
    }
    totalBytes += checkpoint.totalBytes;
  }
  return {
    tensors,
    totalBytes,
    async read(parts, partSignal) {
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      for (let i = 0; i < parts.length;) {
        const { checkpoint } = owners.get(parts[i].name) ?? { checkpoint: base };
        const run: { name: string; start: number; length: number }[] = [];
        for (; i < parts.length; i++) {
          const owner = owners.get(parts[i].name);
          if ((owner?.checkpoint ?? base) !== checkpoint) break;
          run.push({ ...parts[i], name: owner?.name ?? parts[i].name });
        }
        chunks.push(await checkpoint.read(run, partSignal));
      }
      return chunks.length === 1 ? chunks[0] : new Uint8Array(await new Blob(chunks).arrayBuffer());
    },
  };
}
