// The layers that some sentence-transformers have behind the pooling: activation(x W^T + b).
import { WasmformerError } from '../errors';
import type { Linear } from '../nn/parameters';
import type { Activation } from '../ops/activation';
import type { Architecture, EncoderModel } from './model';

/** A layer as the engine is told of it, under the config's key `sentenceDense`. */
export interface DenseSettings {
  /** Its folder; its tensors are `{path}.linear.weight` and `.bias`. */
  readonly path: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
  readonly activation: Activation | null;
}

export interface Dense {
  readonly layer: Linear;
  readonly activation: Activation | null;
}

/** An architecture with these layers.
 *  @throws INVALID_CONFIG at the build (a layer that does not take what the one before gives) */
export function withDense(
  architecture: Architecture<EncoderModel>,
  settings: readonly DenseSettings[],
): Architecture<EncoderModel> {
  return {
    ...architecture,
    build(config, parameters) {
      const model = architecture.build(config, parameters);
      let size = model.hiddenSize;
      const dense = settings.map(({ path, inFeatures, outFeatures, bias, activation }): Dense => {
        if (inFeatures !== size) {
          throw new WasmformerError(
            'INVALID_CONFIG',
            `${path}/config.json: in_features is ${inFeatures}, but the layer before gives ${size} numbers`,
          );
        }
        size = outFeatures;
        return { layer: parameters.linear(`${path}.linear`, outFeatures, inFeatures, { bias }), activation };
      });
      return { ...model, dense };
    },
  };
}
