// LiteRT.js (XNNPACK, relaxed SIMD) in Node: it is written for pages, so the globals that it asks for are given here.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { models, peers } from '../paths.mjs';

/** Starts LiteRT.js, once a process. `open(name, inputs)` compiles models/NAME.tflite. */
export async function startLiteRt(threads) {
  // A CommonJS copy of the package's wasm folder, made by setup.mjs: its scripts are no ES modules.
  const folder = join(peers, 'litert/');
  const script = join(folder, threads > 1 ? 'litert_wasm_threaded_internal.js' : 'litert_wasm_internal.js');
  globalThis.self ??= globalThis;
  globalThis.navigator ??= { hardwareConcurrency: threads };
  globalThis.importScripts = () => {
    globalThis.ModuleFactory = createRequire(folder)(script);
  };
  const quiet = () => {};
  globalThis.Module = {
    ...{ locateFile: (file) => join(folder, file), mainScriptUrlOrBlob: script },
    ...{ print: quiet, printErr: quiet },
  };
  const entry = pathToFileURL(join(peers, 'node_modules/@litertjs/core/dist/index.js'));
  const { loadLiteRt, loadAndCompile, Tensor } = await import(entry);
  const { warn } = console;
  console.warn = quiet; // it warns that Node has no WebGPU
  await loadLiteRt(folder, { threads: threads > 1 });
  console.warn = warn;

  /** inputs: [{ data: Float32Array | Int32Array, dims }]. The output stays in its memory unless it is asked for. */
  async function open(name, inputs) {
    const bytes = new Uint8Array(await readFile(join(models, `${name}.tflite`)));
    const model = await loadAndCompile(bytes, { accelerator: 'wasm', cpuOptions: { numThreads: threads } });
    const tensors = inputs.map(({ data, dims }) => new Tensor(data, dims));
    const execute = async (take) => {
      const outputs = await model.run(tensors);
      const taken = take?.(outputs[0]);
      for (const output of outputs) output.delete();
      return taken;
    };
    return {
      run: () => execute(),
      read: () => execute((output) => output.toTypedArray().slice()),
      close: () => {
        for (const tensor of tensors) tensor.delete();
        model.delete();
      },
    };
  }
  return { open };
}
