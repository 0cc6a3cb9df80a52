// The same bits whatever shares the step: batches, chunks, guesses, threads, the worker. And no memory is lost on the way.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { Decoder, type GenerateOptions } from '../../src/api/decoder';
import type { GeneratedResult } from '../../src/api/generation';
import { Transformer } from '../../src/api/transformer';
import { createEngine } from '../../src/runtime/host';
import { decoderFolder, readDecoderTexts } from '../golden/decoders/load';
import { transformerFolder } from '../golden/transformers/load';
import { failure, textFolder } from '../support/generate';
import { hasModel, modelsDir } from '../support/models';

const engines = await Promise.all(
  [
    { worker: false, threads: 1 },
    { worker: true, threads: 1 },
    { worker: true, threads: 2 },
  ].map((options) => createEngine(options)),
);
afterAll(() => Promise.all(engines.map((engine) => engine.dispose())));
const [engine] = engines;
const model = await Decoder.fromPretrained(decoderFolder('llama'), { engine });
const free = { eosTokenId: [] as number[], maxNewTokens: 12, logprobs: 3 };
const sampled: GenerateOptions = { ...free, doSample: true, temperature: 1.3, topK: 0, seed: 77 };
const prompts = Array.from({ length: 70 }, (_, i) =>
  Array.from({ length: 1 + (i % 17) }, (_, t) => 3 + ((7 * i + t) % 50)),
);

const core = ({
  ids,
  logprobs,
  finishReason,
}: Omit<GeneratedResult, 'steps'> | GeneratedResult['sequences'][number]): object => ({ ids, logprobs, finishReason });

describe('a batch', () => {
  it.each([
    ['greedy', free],
    ['sampled with one seed', sampled],
  ])('gives each prompt what it gets alone: %s', async (_, options) => {
    const alone: object[] = [];
    for (const prompt of prompts) alone.push(core(await model.generate(prompt, options).result()));
    const batch = await model.generate(prompts, options).result();
    expect(batch.map(core)).toEqual(alone);
    const few = await model.generate(prompts.slice(0, 3), options).result();
    expect(few.map(core)).toEqual(alone.slice(0, 3));
    // different ends: finished ones leave, waiting ones come in
    const ends = { ...options, eosTokenId: Array.from({ length: 12 }, (_, i) => 5 * i) };
    const mixed = await model.generate(prompts, ends).result();
    for (const [i, prompt] of prompts.slice(0, 40).entries())
      expect(core(mixed[i])).toEqual(core(await model.generate(prompt, ends).result()));
    expect(new Set(mixed.map(({ ids }) => ids.length)).size).toBeGreaterThan(1);
  });

  it('takes padding on either side, tensors and single rows', async () => {
    const want = (await model.generate([5, 6, 7], free).result()).ids;
    const inputIds = [
      [0, 0, 5, 6, 7],
      [5, 6, 7, 0, 0],
    ];
    const attentionMask = [
      [0, 0, 1, 1, 1],
      [1, 1, 1, 0, 0],
    ];
    const batch = await model.generate({ inputIds, attentionMask }, free).result();
    expect(batch.map(({ ids }) => ids)).toEqual([want, want]);
  });

  it('of several sequences a prompt draws each from its own stream', async () => {
    const together = await model.generate(prompts.slice(0, 3), { ...sampled, numReturnSequences: 4 }).result();
    for (const [i, prompt] of prompts.slice(0, 3).entries()) {
      const alone = await model.generate(prompt, { ...sampled, numReturnSequences: 4 }).result();
      expect(together[i].sequences.map(core)).toEqual(alone.sequences.map(core));
      // the first one is that of a call for one
      expect(core(alone.sequences[0])).toEqual(core(await model.generate(prompt, sampled).result()));
      expect(new Set(alone.sequences.map(({ ids }) => ids.join())).size).toBe(4);
    }
  });

  it('needs no more steps than its longest sequence', async () => {
    const [first] = await model.generate(prompts.slice(0, 32), free).result();
    expect(first.steps).toBe(free.maxNewTokens);
  });
});

describe.each(['bart', 't5', 'transformer'])('a batch of %s', (name) => {
  it('gives each source what it gets alone', async () => {
    const seq2seq = await Transformer.fromPretrained(transformerFolder(name), { engine });
    const sources = prompts.slice(0, 40);
    for (const options of [
      { ...free, numBeams: 1 },
      { ...sampled, numBeams: 1, numReturnSequences: 2 },
      { numBeams: 3, numReturnSequences: 2, maxNewTokens: 6 },
    ]) {
      const batch = await seq2seq.generate(sources, options).result();
      for (const i of [0, 7, 16, 31, 32, 39]) {
        const alone = await seq2seq.generate(sources[i], options).result();
        expect(batch[i].sequences).toEqual(alone.sequences);
      }
    }
    await seq2seq.dispose();
  });
});

