// Workers that die under load: every call is answered or rejected with a code, the next one is served, nothing is left behind.
import { existsSync, readdirSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type * as WorkerThreads from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CTL_GENERATION, CTL_READY } from '../../assembly/abi/layout';
import { Decoder } from '../../src/api/decoder';
import { Encoder } from '../../src/api/encoder';
import { createEngine } from '../../src/runtime/host';
import { failure } from '../support/generate';
import { bigEncoderFiles } from '../support/random-encoder';

const tiny = fileURLToPath(new URL('../golden/encoders/sentence-mean', import.meta.url));
const CONFIG = {
  model_type: 'llama',
  vocab_size: 97,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  hidden_act: 'silu',
  bos_token_id: 1,
  eos_token_id: 96,
  tie_word_embeddings: false,
};
const rows = (n: number, length: number): number[][] =>
  Array.from({ length: n }, (_, i) => Array.from({ length }, (_, t) => (7 * i + 3 * t) % 90));

/** The engines' workers that live, newest last; their followers are the workers' own. */
let workers: WorkerThreads.Worker[];
const threads = process.getBuiltinModule('node:worker_threads') as { Worker: typeof WorkerThreads.Worker };
const { Worker } = threads;
/** Code that the next workers run beside their own. */
let injected: string | undefined;

beforeEach(() => {
  workers = [];
  injected = undefined;
  threads.Worker = class extends Worker {
    constructor(...[file, options]: ConstructorParameters<typeof Worker>) {
      const code = `data:text/javascript,${encodeURIComponent(injected ?? '')}`;
      const resourceLimits = { ...options?.resourceLimits, maxOldGenerationSizeMb: 64 };
      super(file, injected === undefined ? options : { ...options, execArgv: ['--import', code], resourceLimits });
      workers.push(this);
      this.on('exit', () => (workers = workers.filter((other) => other !== this)));
    }
  };
});
afterEach(() => {
  threads.Worker = Worker;
});

/** Threads of this process, where the system tells. */
const threadCount = (): number => (existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0);

describe.each([1, 3])('%i threads', (count) => {
  it('survives 50 deaths under load', { timeout: 240_000 }, async () => {
    const before = threadCount();
    const engine = await createEngine({ threads: count });
    const [small, big, decoder] = [
      await Encoder.fromPretrained(tiny, { engine }),
      await Encoder.fromPretrained(bigEncoderFiles(), { engine }),
      await Decoder.fromConfig(CONFIG, { engine, seed: 3 }),
    ];
    const calls = [
      async () => (await small.embed({ inputIds: rows(2, 9) })).data,
      async () => (await big.embed({ inputIds: rows(4, 64) })).data,
      async () => (await decoder.generate([1, 5, 9], { maxNewTokens: 8, eosTokenId: [] }).result()).ids,
    ];
    const expected = await Promise.all(calls.map((call) => call()));
    let rejected = 0;
    for (let death = 0; death < 50; death++) {
      const running = calls.flatMap((call, i) =>
        [0, 1].map(async () => {
          try {
            expect(await call()).toEqual(expected[i]);
          } catch (error) {
            expect(error).toMatchObject({ code: 'WORKER_FAILED' });
            rejected++;
          }
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, (death * 7) % 23));
      await workers.at(-1)!.terminate();
      await Promise.all(running);
      // recovered: each model answers again, with the same numbers
      expect(await calls[death % 3]()).toEqual(expected[death % 3]);
    }
    expect(rejected).toBeGreaterThan(25);
    expect(workers).toHaveLength(1);
    await engine.dispose();
    await expect.poll(() => workers.length, { timeout: 10_000 }).toBe(0);
    // pools of the runtime's own may have started meanwhile
    await expect.poll(threadCount, { timeout: 10_000 }).toBeLessThanOrEqual(before + 4);
  });
});

it('an abort ends the waiting of one call for a new engine, not that of the others', async () => {
  await using engine = await createEngine({ threads: 1 });
  const model = await Encoder.fromPretrained(bigEncoderFiles(), { engine });
  const want = (await model.embed({ inputIds: rows(1, 8) })).data;
  const lost = failure(model.forward({ inputIds: rows(64, 128) }));
  await workers.at(-1)!.terminate();
  expect((await lost).code).toBe('WORKER_FAILED');
  const controller = new AbortController();
  const aborted = failure(model.embed({ inputIds: rows(1, 8) }, { signal: controller.signal }));
  const others = [1, 2].map(async () => (await model.embed({ inputIds: rows(1, 8) })).data);
  controller.abort();
  expect((await aborted).code).toBe('ABORTED');
  expect(await Promise.all(others)).toEqual([want, want]);
});

it('a worker that dies while a model is loaded rejects the load; the next one is served', async () => {
  await using engine = await createEngine({ threads: 1 });
  const loading = failure(
    Encoder.fromPretrained(bigEncoderFiles(), { engine, onProgress: () => void workers.at(-1)!.terminate() }),
  );
  expect((await loading).code).toBe('WORKER_FAILED');
  const model = await Encoder.fromPretrained(tiny, { engine });
  expect((await model.embed({ inputIds: rows(1, 3) })).dims).toEqual([1, 24]);
});

it.each([
  ['an exception', 'throw new Error("lost");', 'died (lost); the next call'],
  ['its own end', 'process.exit(3);', 'died; the next call'],
  ['no memory', 'const all = []; for (;;) all.push(new Array(1e5).fill(all.length));', 'memory'],
])('a worker that dies of %s rejects its calls; the next one is served', async (_, code, message) => {
  injected = `
    import { BroadcastChannel } from 'node:worker_threads';
    const channel = new BroadcastChannel('wasmformer-end');
    channel.unref();
    channel.onmessage = () => { ${code} };`;
  await using engine = await createEngine({ threads: 1 });
  const model = await Encoder.fromPretrained(tiny, { engine });
  const embed = async (): Promise<unknown> => (await model.embed({ inputIds: rows(1, 3) })).data;
  const want = await embed();
  injected = undefined;
  const channel = new BroadcastChannel('wasmformer-end');
  channel.postMessage('end');
  // calls that the worker still answers before it hears of its end
  const lost = failure(
    (async () => {
      for (;;) await embed();
    })(),
  );
  expect(await lost).toMatchObject({ code: 'WORKER_FAILED', message: expect.stringContaining(message) as string });
  channel.close();
  expect(await embed()).toEqual(want);
});

it('a thread that traps rejects the call, and its own error becomes a warning', async () => {
  injected = `
    const { Instance } = WebAssembly;
    WebAssembly.Instance = function (module, imports) {
      const cells = new Int32Array(imports.env.memory.buffer);
      const generation = Atomics.load(cells, ${CTL_GENERATION >> 2});
      const follow = () => {
        Atomics.add(cells, ${CTL_READY >> 2}, 1);
        while (Atomics.load(cells, ${CTL_GENERATION >> 2}) === generation);
        throw new Error('a share was lost');
      };
      return { exports: { ...new Instance(module, imports).exports, follow } };
    };`;
  const warned = new Promise((resolve) => process.once('warning', resolve));
  await using engine = await createEngine({ threads: 2, worker: false });
  const model = Encoder.fromPretrained(bigEncoderFiles(), { engine });
  const lost = failure(
    (async () => {
      // the thread takes part once it is up
      for (;;) await (await model).embed({ inputIds: rows(4, 64) });
    })(),
  );
  expect(await lost).toMatchObject({
    code: 'WORKER_FAILED',
    message: expect.stringContaining('a thread of') as string,
  });
  expect(await warned).toMatchObject({ message: 'a share was lost' });
});
