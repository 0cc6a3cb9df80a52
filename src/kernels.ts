/**
 * Single kernels on tensors.
 * @module wasmformer/kernels
 */
export { createKernels } from './api/kernels';
export type { Kernels } from './api/kernels';
export type { KernelsInfo, PackedWeight } from './api/kernels-base';
export type { AttentionOptions, KernelsOptions, MatmulOptions, ReduceOptions } from './api/kernels-options';
export { Tensor } from './api/tensor';
export type { NestedArray, TensorData, TensorType } from './api/tensor';
export { WasmformerError } from './errors';
export type { WasmformerErrorCode } from './errors';
