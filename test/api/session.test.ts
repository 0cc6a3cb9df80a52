// Conversations: what is paid for, what is shared, what is left after failures, who may call when.
import { afterAll, describe, expect, it } from 'vitest';
import { Worker } from 'node:worker_threads';
import { Decoder, type GenerateOptions } from '../../src/api/decoder';
import type { Session } from '../../src/api/session';
import { createEngine, type Engine } from '../../src/runtime/host';
import { decoderFolder } from '../golden/decoders/load';
import { failure, slowDecoderFiles, textFolder } from '../support/generate';

const engines = await Promise.all([
  createEngine({ worker: false, threads: 1 }),
  createEngine({ worker: true, threads: 1 }),
]);
afterAll(() => Promise.all(engines.map((engine) => engine.dispose())));
const [engine] = engines;
const model = await Decoder.fromPretrained(decoderFolder('llama'), { engine });
const slow = await Decoder.fromPretrained(slowDecoderFiles(), { engine });
const free = { eosTokenId: [] as number[], maxNewTokens: 5, logprobs: 0 };

const used = async (which: Engine = engine): Promise<number> => (await which.info()).memory.used;

/** Asks both the session and the model, which is told everything. */
async function expectSame(session: Session, prompt: number[], options: GenerateOptions = free): Promise<void> {
  const whole = await model.generate([...session.ids, ...prompt], options).result();
  const { ids, logprobs } = await session.generate(prompt, options).result();
  expect({ ids, logprobs }).toEqual({ ids: whole.ids, logprobs: whole.logprobs });
}

