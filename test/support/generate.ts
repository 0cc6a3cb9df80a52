// What the tests of generation share: folders with tokenizers, a decoder that takes a while, scripted answers.
import { expect } from 'vitest';
import type { LogitsProcessor } from '../../src/api/generation';
import { WasmformerError } from '../../src/errors';
import { writeSafetensors } from '../../src/io/safetensors-write';
import { goldenFolder, readJson } from '../golden/load';

/** Models with tokenizers: byte-level BPE, and pieces with byte fallback. */
export const textGoldens = ['bytes', 'pieces'] as const;

export interface TextCase {
  prompt: string;
  inputIds: number[];
  ids: number[];
  text: string;
}

/** A search of four beams for twelve tokens, and its best three sequences. */
export interface StoppedBeams {
  inputIds: number[];
  stopStrings: string[];
  sequences: number[][];
  scores: number[];
}

export const textFolder = (name: string): string => goldenFolder('texts', name);
export const readTextCases = (name: string): { greedy: TextCase[]; beams: StoppedBeams[] } =>
  readJson('texts', name, 'expected.json');

/** The error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<WasmformerError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WasmformerError);
  return error as WasmformerError;
}

/** Has the model say these ids, whatever it would say. */
export function saying(ids: ArrayLike<number>): LogitsProcessor {
  return (logits, { step }) => {
    logits.fill(-Infinity);
    logits[ids[step]] = 0;
  };
}

const HIDDEN = 256;
const INNER = 768;
const LAYERS = 4;

let slow: Record<string, Uint8Array | string> | undefined;

/** A llama with random weights of 100 tokens and a context of 4096, as in-memory files: about a millisecond a token. */
export function slowDecoderFiles(): Record<string, Uint8Array | string> {
  return (slow ??= makeSlow());
}

function makeSlow(): Record<string, Uint8Array | string> {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const tensors: { name: string; dtype: 'F32'; dims: number[]; data: Uint8Array }[] = [];
  const add = (name: string, dims: number[], make: () => number): void => {
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, make);
    tensors.push({ name, dtype: 'F32', dims, data: new Uint8Array(data.buffer) });
  };
  const linear = (name: string, out: number, depth: number): void =>
    add(`${name}.weight`, [out, depth], () => (3 * random()) / Math.sqrt(depth));
  add('model.embed_tokens.weight', [100, HIDDEN], random);
  for (let i = 0; i < LAYERS; i++) {
    const at = `model.layers.${i}`;
    for (const part of ['q', 'k', 'v', 'o']) linear(`${at}.self_attn.${part}_proj`, HIDDEN, HIDDEN);
    for (const part of ['gate', 'up']) linear(`${at}.mlp.${part}_proj`, INNER, HIDDEN);
    linear(`${at}.mlp.down_proj`, HIDDEN, INNER);
    add(`${at}.input_layernorm.weight`, [HIDDEN], () => 1);
    add(`${at}.post_attention_layernorm.weight`, [HIDDEN], () => 1);
  }
  add('model.norm.weight', [HIDDEN], () => 1);
  linear('lm_head', 100, HIDDEN);
  const config = {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_size: HIDDEN,
    intermediate_size: INNER,
    num_hidden_layers: LAYERS,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    vocab_size: 100,
    max_position_embeddings: 4096,
    tie_word_embeddings: false,
  };
  return { 'config.json': JSON.stringify(config), 'model.safetensors': writeSafetensors(tensors) };
}