describe('the place', () => {
  it('changes nothing: threads, worker, another call of the same seed', async () => {
    const want = await Promise.all(
      [free, sampled].map((options) => model.generate(prompts.slice(0, 5), options).result()),
    );
    for (const other of engines.slice(1)) {
      const there = await Decoder.fromPretrained(decoderFolder('llama'), { engine: other });
      for (const [i, options] of [free, sampled].entries()) {
        const results = await there.generate(prompts.slice(0, 5), options).result();
        expect(results.map(core)).toEqual(want[i].map(core));
      }
      await there.dispose();
    }
    const [a, b] = [
      await model.generate([5], { ...sampled, seed: 1 }).result(),
      await model.generate([5], { ...sampled, seed: 2 }).result(),
    ];
    expect(a.ids).not.toEqual(b.ids);
    const unseeded = await Promise.all([1, 2].map(() => model.generate([5], { ...sampled, seed: null }).result()));
    expect(unseeded[0].ids).not.toEqual(unseeded[1].ids);
  });
});

describe.runIf(hasModel('stories260K'))('stories260K', () => {
  let stories: Decoder;
  beforeAll(async () => {
    stories = await Decoder.fromPretrained(join(modelsDir, 'stories260K'), { engine });
  });
  const long = Array.from({ length: 505 }, (_, i) => 259 + ((i * 31) % 250));

  /** The scores that a call's steps choose from. */
  async function scores(run: (options: GenerateOptions) => Promise<unknown>): Promise<Float32Array[]> {
    const rows: Float32Array[] = [];
    await run({ eosTokenId: [], logitsProcessors: [(logits) => void rows.push(logits.slice())] });
    return rows;
  }

  it('a long prompt gives the same scores alone, beside others, and in a session bit by bit', async () => {
    const whole = await scores((options) => stories.generate(long, { ...options, maxNewTokens: 3 }).result());
    expect(whole.length).toBe(3);
    // together they are stored in several chunks
    const batch = await scores((options) =>
      stories.generate([long, long, [5]], { ...options, maxNewTokens: 1 }).result(),
    );
    expect(batch.slice(0, 2)).toEqual([whole[0], whole[0]]);
    const parts = await scores(async (options) => {
      await using session = stories.createSession();
      for (const [from, to] of [
        [0, 63],
        [63, 64],
        [64, 300],
        [300, 504],
      ]) {
        await session.generate(long.slice(from, to), { eosTokenId: [], maxNewTokens: 1 }).result();
        await session.truncate(to);
      }
      await session.generate(long.slice(504), { ...options, maxNewTokens: 3 }).result();
    });
    expect(parts).toEqual(whole);
  });

  it('goes on to the end of its context, and beyond', async () => {
    const end = await stories.generate([1], { eosTokenId: [], maxNewTokens: 5000 }).result();
    expect(end).toMatchObject({ finishReason: 'length', ids: { length: 511 } });
    const beyond = await stories
      .generate([1], { eosTokenId: [], maxNewTokens: 700, contextOverflow: 'slide' })
      .result();
    expect(beyond.ids.slice(0, 511)).toEqual(end.ids);
    expect(beyond.ids.length).toBe(700);
    const tooLong = Array.from({ length: 1300 }, (_, i) => 259 + ((i * 31) % 250));
    const slid = await stories
      .generate(tooLong, { eosTokenId: [], maxNewTokens: 5, contextOverflow: 'slide' })
      .result();
    const seen = await stories.generate(tooLong.slice(-256), { eosTokenId: [], maxNewTokens: 5 }).result();
    expect(slid.ids).toEqual(seen.ids);
  });

  it('guesses from its own text save steps', async () => {
    const options = { eosTokenId: [], maxNewTokens: 200, logprobs: 0 };
    const plain = await stories.generate([1], options).result();
    const guessed = await stories.generate([1], { ...options, promptLookupNumTokens: 4 }).result();
    expect(core(guessed)).toEqual(core(plain));
    expect(guessed.steps).toBeLessThan(plain.steps);
  });
});