describe('a session', () => {
  it('says what a call with the whole text says, turn by turn', async () => {
    await using session = model.createSession();
    expect(session.length).toBe(0);
    await expectSame(session, [5, 6, 7]);
    await expectSame(session, [9]);
    await expectSame(session, [8, 8], { ...free, doSample: true, seed: 3, topK: 0 });
    await expectSame(session, [8, 8], { ...free, repetitionPenalty: 1.5, noRepeatNgramSize: 2 });
    expect(session.length).toBe(8 + 20);
    const beams = { numBeams: 3, maxNewTokens: 4, eosTokenId: [] };
    await expectSame(session, [4], beams);
    await expectSame(session, [4]);
    await expectSame(session, [30, 31], { ...free, doSample: true, seed: 5, numReturnSequences: 3 });
    await expectSame(session, [4], { ...free, maxNewTokens: 2 });
  });

  it('goes on without a prompt, also from where it was cut', async () => {
    await using session = model.createSession();
    await expect(failure(session.generate([]).result())).resolves.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expectSame(session, [5, 6, 7]);
    await expectSame(session, []);
    await expectSame(session, [], { numBeams: 3, maxNewTokens: 4, eosTokenId: [] });
    await using other = session.fork();
    await session.truncate(9);
    await expectSame(session, [], { ...free, promptLookupNumTokens: 2, logprobs: null });
    await expectSame(session, [8]);
    await expectSame(other, []);
  });

  it('goes on with text that has no special tokens of its own', async () => {
    const texts = await Decoder.fromPretrained(textFolder('pieces'), { engine });
    await using session = texts.createSession();
    const first = await session.generate('once upon a', { maxNewTokens: 3 }).result();
    const { ids } = texts.tokenizer.encode('the cat', { addSpecialTokens: false });
    const turn = session.ids;
    await session.generate('the cat', { addSpecialTokens: false, maxNewTokens: 1 }).result();
    expect(session.ids.slice(0, -1)).toEqual([...turn, ...ids]);
    const whole = texts.tokenizer.encode('once upon a');
    expect(turn).toEqual([...whole.ids, ...first.ids]);
    expect(whole.length).toBe(texts.tokenizer.encode('once upon a', { addSpecialTokens: false }).length + 1);
    const refused = session.generate('the cat', { addSpecialTokens: 'no' as never }).result();
    await expect(failure(refused)).resolves.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await texts.dispose();
  });

  it('pays for new tokens only', async () => {
    const prompt = Array.from({ length: 2000 }, (_, i) => i % 100);
    await using session = slow.createSession();
    const time = async (ids: number[]): Promise<number> => {
      const begin = performance.now();
      await session.generate(ids, { ...free, maxNewTokens: 1 }).result();
      return performance.now() - begin;
    };
    const first = await time(prompt);
    const next = Math.min(await time([5]), await time([6]), await time([7]));
    expect(next).toBeLessThan(first / 10);
  });

  it('cuts its text at stop strings and right guesses as the result says', async () => {
    const texts = await Decoder.fromPretrained(textFolder('bytes'), { engine });
    for (const options of [{ stopStrings: 'FFFF' }, { stopStrings: 'FFFF', promptLookupNumTokens: 6 }]) {
      await using session = texts.createSession();
      const { ids, finishReason } = await session.generate('once upon a', { maxNewTokens: 20, ...options }).result();
      expect(finishReason).toBe('stop');
      expect(session.ids.slice(-ids.length)).toEqual(ids);
      const want = await texts.generate(session.ids, { maxNewTokens: 6, logprobs: 0 }).result();
      await using fork = session.fork();
      await fork.truncate(session.length - 1);
      const got = await fork.generate(session.ids.slice(-1), { maxNewTokens: 6, logprobs: 0 }).result();
      expect([got.ids, got.logprobs]).toEqual([want.ids, want.logprobs]);
    }
    await texts.dispose();
  });

  it('forks share pages, and copy the last one before they write to it', async () => {
    const page = 64;
    for (const length of [page - 1, page, page + 1, 3 * page + 30]) {
      const prompt = Array.from({ length }, (_, i) => i % 100);
      const session = slow.createSession();
      await session.generate(prompt, { ...free, maxNewTokens: 1 }).result();
      await session.truncate(length);
      const one = await used();
      const forks = [session.fork(), session.fork(), session.fork()];
      const tails = [[5], [6], [7]];
      const options = { ...free, maxNewTokens: 3 };
      for (const [i, fork] of forks.entries()) {
        const want = await slow.generate([...prompt, ...tails[i]], options).result();
        const got = await fork.generate(tails[i], options).result();
        expect([got.ids, got.logprobs]).toEqual([want.ids, want.logprobs]);
      }
      const { ids } = await session.generate([8], options).result();
      expect(ids).toEqual((await slow.generate([...prompt, 8], options).result()).ids);
      const probe = slow.createSession();
      await probe.dispose();
      // four layers of keys and values of 256 numbers for 64 tokens; every fork has two pages of its own at most
      const bytes = 4 * 2 * 256 * 64 * 4;
      expect((await used()) - one).toBeLessThanOrEqual((Math.ceil(length / page) + 1 + 4 * 2) * bytes + 100_000);
      await Promise.all([session, ...forks].map((each) => each.dispose()));
      expect(await used()).toBeLessThanOrEqual(one - Math.floor(length / page) * bytes);
    }
  });

  it('a fork is what the session was at that moment', async () => {
    await using session = model.createSession();
    await session.generate([5, 6, 7], free).result();
    const at = session.ids;
    const fork = session.fork();
    await Promise.all([session.generate([9], free).result(), fork.generate([10], free).result()]);
    expect(fork.ids.slice(0, at.length + 1)).toEqual([...at, 10]);
    await expectSame(fork, [11]);
    await expectSame(session, [11]);
    // of a fresh one, of a fork, of one whose parent is gone
    const fresh = model.createSession().fork();
    await expectSame(fresh, [5]);
    const second = fork.fork();
    await fork.dispose();
    await expectSame(second, [3]);
    await Promise.all([fresh, second].map((each) => each.dispose()));
  });

  it('truncates anywhere', async () => {
    await using session = model.createSession();
    await session.generate([5, 6, 7, 8, 9, 10], free).result();
    for (const length of [9, 9, 6, 1, 0]) {
      await session.truncate(length);
      expect(session.length).toBe(length);
      await using fork = session.fork();
      await expectSame(fork, [4]);
    }
    for (const length of [1, -1, 0.5, NaN, '0' as never])
      expect((await failure(session.truncate(length))).code).toBe('INVALID_ARGUMENT');
    await expectSame(session, [4]);
  });
});

