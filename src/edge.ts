/**
 * The same classes for edge functions: one thread, and the core as a module that the platform compiled ahead.
 *
 *     import wasm from 'wasmformer/wasm/relaxed.wasm';
 *     const encoder = await Encoder.fromPretrained(source, { module: wasm });
 * @module wasmformer/edge
 */
export * from './index';