describe('guesses', () => {
  it('of a draft model change nothing, greedy or sampled', async () => {
    const same = await Decoder.fromPretrained(decoderFolder('llama'), { engine });
    const other = await Decoder.fromPretrained(decoderFolder('gpt2'), { engine });
    for (const options of [free, sampled, { ...free, repetitionPenalty: 1.4, eosTokenId: [7, 9, 11] }]) {
      const plain = await model.generate([5, 6, 7], options).result();
      for (const extra of [
        { assistantModel: same },
        { assistantModel: other, numAssistantTokens: 2 },
        { promptLookupNumTokens: 3 },
      ])
        expect(core(await model.generate([5, 6, 7], { ...options, ...extra }).result())).toEqual(core(plain));
    }
    const { steps } = await model
      .generate([5, 6, 7], { ...free, assistantModel: same, numAssistantTokens: 3 })
      .result();
    expect(steps).toBe(3);
    // in a session, whose cache then holds no wrong guess
    const session = model.createSession();
    const guessing = model.createSession();
    for (let turn = 0; turn < 3; turn++) {
      const want = await session.generate([5 + turn, 9], free).result();
      expect(core(await guessing.generate([5 + turn, 9], { ...free, assistantModel: other }).result())).toEqual(
        core(want),
      );
      expect(guessing.ids).toEqual(session.ids);
    }
    await Promise.all([session, guessing, same, other].map((one) => one.dispose()));
  });

  it('leave the scores to a logits processor', async () => {
    const draft = await Decoder.fromPretrained(decoderFolder('llama'), { engine });
    const forced = [3, 8, 8, 3, 8, 8, 3, 8, 8, 3];
    const force = (logits: Float32Array, { step }: { step: number }): void => {
      logits.fill(-Infinity);
      logits[forced[step]] = 0;
    };
    for (const extra of [{ assistantModel: draft }, { promptLookupNumTokens: 3 }]) {
      const options = { ...free, ...extra, maxNewTokens: forced.length, logitsProcessors: [force] };
      expect((await model.generate([3, 8, 8, 3], options).result()).ids).toEqual(forced);
    }
    await draft.dispose();
  });

  it('refuse models that cannot guess', async () => {
    const bytes = await Decoder.fromPretrained(textFolder('bytes'), { engine });
    const elsewhere = await Decoder.fromPretrained(decoderFolder('llama'), { engine: engines[1] });
    const draft = await Decoder.fromPretrained(decoderFolder('llama'), { engine });
    for (const [options, message] of [
      [{ assistantModel: bytes }, /vocabulary of \d+/],
      [{ assistantModel: elsewhere }, /another engine/],
      [{ assistantModel: model }, /itself/],
      [{ assistantModel: {} as Decoder }, /must be a Decoder/],
      [{ assistantModel: draft, numBeams: 2 }, /one sequence/],
      [{ assistantModel: draft, promptLookupNumTokens: 2 }, /both guess/],
      [{ assistantModel: draft, numAssistantTokens: 0 }, /at least 1/],
    ] as const) {
      const error = await failure(model.generate([5], options).result());
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(error.message).toMatch(message);
    }
    await draft.dispose();
    expect((await failure(model.generate([5], { assistantModel: draft }).result())).code).toBe('DISPOSED');
    await Promise.all([bytes.dispose(), elsewhere.dispose()]);
  });
});

describe('memory', () => {
  it('is what it was after many calls of all kinds, aborts and errors among them', async () => {
    const [beams] = readDecoderTexts('llama').beams;
    const draft = await Decoder.fromPretrained(decoderFolder('llama'), { engine });
    const long = Array.from({ length: 55 }, (_, i) => 3 + (i % 50));
    const kinds: (() => Promise<unknown>)[] = [
      () => model.generate([5, 6], free).result(),
      () => model.generate([long, long, [5]], { ...free, maxNewTokens: 4 }).result(),
      () => model.generate([[5], long], { ...sampled, numReturnSequences: 3, maxNewTokens: 3 }).result(),
      () => model.generate([beams.inputIds, long], { ...beams.options, maxNewTokens: 4 }).result(),
      () => model.generate([5, 6], { ...free, promptLookupNumTokens: 3 }).result(),
      () => model.generate([5, 6], { ...free, assistantModel: draft }).result(),
      () => model.generate(long, { ...free, maxNewTokens: 40, contextOverflow: 'slide' }).result(),
      () => failure(model.generate([[5], Array.from({ length: 64 }, () => 5)], free).result()),
      async () => {
        const error = new Error('mine');
        const throwing = (_: Float32Array, { step }: { step: number }): void => {
          if (step === 2) throw error;
        };
        for (const options of [{}, { numBeams: 2 }, { doSample: true, numReturnSequences: 2 }])
          await expect(
            model
              .generate([long, [5]], { ...options, maxNewTokens: 6, eosTokenId: [], logitsProcessors: [throwing] })
              .result(),
          ).rejects.toBe(error);
      },
      async () => {
        for (const options of [{}, { numBeams: 2 }, { doSample: true, numReturnSequences: 2 }]) {
          const controller = new AbortController();
          const stopping = (_: Float32Array, { step }: { step: number }): void => {
            if (step === 2) controller.abort();
          };
          const [{ finishReason, ids }] = await model
            .generate([long, [5]], {
              ...options,
              maxNewTokens: 6,
              eosTokenId: [],
              logitsProcessors: [stopping],
              signal: controller.signal,
            })
            .result();
          expect(finishReason).toBe('abort');
          expect(ids.length).toBe(2);
        }
      },
      async () => {
        const session = model.createSession();
        await session.generate(long, { ...free, maxNewTokens: 2 }).result();
        const fork = session.fork();
        await fork.generate([5], { ...free, maxNewTokens: 2 }).result();
        await session.truncate(3);
        await Promise.all([session.dispose(), fork.dispose()]);
      },
    ];
    const used = async (): Promise<number> => {
      for (const kind of kinds) await kind();
      // pages wait for their next use until a session ends
      const session = model.createSession();
      await session.generate([5], { ...free, maxNewTokens: 1 }).result();
      await session.dispose();
      return (await engine.info()).memory.used;
    };
    await used();
    const before = await used();
    for (let round = 0; round < 20; round++) expect(await used()).toBe(before);
    await draft.dispose();
  });
});
