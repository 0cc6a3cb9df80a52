// Generation on the committed goldens: greedy texts and beams of Hugging Face, alone and in batches, with guesses, in sessions.
import { afterAll, describe, expect, it } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import { Transformer } from '../../src/api/transformer';
import { createEngine } from '../../src/runtime/host';
import { decoderFolder, decoderGoldens, readDecoderTexts } from '../golden/decoders/load';
import type { BeamCase, ExpectedTexts } from '../golden/load';
import { readTransformerTexts, transformerFolder, transformerGoldens } from '../golden/transformers/load';

const engines = await Promise.all([1, 2].map((threads) => createEngine({ threads, worker: false })));
afterAll(() => Promise.all(engines.map((engine) => engine.dispose())));

type Model = Decoder | Transformer;

async function expectBeams(
  model: Pick<Decoder, 'generate'>,
  { inputIds, options, sequences, scores }: BeamCase,
): Promise<void> {
  const result = await model.generate(inputIds, options).result();
  expect(result.sequences.map(({ ids }) => ids)).toEqual(sequences);
  result.sequences.forEach(({ score }, i) =>
    expect(Math.abs(score! - scores[i])).toBeLessThan(1e-4 * Math.max(1, Math.abs(scores[i]))),
  );
}

function check(load: (threads: number) => Promise<Model>, texts: ExpectedTexts): void {
  const { greedy, beams = [] } = texts;

  it.each([0, 1])('greedy ids, alone and in a batch (engine %i)', async (which) => {
    const model: Pick<Decoder, 'generate' | 'dispose'> = await load(which);
    for (const { inputIds, options, ids } of greedy)
      expect((await model.generate(inputIds, options).result()).ids).toEqual(ids);
    const batch = await model
      .generate(
        greedy.map(({ inputIds }) => inputIds),
        greedy[0].options,
      )
      .result();
    expect(batch.map(({ ids }) => ids)).toEqual(greedy.map(({ ids }) => ids));
    await model.dispose();
  });

  it.runIf(beams.length > 0)('beams and their scores', async () => {
    const model: Pick<Decoder, 'generate' | 'dispose'> = await load(0);
    for (const beam of beams) await expectBeams(model, beam);
    // several searches step together
    const [{ options }] = beams;
    const alike = beams.filter((beam) => JSON.stringify(beam.options) === JSON.stringify(options));
    const batch = await model
      .generate(
        alike.map(({ inputIds }) => inputIds),
        options,
      )
      .result();
    expect(batch.map(({ sequences }) => sequences.map(({ ids }) => ids))).toEqual(
      alike.map(({ sequences }) => sequences),
    );
    await model.dispose();
  });
}

describe.each(decoderGoldens)('%s', (name) => {
  const texts = readDecoderTexts(name);
  const load = (which: number): Promise<Decoder> =>
    Decoder.fromPretrained(decoderFolder(name), { engine: engines[which] });
  check(load, texts);
  // where frequencies depend on the length of the text, it matters how many tokens a step stores
  const isFixed = !/dynamic|longrope/.test(name);

  it.runIf(isFixed)('guesses change no id', async () => {
    const model = await load(0);
    for (const { inputIds, options, ids } of texts.greedy) {
      const result = await model.generate(inputIds, { ...options, promptLookupNumTokens: 3 }).result();
      expect(result.ids).toEqual(ids);
      expect(result.steps).toBeLessThanOrEqual(ids.length);
    }
    const draft = await load(0);
    const [{ inputIds, options, ids }] = texts.greedy;
    const result = await model
      .generate(inputIds, { ...options, assistantModel: draft, numAssistantTokens: 3 })
      .result();
    expect(result.ids).toEqual(ids);
    // the draft is the same model: all its guesses are right
    expect(result.steps).toBeLessThanOrEqual(Math.ceil(ids.length / 4) + 1);
    await draft.dispose();
    await model.dispose();
  });

  it.runIf(isFixed)('a session that is given the prompt in parts says the same', async () => {
    const model = await load(0);
    const [{ inputIds, options, ids }] = texts.greedy;
    await using session = model.createSession();
    await session.generate(inputIds.slice(0, 5), { maxNewTokens: 1 }).result();
    await session.truncate(5);
    const { ids: first } = await session.generate(inputIds.slice(5), { maxNewTokens: 3, eosTokenId: [] }).result();
    expect(first).toEqual(ids.slice(0, 3));
    expect(session.length).toBe(inputIds.length + 3);
    const twin = session.fork();
    await session.truncate(inputIds.length);
    await session.truncate(inputIds.length - 1);
    const again = await session.generate(inputIds.slice(-1), options).result();
    expect(again.ids).toEqual(ids);
    expect(twin.ids).toEqual([...inputIds, ...first]);
    await twin.dispose();
    await model.dispose();
  });
});

describe.each(transformerGoldens)('%s', (name) => {
  check(
    (which) => Transformer.fromPretrained(transformerFolder(name), { engine: engines[which] }),
    readTransformerTexts(name),
  );
});