describe('what fails leaves the session as it was', () => {
  it('mistakes, throwing processors, texts that do not fit', async () => {
    for (const options of [{}, { numBeams: 2 }, { doSample: true, seed: 1, numReturnSequences: 2 }]) {
      await using session = model.createSession();
      await session.generate([5, 6, 7], free).result();
      const before = session.ids;
      const mine = new Error('mine');
      const throwing = (_: Float32Array, { step }: { step: number }): void => {
        if (step === 2) throw mine;
      };
      await expect(
        session.generate([9], { ...options, eosTokenId: [], logitsProcessors: [throwing] }).result(),
      ).rejects.toBe(mine);
      const many = Array.from({ length: 60 }, () => 5);
      for (const [prompt, extra, code] of [
        [[5000], {}, 'INVALID_ARGUMENT'],
        [[9], { temperature: -1 }, 'INVALID_ARGUMENT'],
        [[9], { maxLength: 5 }, 'INVALID_ARGUMENT'],
        [[[5]] as never, {}, 'INVALID_ARGUMENT'],
        [many, {}, 'TOO_LONG'],
      ] as const) {
        const error = await failure(session.generate([...prompt], { ...options, ...extra }).result());
        expect(error.code).toBe(code);
        expect(session.ids).toEqual(before);
      }
      await expectSame(session, [9]);
    }
    // the first call of a session too
    await using fresh = model.createSession();
    await failure(fresh.generate([5], { logitsProcessors: [(logits) => void logits.fill(NaN)] }).result());
    expect(fresh.length).toBe(0);
    await expectSame(fresh, [5, 6]);
  });

  it('a full context is an error; asked to, the session slides, also back after a failure', async () => {
    await using session = model.createSession();
    const { ids, finishReason } = await session.generate([5, 6, 7], { ...free, maxNewTokens: 1000 }).result();
    expect([ids.length, finishReason]).toEqual([61, 'length']);
    const error = await failure(session.generate([5], free).result());
    expect(error).toMatchObject({ code: 'TOO_LONG' });
    expect(error.message).toMatch(/65 tokens.*64.*slide/);
    const failing = (_: Float32Array, { step }: { step: number }): void => {
      if (step === 2) throw new Error('mine');
    };
    await using fork = session.fork();
    await expect(
      fork.generate([5], { ...free, contextOverflow: 'slide', logitsProcessors: [failing] }).result(),
    ).rejects.toThrow('mine');
    expect(fork.ids).toEqual(session.ids);
    const slide = { ...free, contextOverflow: 'slide', maxNewTokens: 80 } as const;
    const [a, b] = [await session.generate([5], slide).result(), await fork.generate([5], slide).result()];
    expect(a.ids.length).toBe(80);
    expect(b.ids).toEqual(a.ids);
    expect(b.logprobs).toEqual(a.logprobs);
    expect(session.length).toBe(3 + 61 + 1 + 80);
    // back to where it began to slide, and before
    await session.truncate(20);
    await expectSame(session, [9]);
  });

  it('an abort leaves what was generated', async () => {
    for (const options of [{}, { numBeams: 2 }]) {
      await using session = model.createSession();
      await session.generate([5, 6, 7], free).result();
      const before = session.ids;
      const controller = new AbortController();
      const stopping = (_: Float32Array, { step }: { step: number }): void => {
        if (step === 2) controller.abort();
      };
      const { ids, finishReason } = await session
        .generate([9], {
          ...free,
          ...options,
          maxNewTokens: 20,
          logitsProcessors: [stopping],
          signal: controller.signal,
        })
        .result();
      expect(finishReason).toBe('abort');
      expect(ids.length).toBe(2);
      expect(session.ids).toEqual([...before, 9, ...ids]);
      await expectSame(session, [4]);
      // one that did not begin
      const held = session.ids;
      const early = new AbortController();
      const stream = session.generate([9], { signal: early.signal });
      early.abort();
      expect(await stream.result()).toMatchObject({ finishReason: 'abort', ids: [] });
      expect(session.ids).toEqual(held);
      for await (const piece of session.generate([9], { ...free, maxNewTokens: 30 })) if (piece.id !== null) break;
      // leaving the loop waits until the session is free
      await expectSame(session, [4], { ...free, maxNewTokens: 1 });
    }
  });
});

