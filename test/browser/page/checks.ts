// What the browser tests do inside a page, as globalThis.checks: results go back as plain data.
import type * as Library from '../../../src/index';
import type * as KernelsLibrary from '../../../src/kernels';
import type { SuiteResult } from './suite';

const library = '/dist/web/index.js';
const kernelsLibrary = '/dist/web/kernels.js';
const { Decoder, Encoder, createEngine } = (await import(library)) as typeof Library;
const { createKernels, Tensor } = (await import(kernelsLibrary)) as typeof KernelsLibrary;

/** How an engine of a check is made. */
interface EngineChoice {
  threads: number;
  worker: boolean;
}

/** The text n times over, for a forward pass that takes a while. */
const repeat = (text: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${text} ${i}`);

const checks = {
  isolated: (): boolean => crossOriginIsolated,

  /** Runs the bundled kernel suite in a worker. */
  kernelSuite: (url: string): Promise<SuiteResult> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(url, { type: 'module' });
      worker.addEventListener('message', ({ data }) => {
        worker.terminate();
        resolve(data as SuiteResult);
      });
      worker.addEventListener('error', (event) => reject(new Error(event.message)));
    }),

  /** A product and a softmax of some size, in the page's own thread and followers. */
  async kernels(threads: number) {
    const k = await createKernels({ threads });
    const wave = (n: number, m: number) =>
      new Tensor(
        Float32Array.from({ length: n * m }, (_, i) => Math.sin(i * i)),
        [n, m],
      );
    const result = k.softmax(k.matmul(wave(61, 83), wave(83, 97)), { axis: -1 });
    const { info } = k;
    k.dispose();
    return { threads: info.threads, dims: [...result.dims], data: Array.from(result.data) };
  },

  /** Embeds texts with a checkpoint folder of the site. */
  async embed(folder: string, texts: string[], choice: EngineChoice) {
    await using engine = await createEngine(choice);
    const encoder = await Encoder.fromPretrained(new URL(folder, location.href), { engine });
    const { dims, data } = await encoder.embed(texts);
    const { build, threads } = encoder.info;
    return { dims: [...dims], data: Array.from(data), build, threads };
  },

  /** Embeds with the library's defaults: no engine given. */
  async embedByDefault(folder: string, texts: string[]) {
    const encoder = await Encoder.fromPretrained(new URL(folder, location.href));
    const { dims } = await encoder.embed(texts);
    await encoder.dispose();
    return [...dims];
  },

  /** Longest time in which the page could not do anything else while many texts were embedded, and how long that took. */
  async freeze(folder: string, text: string, count: number, choice: EngineChoice) {
    await using engine = await createEngine(choice);
    const encoder = await Encoder.fromPretrained(new URL(folder, location.href), { engine });
    const texts = repeat(text, count);
    await encoder.embed(texts.slice(0, 1));
    let longest = 0;
    let turns = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      turns++;
    }, 4);
    const begin = performance.now();
    await encoder.embed(texts);
    const total = performance.now() - begin;
    clearInterval(timer);
    return { longest, turns, total };
  },

  /** Code of the error that an abort in the middle of a long call gives, how soon it came, and whether the next call works. */
  async abort(folder: string, text: string, count: number, choice: EngineChoice) {
    await using engine = await createEngine(choice);
    const encoder = await Encoder.fromPretrained(new URL(folder, location.href), { engine });
    const controller = new AbortController();
    let aborted = 0;
    setTimeout(() => {
      aborted = performance.now();
      controller.abort();
    }, 100);
    let code = 'none';
    try {
      await encoder.embed(repeat(text, count), { signal: controller.signal });
    } catch (error) {
      code = (error as { code: string }).code;
    }
    const milliseconds = performance.now() - aborted;
    const { dims } = await encoder.embed(text);
    return { code, milliseconds, dims: [...dims] };
  },

  /** A random model, taken apart into files and put together again: its logits before and after, and what saving to a folder says. */
  async save(config: Record<string, unknown>, seed: number, inputIds: number[][]) {
    await using engine = await createEngine({ threads: 1, worker: true });
    const logits = async (model: Library.Decoder): Promise<number[]> =>
      Array.from((await model.forward({ inputIds })).logits!.data);
    const first = await Decoder.fromConfig(config, { engine, seed });
    const files = await first.toFiles();
    const second = await Decoder.fromPretrained(files, { engine });
    const code = await first.savePretrained('folder').then(
      () => 'none',
      (error: { code: string }) => error.code,
    );
    return { names: Object.keys(files).sort(), before: await logits(first), after: await logits(second), code };
  },

  /** Code of the error that a call gives. */
  async failure(folder: string): Promise<string> {
    try {
      await Encoder.fromPretrained(new URL(folder, location.href));
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'none';
  },
};

export type Checks = typeof checks;
Object.assign(globalThis, { checks });
