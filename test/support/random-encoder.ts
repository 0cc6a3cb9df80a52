// A BERT with random weights, large enough that a batch takes a while: for tests of aborting, queueing and memory.
import { writeSafetensors } from '../../src/io/safetensors-write';

const HIDDEN = 256;
const INNER = 1024;
const LAYERS = 4;
const VOCAB = 100;

let files: Record<string, Uint8Array | string> | undefined;

/** The checkpoint as in-memory files; made once. */
export function bigEncoderFiles(): Record<string, Uint8Array | string> {
  return (files ??= make());
}

function make(): Record<string, Uint8Array | string> {
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
  const norm = (name: string): void => {
    add(`${name}.weight`, [HIDDEN], () => 1);
    add(`${name}.bias`, [HIDDEN], () => 0);
  };
  const linear = (name: string, out: number, depth: number): void => {
    add(`${name}.weight`, [out, depth], () => random() / Math.sqrt(depth));
    add(`${name}.bias`, [out], random);
  };
  add('embeddings.word_embeddings.weight', [VOCAB, HIDDEN], random);
  add('embeddings.position_embeddings.weight', [512, HIDDEN], random);
  add('embeddings.token_type_embeddings.weight', [2, HIDDEN], random);
  norm('embeddings.LayerNorm');
  for (let i = 0; i < LAYERS; i++) {
    const at = `encoder.layer.${i}`;
    for (const part of ['query', 'key', 'value']) linear(`${at}.attention.self.${part}`, HIDDEN, HIDDEN);
    linear(`${at}.attention.output.dense`, HIDDEN, HIDDEN);
    norm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, INNER, HIDDEN);
    linear(`${at}.output.dense`, HIDDEN, INNER);
    norm(`${at}.output.LayerNorm`);
  }
  const config = {
    model_type: 'bert',
    architectures: ['BertModel'],
    hidden_size: HIDDEN,
    num_attention_heads: 4,
    num_hidden_layers: LAYERS,
    intermediate_size: INNER,
    vocab_size: VOCAB,
    max_position_embeddings: 512,
    type_vocab_size: 2,
    hidden_act: 'gelu',
  };
  return { 'config.json': JSON.stringify(config), 'model.safetensors': writeSafetensors(tensors) };
}
