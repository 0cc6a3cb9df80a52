/**
 * Transformers in WebAssembly SIMD.
 * @module wasmformer
 */
export { attentionGrid } from './api/attention-grid';
export type { AttentionGridOptions } from './api/attention-grid';
export { cache } from './api/cache';
export type { CachedFile, CacheOptions, ModelCache, VerifiedFile } from './api/cache';
export { Decoder } from './api/decoder';
export type { DecoderForwardOptions, DecoderInfo, DecoderOutput, GenerateOptions } from './api/decoder';
export type { DecoderStackInputs, EmbeddingInputs, Embeddings, Mask } from './api/embeddings';
export { Encoder } from './api/encoder';
export type { EmbedOptions, EncoderOutput, ForwardOptions, ModelInfo, TaskOptions } from './api/encoder';
export { loadTokenizer, type LoadTokenizerOptions } from './api/load-tokenizer';
export type {
  GeneratedResult,
  GeneratedText,
  GenerationPiece,
  GenerationStream,
  LogitsProcessor,
} from './api/generation';
export type { FileOptions, FromConfigOptions, FromPretrainedOptions, LoadProgress } from './api/pretrained';
export type { SaveOptions } from './api/save';
export type { Prompt, Prompts } from './api/prompts';
export type { Session } from './api/session';
export type { Question } from './api/encoder-tasks';
export type { DecoderInput, EncoderInput, IdInputs, Ids, TextInputs, TokenizeOptions } from './api/inputs';
export type { ClassificationOptions, ClassificationResult } from './api/tasks/classification';
export type { FillMaskOptions, FillMaskResult } from './api/tasks/fill-mask';
export type { QuantizeOptions } from './api/tasks/quantize';
export type { Comparable, CompareTextOptions, RerankOptions, RerankResult } from './api/tasks/search';
export type { CompareOptions, SearchOptions, SearchResult, SimilarityMetric } from './api/tasks/similarity';
export type { Precision, Ranges, Vectors } from './api/tasks/vectors';
export type { NextSentenceResult } from './api/tasks/next-sentence';
export type { Answer, AnswerOptions, WindowOptions } from './api/tasks/question-answering';
export type {
  AggregationStrategy,
  EntityGroup,
  TokenClassificationOptions,
  TokenEntity,
} from './api/tasks/token-classification';
export { Transformer } from './api/transformer';
export type {
  TransformerForwardOptions,
  TransformerGenerateOptions,
  TransformerInfo,
  TransformerInput,
  TransformerOutput,
} from './api/transformer';
export { Tensor } from './api/tensor';
export type { NestedArray, TensorData, TensorType } from './api/tensor';
export type { Profile } from './api/profile';
export type { ProfileRow } from './core/explain';
export { WasmformerError } from './errors';
export type { WasmformerErrorCode } from './errors';
export type { Alternative, FinishReason, GenerationOptions } from './generate';
export type { FileContent, SourceInput } from './io/source';
export type { DecodeOptions, EncodeOptions, Encoding, Tokenizer, TruncationStrategy } from './io/tokenizer';
export type { Config, Head } from './models/model';
export type { Pooling } from './ops/pool';
export { createEngine } from './runtime/host';
export type { Engine, EngineInfo, EngineOptions } from './runtime/host';
