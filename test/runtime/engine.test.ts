// The engine's life: worker and inline, abort, queue, dispose, a worker that dies. On a tiny checkpoint, and on one large
// enough to be interrupted.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import { Encoder } from '../../src/api/encoder';
import { createEngine, type EngineOptions } from '../../src/runtime/host';
import { bigEncoderFiles } from '../support/random-encoder';
import { failure } from '../support/generate';

const tiny = fileURLToPath(new URL('../golden/encoders/sentence-mean', import.meta.url));
const pieces = fileURLToPath(new URL('../golden/texts/pieces', import.meta.url));
const masked = fileURLToPath(new URL('../golden/encoders/bert-masked-lm', import.meta.url));
const rows = (n: number, length: number): number[][] =>
  Array.from({ length: n }, (_, i) => Array.from({ length }, (_, t) => (7 * i + 3 * t) % 90));

const places: [name: string, options: EngineOptions][] = [
  ['inline, 1 thread', { worker: false, threads: 1 }],
  ['inline, 3 threads', { worker: false, threads: 3 }],
  ['worker, 1 thread', { worker: true, threads: 1 }],
  ['worker, 2 threads', { worker: true, threads: 2 }],
];

describe.each(places)('%s', (_, options) => {
  it('answers concurrent calls, each as if alone', async () => {
    await using engine = await createEngine(options);
    const model = await Encoder.fromPretrained(tiny, { engine });
    const inputs = Array.from({ length: 12 }, (_, i) => rows(1 + (i % 4), 3 + i));
    const together = await Promise.all(inputs.map((inputIds) => model.embed({ inputIds })));
    for (const [i, inputIds] of inputs.entries()) {
      expect((await model.embed({ inputIds })).data).toEqual(together[i].data);
    }
  });

  it('one signal is of many calls at a time, without a warning of listeners', async () => {
    await using engine = await createEngine(options);
    const encoder = await Encoder.fromPretrained(tiny, { engine });
    const decoder = await Decoder.fromPretrained(pieces, { engine });
    const warned = vi.fn();
    process.on('warning', warned);
    try {
      const embedding = new AbortController().signal;
      const generating = AbortSignal.any([embedding]);
      const calls = Array.from({ length: 20 }, () => [
        encoder.embed('one', { signal: embedding }),
        decoder.generate('once', { maxNewTokens: 3, signal: generating }).result(),
      ]);
      await Promise.all(calls.flat());
      expect(warned).not.toHaveBeenCalled();
    } finally {
      process.off('warning', warned);
    }
  });

  it('holds two models, and frees one', async () => {
    await using engine = await createEngine(options);
    const first = await Encoder.fromPretrained(tiny, { engine });
    const before = (await engine.info()).memory.used;
    const second = await Encoder.fromPretrained(masked, { engine });
    const want = (await second.forward({ inputIds: rows(2, 5) })).lastHiddenState.data;
    await first.embed({ inputIds: rows(2, 5) });
    expect((await second.forward({ inputIds: rows(2, 5) })).lastHiddenState.data).toEqual(want);
    await second.dispose();
    const { used, activations } = (await engine.info()).memory;
    // the arena and scratch stay for the next model; weights and plans of the second are gone
    expect(used - activations).toBeLessThan(before + 200_000);
    await first.embed({ inputIds: rows(2, 5) });
    expect((await failure(second.forward({ inputIds: rows(1, 3) }))).code).toBe('DISPOSED');
  });

  it('stops a running forward when its signal fires, and serves the next call', async () => {
    await using engine = await createEngine(options);
    const model = await Encoder.fromPretrained(bigEncoderFiles(), { engine });
    const short = { inputIds: rows(1, 8) };
    const want = (await model.embed(short)).data;
    const controller = new AbortController();
    const reason = new Error('enough');
    const running = failure(model.forward({ inputIds: rows(64, 128) }, { signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 30);
    const error = await running;
    expect(error).toMatchObject({ code: 'ABORTED', name: 'AbortError', cause: reason });
    expect((await model.embed(short)).data).toEqual(want);
    // already aborted: rejects before anything runs
    expect((await failure(model.embed(short, { signal: controller.signal }))).code).toBe('ABORTED');
    expect((await failure(Encoder.fromPretrained(tiny, { engine, signal: controller.signal }))).code).toBe('ABORTED');
  });

  it('ends a waiting call without waiting for the one before it', async () => {
    await using engine = await createEngine(options);
    const model = await Encoder.fromPretrained(bigEncoderFiles(), { engine });
    const controller = new AbortController();
    let firstDone = false;
    const first = model.forward({ inputIds: rows(16, 128) }).then(() => (firstDone = true));
    const second = failure(model.forward({ inputIds: rows(16, 128) }, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 5);
    expect((await second).code).toBe('ABORTED');
    expect(firstDone).toBe(false);
    await first;
  });

  it('rejects running calls when it is disposed, and all later ones', async () => {
    const engine = await createEngine(options);
    const model = await Encoder.fromPretrained(bigEncoderFiles(), { engine });
    const running = failure(model.forward({ inputIds: rows(32, 128) }));
    await engine.dispose();
    expect((await running).code).toBe('DISPOSED');
    expect((await failure(model.forward({ inputIds: rows(1, 4) }))).code).toBe('DISPOSED');
    await model.dispose();
    await engine.dispose();
  });

  it('lets timers fire in the calling thread during a long forward', async () => {
    await using engine = await createEngine(options);
    const model = await Encoder.fromPretrained(bigEncoderFiles(), { engine });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await model.forward({ inputIds: rows(64, 128) });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  it('leaves nothing behind a call for finalizers: V8 holds that until its next full collection', async () => {
    await using engine = await createEngine(options);
    const model = await Encoder.fromPretrained(tiny, { engine });
    const register = vi.spyOn(FinalizationRegistry.prototype, 'register');
    for (let i = 0; i < 5; i++) await model.embed({ inputIds: rows(1, 3 + i) });
    const calls = register.mock.calls.length;
    register.mockRestore();
    expect(calls).toBe(0);
  });
});

/** A wait that says which of several has no end. */
function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes more than 20 s`)), 20_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

describe('a worker that dies', () => {
  it('rejects its calls with a code; the next call gets a fresh engine with the model in it', async () => {
    await using engine = await createEngine({ worker: true, threads: 1 });
    const model = await Encoder.fromPretrained(bigEncoderFiles(), { engine });
    const want = (await model.embed({ inputIds: rows(1, 8) })).data;
    const started: Worker[] = [];
    const ref = Worker.prototype.ref;
    // the engine holds its worker while a call is pending: that is where a test can get at it
    Worker.prototype.ref = function (this: Worker) {
      started.push(this);
      return ref.call(this);
    };
    const running = failure(model.forward({ inputIds: rows(64, 128) }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    Worker.prototype.ref = ref;
    expect(started.length).toBeGreaterThan(0);
    await within(started[0].terminate(), 'the end of the worker');
    expect((await within(running, 'the rejection of the call')).code).toBe('WORKER_FAILED');
    expect((await within(model.embed({ inputIds: rows(1, 8) }), 'the next call')).data).toEqual(want);
  });
});

describe('options', () => {
  it.each([
    { threads: 0 },
    { threads: 1.5 },
    { threads: 65 },
    { threads: 'many' },
    { worker: 'yes' },
    { revectorize: 1 },
  ])('refuses %j', async (options) => {
    expect((await failure(createEngine(options as EngineOptions))).code).toBe('INVALID_ARGUMENT');
  });

  it('an error that nobody catches is shown without a page of minified code', () => {
    const script = `
      import { Encoder } from ${JSON.stringify(new URL('../../dist/node/index.js', import.meta.url).href)};
      await Encoder.fromPretrained('/there/is/none');
    `;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(status).toBe(1);
    expect(stderr).toContain('WasmformerError: there is no folder "/there/is/none"');
    expect(Math.max(...stderr.split('\n').map((line) => line.length))).toBeLessThan(600);
  });

  it.each([[{ threads: 2 }], [{ threads: 2, worker: false }], [{ threads: 1, worker: false }]])(
    'models with %j share an engine, and the process ends by itself',
    (options) => {
      const script = `
      import { Encoder } from ${JSON.stringify(new URL('../../dist/node/index.js', import.meta.url).href)};
      const options = ${JSON.stringify(options)};
      const a = await Encoder.fromPretrained(${JSON.stringify(tiny)}, options);
      const b = await Encoder.fromPretrained(${JSON.stringify(tiny)}, options);
      const [x, y] = await Promise.all([a.embed('one'), b.embed('one')]);
      if (x.data.some((v, i) => v !== y.data[i])) throw new Error('differs');
      await a.dispose();
      await b.embed('two');
      if (process.argv[1] === 'dispose') await b.dispose();
      // a timer that is left would hold the process up
      console.log('done', process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length);
    `;
      for (const mode of ['dispose', 'leave']) {
        const { status, stdout, stderr } = spawnSync(
          process.execPath,
          ['--input-type=module', '-e', script, '--', mode],
          { encoding: 'utf8', timeout: 20_000 },
        );
        expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'done 0\n', stderr: '' });
      }
    },
  );
});
