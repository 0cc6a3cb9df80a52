// wasmformer/kernels: single kernels on tensors.
export { Tensor } from './api/tensor';
