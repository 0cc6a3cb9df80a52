// Opens our own built package with the options of a bench process.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { models, root, stories } from './paths.mjs';

const entry = (name) => join(root, 'dist/node', name);

export const built = () => existsSync(entry('index.js')) && existsSync(entry('kernels.js'));

/** An encoder of models/NAME, run inline; `wasmBytes()` is the size of its engine's memory. Default dtype: as stored. */
export async function openEncoder(name, { threads, revectorize = false, dtype = 'auto' }) {
  const { Encoder, createEngine } = await import(entry('index.js'));
  const engine = await createEngine({ threads, worker: false, revectorize });
  const encoder = await Encoder.fromPretrained(join(models, name), { engine, dtype });
  const close = async () => {
    await encoder.dispose();
    await engine.dispose();
  };
  const wasmBytes = async () => (await engine.info()).memory.total;
  return { encoder, wasmBytes, close };
}

/** Several handles of a tiny sentence encoder, on one engine of the default kind. */
export async function openClients(count, options) {
  const { Encoder, createEngine } = await import(entry('index.js'));
  const engine = await createEngine(options);
  const folder = join(root, 'test/golden/encoders/sentence-mean');
  const clients = [];
  for (let i = 0; i < count; i++) clients.push(await Encoder.fromPretrained(folder, { engine }));
  return { clients, close: () => engine.dispose() };
}

/** Long calls on MiniLM and on a decoder of random weights, each of which takes a signal. */
export async function openAborted(options) {
  const { Decoder, Encoder, createEngine } = await import(entry('index.js'));
  const engine = await createEngine(options);
  const folder = join(models, 'minilm');
  const encoder = await Encoder.fromPretrained(folder, { engine });
  const config = {
    model_type: 'llama',
    vocab_size: 8000,
    hidden_size: 512,
    intermediate_size: 1376,
    num_hidden_layers: 8,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    hidden_act: 'silu',
  };
  const decoder = await Decoder.fromConfig(config, { engine, seed: 1 });
  const ids = (length) => Array.from({ length }, (_, i) => (i * 37) % 7000);
  const batch = { inputIds: Array.from({ length: 32 }, () => ids(512)) };
  const runs = [
    (signal) => Encoder.fromPretrained(folder, { engine, signal }),
    (signal) => encoder.forward(batch, { signal }),
    (signal) => encoder.embed(batch, { signal }),
    (signal) => decoder.forward({ inputIds: [ids(1500)] }, { signal }),
  ];
  return { runs, close: () => engine.dispose() };
}

/** Kernels of one build, and Tensor. `time(run)` is the least time of the plan alone, in ms. */
export async function openKernels({ threads, build, revectorize }) {
  const { Tensor } = await import(entry('index.js'));
  const { createKernels } = await import(entry('kernels.js'));
  const kernels = await createKernels({ threads, build, revectorize });
  const time = (run) => Math.min(...kernels.time(run, 3));
  return { kernels, Tensor, time, close: () => kernels.dispose?.() };
}

/** Decoders of one engine, run inline. `open(name, dtype)` loads models/NAME-DTYPE, with the weights held as stored. */
export async function openDecoders({ threads }) {
  const { Decoder, createEngine } = await importDecoder();
  const engine = await createEngine({ threads, worker: false });
  const open = (name, dtype) => Decoder.fromPretrained(join(models, `${name}-${dtype}`), { engine, dtype });
  return { open, close: () => engine.dispose() };
}

/** The real stories260K on one thread. */
export async function openStories() {
  const { Decoder, createEngine } = await importDecoder();
  const engine = await createEngine({ threads: 1, worker: false });
  const decoder = await Decoder.fromPretrained(stories, { engine });
  const close = async () => {
    await decoder.dispose();
    await engine.dispose();
  };
  return { decoder, close };
}

/** The package, with a decoder that generates and keeps sessions. */
async function importDecoder() {
  const library = await import(entry('index.js'));
  const { Decoder } = library;
  if (!Decoder?.prototype.generate || !Decoder.prototype.createSession) {
    throw new Error(
      'The package as built has no Decoder with generate() and createSession(): build it, or --peers-only.',
    );
  }
  return library;
}
