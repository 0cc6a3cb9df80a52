// wasmformer: transformers in WebAssembly SIMD.
export { Encoder } from './api/encoder';
export type { EmbedOptions, EncoderOutput, ForwardOptions, FromPretrainedOptions, LoadProgress, ModelInfo } from './api/encoder';
export type { EncoderInput, IdInputs, Ids, TextInputs, TokenizeOptions } from './api/inputs';
export { Tensor } from './api/tensor';
export type { NestedArray, TensorData, TensorType } from './api/tensor';
export { WasmformerError } from './errors';
export type { WasmformerErrorCode } from './errors';
export { createEngine } from './runtime/host';
export type { Engine, EngineInfo, EngineOptions } from './runtime/host';
export type { ProfileRow } from './runtime/encoder-runner';
export type { SourceInput } from './io/source';
