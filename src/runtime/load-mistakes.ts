// The error of a checkpoint that does not fit its config, in a chunk that loads only then.
import { WasmformerError } from '../errors';
import type { Source } from '../nn/parameters';
import type { TensorInfo } from './load';

/** Tensors beside the weights of quantised checkpoints: GPTQ, AWQ, bitsandbytes, FP8. */
const QUANTISED =
  /\.(qweight|qzeros|scales|g_idx|SCB|absmax|quant_map|weight_scale\w*|weight_format|quant_state\.\w+)$/;

/**
 * MISSING_TENSOR with everything that is wrong.
 * @param unfilled what is asked for: names that no tensor has, or tensors of another shape or type
 * @param unplaced tensors that no weight takes
 * @param types what weights may be stored as
 */
export function misfit(
  unfilled: readonly Source[],
  unplaced: readonly string[],
  tensors: ReadonlyMap<string, TensorInfo>,
  types: readonly string[],
): WasmformerError {
  const shape = (dims: readonly number[]): string => `[${dims.join(', ')}]`;
  const problems = unfilled.map(({ names, dims }) => {
    const found = names.find((name) => tensors.has(name));
    if (found === undefined) return `${names[0]} ${shape(dims)} is missing`;
    const tensor = tensors.get(found)!;
    return shape(tensor.dims) === shape(dims)
      ? `${found} is stored as ${tensor.dtype}; weights may be ${types.join(', ')}`
      : `${found} is ${shape(tensor.dims)}, but config.json asks for ${shape(dims)}`;
  });
  problems.push(...unplaced.map((name) => `${name} ${shape(tensors.get(name)!.dims)} has no place in the model`));
  const hint = unplaced.some((name) => QUANTISED.test(name))
    ? '\nIts weights are quantised, which is not supported: load the checkpoint that it was made from'
    : '';
  return new WasmformerError(
    'MISSING_TENSOR',
    `the checkpoint does not fit its config.json:\n  ${[...new Set(problems)].join('\n  ')}${hint}`,
  );
}
