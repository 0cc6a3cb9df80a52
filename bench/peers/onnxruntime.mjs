// onnxruntime-web's wasm backend in Node. Its one published wasm build has fixed-width SIMD and threads.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { models, peers } from '../paths.mjs';

/** Starts onnxruntime-web, once a process. `open(name, inputs)` loads models/NAME.onnx. */
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
  return { open };
}