describe('calls at once', () => {
  it('are refused, and the first is unharmed', async () => {
    await using session = model.createSession();
    const first = session.generate([5, 6, 7], free);
    const second = session.generate([9], free);
    expect(() => session.fork()).toThrow('another call');
    expect(await failure(session.truncate(0))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await failure(second.result())).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const want = await model.generate([5, 6, 7], free).result();
    expect((await first.result()).ids).toEqual(want.ids);
    expect(session.ids).toEqual([5, 6, 7, ...want.ids]);
    const cut = session.truncate(2);
    expect((await failure(session.generate([9], free).result())).message).toContain('another call');
    await cut;
    await expectSame(session, [9]);
  });

  it('of two sessions and the model do not mix', async () => {
    const sessions = [model.createSession(), model.createSession()];
    const together = await Promise.all([
      sessions[0].generate([5, 6], free).result(),
      model.generate([[5, 6], [7]], free).result(),
      sessions[1].generate([7], free).result(),
    ]);
    expect(together[0].ids).toEqual(together[1][0].ids);
    expect(together[2].ids).toEqual(together[1][1].ids);
    for (const session of sessions) await expectSame(session, [4]);
    await Promise.all(sessions.map((session) => session.dispose()));
  });
});

describe('the end', () => {
  it('of a session gives its memory back; later calls are refused', async () => {
    const warm = slow.createSession();
    await warm.generate([5], free).result();
    await warm.dispose();
    const before = await used();
    const session = slow.createSession();
    await session
      .generate(
        Array.from({ length: 300 }, () => 5),
        free,
      )
      .result();
    const more = await used();
    expect(more).toBeGreaterThan(before);
    await session.dispose();
    await session.dispose();
    // plans for longer texts stay, pages do not
    expect(more - (await used())).toBeGreaterThanOrEqual(4 * 4 * 2 * 256 * 64 * 4);
    expect((await failure(session.generate([5]).result())).code).toBe('DISPOSED');
    expect((await failure(session.truncate(0))).code).toBe('DISPOSED');
    expect(() => session.fork()).toThrow('disposed');
  });

  it('of the model is the end of its sessions, which take no memory with them', async () => {
    const own = await createEngine({ worker: false, threads: 1 });
    const round = async (): Promise<number> => {
      const lm = await Decoder.fromPretrained(decoderFolder('llama'), { engine: own });
      const session = lm.createSession();
      await session
        .generate(
          Array.from({ length: 50 }, () => 5),
          free,
        )
        .result();
      await lm.dispose();
      expect((await failure(session.generate([5]).result())).code).toBe('DISPOSED');
      await session.dispose();
      expect(() => lm.createSession()).toThrow('disposed');
      return used(own);
    };
    const first = await round();
    expect(await round()).toBe(first);
    await own.dispose();
  });

  it('of a worker is survived: the next call tells the new one everything', { timeout: 30_000 }, async () => {
    await using mortal = await createEngine({ worker: true, threads: 1 });
    const lm = await Decoder.fromPretrained(slowDecoderFiles(), { engine: mortal });
    const sessions = [lm.createSession(), lm.createSession()];
    await sessions[0].generate([5, 6, 7], free).result();
    await sessions[1].generate([8, 9], free).result();
    const before = sessions.map(({ ids }) => ids);
    const started: Worker[] = [];
    const { ref } = Worker.prototype;
    // the engine holds its worker while a call is pending: that is where a test can get at it
    Worker.prototype.ref = function (this: Worker) {
      started.push(this);
      return ref.call(this);
    };
    const running = failure(sessions[0].generate([10], { ...free, maxNewTokens: 4000 }).result());
    await new Promise((resolve) => setTimeout(resolve, 30));
    Worker.prototype.ref = ref;
    await started[0].terminate();
    expect((await running).code).toBe('WORKER_FAILED');
    expect(sessions.map(({ ids }) => ids)).toEqual(before);
    const fork = sessions[1].fork();
    for (const session of [...sessions.reverse(), fork]) {
      const want = await slow.generate([...session.ids, 11], free).result();
      // the first call in the new engine fails and loses nothing
      await failure(session.generate([11], { ...free, logitsProcessors: [async () => {}] }).result());
      const got = await session.generate([11], free).result();
      expect([got.ids, got.logprobs]).toEqual([want.ids, want.logprobs]);
    }
    await Promise.all([fork, ...sessions].map((session) => session.dispose()));
    // a draft model comes back too
    const draft = await Decoder.fromPretrained(slowDecoderFiles(), { engine: mortal });
    expect((await lm.generate([5], { ...free, assistantModel: draft }).result()).ids.length).toBe(5);
  });
});
