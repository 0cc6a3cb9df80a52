// Linear layers and norms over rows of tokens.
import type { Value, Weight } from '../core/graph';
import type { Activation } from '../ops/activation';
import { matmul } from '../ops/matmul';
import { layerNorm, rmsNorm } from '../ops/norm';
import type { Linear, Norm, RmsNorm } from './parameters';

/** act(x W^T + b) + residual; nn.Linear with what follows it. */
export function linear(
  x: Value,
  layer: Linear,
  options: { activation?: Activation | null; residual?: Value } = {},
): Value {
  return matmul(x, layer.weight, { bias: layer.bias, ...options });
}

/** nn.LayerNorm or nn.RMSNorm. */
export function norm(x: Value, layer: Norm | RmsNorm): Value {
  return layer.kind === 'rms' ? rmsNorm(x, layer.weight, layer.eps) : layerNorm(x, layer.weight, layer.bias, layer.eps);
}

/** x W^T + b with a weight that is also an embedding table. */
export function tiedLinear(x: Value, table: Weight, bias: Weight | null): Value {
  return matmul(x, table, { bias });
}
