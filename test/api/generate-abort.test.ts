// Generation that is ended early: by a signal, by leaving the loop, while it waits, by the model's or the engine's end.
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import type { GenerationPiece } from '../../src/api/generation';
import { Transformer } from '../../src/api/transformer';
import { createEngine, type EngineOptions } from '../../src/runtime/host';
import { transformerFolder } from '../golden/transformers/load';
import { failure, slowDecoderFiles } from '../support/generate';

const places: [name: string, options: EngineOptions][] = [
  ['inline, 1 thread', { worker: false, threads: 1 }],
  ['worker, 1 thread', { worker: true, threads: 1 }],
  ['worker, 2 threads', { worker: true, threads: 2 }],
];
const endless = { eosTokenId: [] as number[], maxNewTokens: 4000 };
const short = { eosTokenId: [] as number[], maxNewTokens: 4 };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Far below what the whole text takes, far above a token's time on a busy machine. */
const SOON = 1000;

async function timed<T>(promise: Promise<T>): Promise<[T, number]> {
  const begin = performance.now();
  return [await promise, performance.now() - begin];
}

describe.each(places)('%s', (_, options) => {
  it('a signal ends a running call with what there is, and the next call runs', { timeout: 30_000 }, async () => {
    await using engine = await createEngine(options);
    const model = await Decoder.fromPretrained(slowDecoderFiles(), { engine });
    const want = (await model.generate([5, 6], { ...endless, maxNewTokens: 40 }).result()).ids;
    const controller = new AbortController();
    const stream = model.generate([5, 6], { ...endless, signal: controller.signal });
    const pieces: GenerationPiece[] = [];
    const reading = (async () => {
      for await (const piece of stream) pieces.push(piece);
    })();
    await expect.poll(() => pieces.length).toBeGreaterThan(0);
    controller.abort(new Error('enough'));
    const [result, took] = await timed(stream.result());
    expect(took).toBeLessThan(SOON);
    await reading;
    expect(result.finishReason).toBe('abort');
    expect(result.ids.length).toBeGreaterThan(0);
    expect(result.ids.length).toBeLessThan(4000);
    expect(result.ids.slice(0, 40)).toEqual(want.slice(0, result.ids.length));
    expect(pieces.map(({ id }) => id)).toEqual(result.ids);
    expect((await model.generate([5, 6], short).result()).ids).toEqual(want.slice(0, 4));
    // it had fired before the call
    expect(await failure(model.generate([5], { signal: controller.signal }).result())).toMatchObject({
      code: 'ABORTED',
      name: 'AbortError',
    });
  });

  it('a signal ends beams and long prompts', { timeout: 30_000 }, async () => {
    await using engine = await createEngine(options);
    const model = await Decoder.fromPretrained(slowDecoderFiles(), { engine });
    const long = Array.from({ length: 3000 }, (_, i) => i % 100);
    const controller = new AbortController();
    const soon = (_: Float32Array, { step }: { step: number }): void => {
      if (step === 3) setTimeout(() => controller.abort());
    };
    const beams = model.generate([[5, 6], [7]], {
      ...endless,
      numBeams: 3,
      logitsProcessors: [soon],
      signal: controller.signal,
    });
    const results = await beams.result();
    expect(results.map(({ finishReason }) => finishReason)).toEqual(['abort', 'abort']);
    expect(results[0].ids.length).toBeGreaterThan(0);
    const [prefill, took] = await timed(
      model.generate([long, long], { ...endless, signal: AbortSignal.timeout(30) }).result(),
    );
    expect(took).toBeLessThan(30 + SOON);
    expect(prefill.map(({ finishReason, ids, text }) => [finishReason, ids, text])).toEqual([
      ['abort', [], ''],
      ['abort', [], ''],
    ]);
    await model.generate([5, 6], short).result();
  });

  it('leaving the loop ends the call, and the engine is free then', { timeout: 30_000 }, async () => {
    await using engine = await createEngine(options);
    const model = await Decoder.fromPretrained(slowDecoderFiles(), { engine });
    const stream = model.generate([5, 6], endless);
    let seen = 0;
    for await (const { id } of stream) {
      expect(id).not.toBeNull();
      if (++seen === 3) break;
    }
    const [, took] = await timed(model.generate([5, 6], short).result());
    expect(took).toBeLessThan(SOON);
    expect(await stream.result()).toMatchObject({ finishReason: 'abort' });
    const thrown = async (): Promise<void> => {
      for await (const piece of model.generate([5, 6], endless)) throw new Error(`mine ${piece.index}`);
    };
    await expect(thrown()).rejects.toThrow('mine 0');
  });

  it('a waiting call ends at once, whatever runs', { timeout: 30_000 }, async () => {
    await using engine = await createEngine(options);
    const model = await Decoder.fromPretrained(slowDecoderFiles(), { engine });
    let isFirstDone = false;
    const first = model.generate([5, 6], { ...endless, maxNewTokens: 600 });
    void first.result().then(() => (isFirstDone = true));
    const controller = new AbortController();
    const second = model.generate([[5], [6]], { ...endless, signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    const results = await second.result();
    expect(isFirstDone).toBe(false);
    expect(results.map(({ ids, finishReason }) => [ids, finishReason])).toEqual([
      [[], 'abort'],
      [[], 'abort'],
    ]);
    const third = model.generate([5, 6], { ...endless, maxNewTokens: 3 });
    expect((await first.result()).ids.slice(0, 3)).toEqual((await third.result()).ids);
    // right after the call: it may not even have reached the engine
    const early = new AbortController();
    const fourth = model.generate([5], { ...endless, signal: early.signal });
    early.abort();
    expect(await fourth.result()).toMatchObject({ ids: [], finishReason: 'abort', steps: 0 });
  });

  it('ends with its model’s and its engine’s disposal', { timeout: 30_000 }, async () => {
    const engine = await createEngine(options);
    const model = await Decoder.fromPretrained(slowDecoderFiles(), { engine });
    const finishing = model.generate([5, 6], { ...endless, maxNewTokens: 200 });
    let disposed: Promise<void> | undefined;
    for await (const piece of finishing) if (piece.id !== null) disposed ??= model.dispose();
    expect((await finishing.result()).ids.length).toBe(200);
    await disposed;
    expect((await failure(model.generate([5]).result())).code).toBe('DISPOSED');
    const again = await Decoder.fromPretrained(slowDecoderFiles(), { engine });
    const running = failure(again.generate([5, 6], endless).result());
    await pause(30);
    await engine.dispose();
    expect((await running).code).toBe('DISPOSED');
  });

  it('an encoder-decoder is ended too', { timeout: 30_000 }, async () => {
    await using engine = await createEngine(options);
    const model = await Transformer.fromPretrained(transformerFolder('bart'), { engine });
    const controller = new AbortController();
    const stopping = (logits: Float32Array, { step }: { step: number }): void => {
      logits[model.config.eos_token_id as number] = -Infinity;
      if (step === 3) controller.abort();
    };
    const stream = model.generate([5, 6, 7], {
      numBeams: 1,
      maxNewTokens: 20,
      logitsProcessors: [stopping],
      signal: controller.signal,
    });
    const { ids, finishReason } = await stream.result();
    expect(finishReason).toBe('abort');
    // the token that was being chosen is not
    expect(ids.length).toBe(3);
    await model.generate([5, 6, 7], { maxNewTokens: 3 }).result();
  });
});
