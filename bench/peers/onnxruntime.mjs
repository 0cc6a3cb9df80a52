// onnxruntime-web's wasm backend in Node. Its one published wasm build has fixed-width SIMD and threads.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { models, peers } from '../paths.mjs';

/** Starts onnxruntime-web, once a process. `open(name, inputs)` loads models/NAME.onnx, and `openDecoder` a
 *  decoder with a KV cache, whose weights lie in models/NAME.onnx.data. */
export async function startOnnxRuntime(threads) {
  const ort = await import(pathToFileURL(join(peers, 'node_modules/onnxruntime-web/dist/ort.node.min.mjs')));
  ort.env.wasm.numThreads = threads; // read when the first session is made
  ort.env.logLevel = 'error';

  /** inputs: { name: { data: Float32Array | BigInt64Array, dims } }. */
  async function open(name, inputs) {
    const session = await ort.InferenceSession.create(join(models, `${name}.onnx`), {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
    });
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([key, { data, dims }]) => [
        key,
        new ort.Tensor(data instanceof BigInt64Array ? 'int64' : 'float32', data, dims),
      ]),
    );
    const read = async () => Object.values(await session.run(feeds))[0].data;
    return {
      run: async () => {
        await read();
      },
      read,
      close: () => session.release(),
    };
  }

  /** sizes: { layers, kvHeads, headSize }. The cache goes out of the runtime and into it again with every step, as it
   *  does in transformers.js: this backend keeps no output in its heap. */
  async function openDecoder(name, { layers, kvHeads, headSize }) {
    const file = `${name}.onnx.data`;
    const session = await ort.InferenceSession.create(join(models, `${name}.onnx`), {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3, // it warns of every bias that it folds away
      externalData: [{ path: file, data: join(models, file) }],
    });
    const empty = () => new ort.Tensor('float32', new Float32Array(0), [1, kvHeads, 0, headSize]);
    const parts = Array.from({ length: layers }, (_, i) => [`${i}.key`, `${i}.value`]).flat();
    const start = { length: 0, tensors: Object.fromEntries(parts.map((part) => [`past.${part}`, empty()])) };

    /** Reads ids behind a cache: { logits of the last one, the cache with them }. The cache given stays as it is. */
    async function read(ids, { length, tensors } = start) {
      const int64 = (values) => new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, ids.length]);
      const positions = ids.map((_, i) => length + i);
      const outputs = await session.run({ input_ids: int64(ids), position_ids: int64(positions), ...tensors });
      const present = Object.fromEntries(parts.map((part) => [`past.${part}`, outputs[`present.${part}`]]));
      return { logits: outputs.logits.data, cache: { length: length + ids.length, tensors: present } };
    }
    return { read, close: () => session.release() };
  }
  return { open, openDecoder };
}
