// What a caller of generate() sees: texts, streams, stop strings, the scores' hook, mistakes. On tiny models with tokenizers.
import { afterAll, describe, expect, it } from 'vitest';
import { Decoder, type GenerateOptions } from '../../src/api/decoder';
import type { GenerationPiece } from '../../src/api/generation';
import type { Prompts } from '../../src/api/prompts';
import { Transformer } from '../../src/api/transformer';
import { WasmformerError } from '../../src/errors';
import { createEngine } from '../../src/runtime/host';
import { decoderFolder, readDecoderTexts } from '../golden/decoders/load';
import { readTransformerTexts, transformerFolder } from '../golden/transformers/load';
import { failure, readTextCases, saying, textFolder, textGoldens } from '../support/generate';

const engines = await Promise.all([
  createEngine({ worker: false, threads: 1 }),
  createEngine({ worker: true, threads: 1 }),
]);
afterAll(() => Promise.all(engines.map((engine) => engine.dispose())));
const [inline, worker] = engines;
const models = {
  bytes: await Decoder.fromPretrained(textFolder('bytes'), { engine: inline }),
  pieces: await Decoder.fromPretrained(textFolder('pieces'), { engine: inline }),
};
const inWorker = await Decoder.fromPretrained(textFolder('bytes'), { engine: worker });
const ids = await Decoder.fromPretrained(decoderFolder('llama'), { engine: inline });
const seq2seq = await Transformer.fromPretrained(transformerFolder('bart'), { engine: inline });

async function collect(stream: AsyncIterable<GenerationPiece>): Promise<GenerationPiece[]> {
  const pieces: GenerationPiece[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}
const join = (pieces: readonly GenerationPiece[], index = 0, sequence = 0): string =>
  pieces
    .filter((piece) => piece.index === index && piece.sequence === sequence)
    .map(({ text }) => text)
    .join('');
const emoji = 'a 👩‍🚀 né 日本 🐶!';

describe.each(textGoldens)('texts of %s', (name) => {
  const model = models[name];
  const { greedy: cases, beams } = readTextCases(name);

  it('are those of Hugging Face, from text and from ids', async () => {
    for (const { prompt, inputIds, ids: want, text } of cases) {
      for (const input of [prompt, inputIds, Int32Array.from(inputIds)]) {
        const stream = model.generate(input, { maxNewTokens: 24 });
        const pieces = await collect(stream);
        const result = await stream.result();
        expect(result).toMatchObject({ ids: want, text });
        expect(join(pieces)).toBe(text);
        expect(pieces.filter(({ id }) => id !== null).map(({ id }) => id)).toEqual(want);
        expect(pieces.every(({ index, sequence }) => index === 0 && sequence === 0)).toBe(true);
      }
    }
    const batch = await model
      .generate(
        cases.map(({ prompt }) => prompt),
        { maxNewTokens: 24 },
      )
      .result();
    expect(batch.map(({ text }) => text)).toEqual(cases.map(({ text }) => text));
  });

  it('come in pieces of whole characters', async () => {
    const said = Array.from(model.tokenizer.encode(` ${emoji}`, { addSpecialTokens: false }).ids);
    for (const lm of name === 'bytes' ? [model, inWorker] : [model]) {
      const stream = lm.generate('the cat', { maxNewTokens: said.length, logitsProcessors: [saying(said)] });
      const pieces = await collect(stream);
      expect(pieces.length).toBeGreaterThanOrEqual(said.length);
      for (const { text } of pieces) expect(text).not.toMatch(/\p{Surrogate}/u);
      expect(pieces.some(({ text }) => text.includes('\ufffd'))).toBe(false);
      // the space before the answer belongs to it
      expect(join(pieces)).toBe(name === 'pieces' ? `  ${emoji}` : ` ${emoji}`);
      expect((await stream.result()).text).toBe(join(pieces));
    }
  });

  it('give half a character at the end as U+FFFD, once', async () => {
    const said = Array.from(model.tokenizer.encode('a🐶', { addSpecialTokens: false }).ids);
    const stream = model.generate('the', { maxNewTokens: said.length - 1, logitsProcessors: [saying(said)] });
    const pieces = await collect(stream);
    expect(join(pieces)).toMatch(/a\ufffd+$/);
    expect(pieces.at(-1)!.id).toBeNull();
    expect((await stream.result()).text).toBe(join(pieces));
  });

  it('of beams end at stop strings as those of Hugging Face do', async () => {
    let stopped = 0;
    for (const { inputIds, stopStrings, sequences, scores } of beams) {
      const options = { numBeams: 4, numReturnSequences: 3, maxNewTokens: 12, lengthPenalty: 0, stopStrings };
      const [result] = await model.generate([inputIds, inputIds], options).result();
      expect(result.sequences.map(({ ids: made }) => made)).toEqual(sequences);
      result.sequences.forEach(({ score }, i) => expect(Math.abs(score! - scores[i])).toBeLessThan(1e-4));
      stopped += result.sequences.filter(({ finishReason }) => finishReason === 'stop').length;
    }
    if (name === 'bytes') expect(stopped).toBeGreaterThan(0);
  });

  it('end before a stop string, wherever tokens begin', async () => {
    const said = Array.from(model.tokenizer.encode('the dog sat. And', { addSpecialTokens: false }).ids);
    for (const [stop, want, found] of [
      ['g sa', 'the do', 'stop'],
      [['nowhere', 'at. A'], 'the dog s', 'stop'],
      [['.', 'dog sat.'], 'the ', 'stop'],
      ['the dog cat', 'the dog sat. And', 'length'],
      [' Andy', 'the dog sat. And', 'length'],
    ] as const) {
      const options = { maxNewTokens: said.length, logitsProcessors: [saying(said)], stopStrings: stop };
      const stream = model.generate('the cat', options);
      const pieces = await collect(stream);
      const result = await stream.result();
      expect(result.text.trimStart()).toBe(want);
      expect(join(pieces)).toBe(result.text);
      expect(result.finishReason).toBe(found);
      expect(result.ids).toEqual(said.slice(0, result.ids.length));
      // no token after the one that completed the stop string
      if (found === 'stop') expect(result.ids.length).toBe(pieces.filter(({ id }) => id !== null).length);
      if (found === 'stop') expect(result.ids.length).toBeLessThan(said.length);
    }
  });
});

describe('a stop string', () => {
  it('ends right guesses too, and one sequence of several', async () => {
    const { bytes } = models;
    const greedy = await bytes.generate('once upon a', { maxNewTokens: 20, stopStrings: 'FFFF' }).result();
    const guessed = bytes.generate('once upon a', { maxNewTokens: 20, stopStrings: 'FFFF', promptLookupNumTokens: 6 });
    const pieces = await collect(guessed);
    expect(greedy).toMatchObject({ text: '', finishReason: 'stop' });
    expect(await guessed.result()).toMatchObject({ text: '', ids: greedy.ids, finishReason: 'stop' });
    expect(join(pieces)).toBe('');
    const both = await bytes
      .generate(['once upon a', 'the cat'], { maxNewTokens: 24, stopStrings: ['FFFF', ' was'] })
      .result();
    expect(both.map(({ text: t, finishReason }) => [t, finishReason])).toEqual([
      ['', 'stop'],
      ['UatF\ufffd', 'stop'],
    ]);
  });
});

describe('a stream', () => {
  it('interleaves a batch, and tells log-probabilities', async () => {
    const stream = ids.generate(
      [
        [5, 6, 7],
        [8, 9],
      ],
      { maxNewTokens: 5, eosTokenId: [], logprobs: 2 },
    );
    const pieces = await collect(stream);
    expect(pieces.map(({ index }) => index)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    const results = await stream.result();
    results.forEach((result, index) => {
      const mine = pieces.filter((piece) => piece.index === index);
      mine.forEach(({ logprob }, i) => expect(logprob).toBe(result.logprobs![i]));
      for (const { id, logprob, topLogprobs } of mine) {
        expect(topLogprobs!.length).toBe(2);
        expect(topLogprobs![0]).toEqual({ id, logprob });
        expect(topLogprobs![1].logprob).toBeLessThanOrEqual(logprob!);
      }
    });
  });

  it('may be iterated late, twice, and at once', async () => {
    const stream = models.bytes.generate('the cat', { maxNewTokens: 12 });
    const [a, b] = await Promise.all([collect(stream), collect(stream)]);
    const { text } = await stream.result();
    expect(join(a)).toBe(text);
    expect(b).toEqual(a);
    expect(await collect(stream)).toEqual(a);
  });

  it('of beams has one piece a sequence', async () => {
    const [{ inputIds, options }] = readDecoderTexts('llama').beams;
    expect(await collect(ids.generate(inputIds, options))).toEqual([]);
    const stream = models.bytes.generate('the cat', { numBeams: 3, numReturnSequences: 2, maxNewTokens: 8 });
    const pieces = await collect(stream);
    const { sequences } = await stream.result();
    expect(pieces).toEqual(sequences.map(({ text }, sequence) => ({ text, id: null, index: 0, sequence })));
    const cut = sequences[0].text.slice(2, 4);
    const stopped = models.bytes.generate('the cat', { numBeams: 3, maxNewTokens: 8, stopStrings: cut });
    const rest = await collect(stopped);
    expect((await stopped.result()).text).toBe(rest.map(({ text }) => text).join(''));
    expect((await stopped.result()).text).not.toContain(cut);
  });

  it('fails for the iterator and for result(), and quietly if nobody asks', async () => {
    let unhandled = 0;
    const count = (): void => void unhandled++;
    process.on('unhandledRejection', count);
    const stream = models.bytes.generate('the', { temperature: -1 });
    expect((await failure(stream.result())).code).toBe('INVALID_ARGUMENT');
    expect((await failure(collect(stream))).code).toBe('INVALID_ARGUMENT');
    models.bytes.generate('the', { temperature: -1 });
    inWorker.generate('the', {
      logitsProcessors: [
        () => {
          throw new Error('no');
        },
      ],
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.off('unhandledRejection', count);
    expect(unhandled).toBe(0);
  });
});

describe.each([
  ['inline', models.bytes],
  ['in a worker', inWorker],
])('logitsProcessors %s', (_, model) => {
  it('see ids, step and index, after the settings’ own processors, and change what is chosen', async () => {
    const seen: [number, number, number[]][] = [];
    const results = await model
      .generate(
        [
          [5, 6, 7],
          [8, 9],
        ],
        {
          maxNewTokens: 3,
          suppressTokens: [11],
          logitsProcessors: [
            (logits, { ids: soFar, index, step }) => {
              expect(logits.length).toBe(model.info.vocabSize);
              expect(logits[11]).toBe(-Infinity);
              seen.push([index, step, Array.from(soFar)]);
              logits[40 + index + step] = 1e4;
            },
            (logits) => void (logits[3] = 0),
          ],
        },
      )
      .result();
    expect(results.map(({ ids: made }) => made)).toEqual([
      [40, 41, 42],
      [41, 42, 43],
    ]);
    expect(seen).toEqual([
      [0, 0, [5, 6, 7]],
      [1, 0, [8, 9]],
      [0, 1, [5, 6, 7, 40]],
      [1, 1, [8, 9, 41]],
      [0, 2, [5, 6, 7, 40, 41]],
      [1, 2, [8, 9, 41, 42]],
    ]);
  });

  it('that throw give their own error; promises and values are refused', async () => {
    const mine = new RangeError('mine');
    const stream = model.generate([5], {
      logitsProcessors: [
        () => {
          throw mine;
        },
      ],
    });
    await expect(stream.result()).rejects.toBe(mine);
    await expect(collect(stream)).rejects.toBe(mine);
    const late = model.generate([5], { logitsProcessors: [async () => {}] });
    expect(await failure(late.result())).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const value = model.generate([5], { logitsProcessors: [((x: Float32Array) => x) as never] });
    expect((await failure(value.result())).message).toContain('in place');
    const nothing = model.generate([5], { logitsProcessors: [(logits) => void logits.fill(-Infinity)] });
    expect((await failure(nothing.result())).message).toContain('no token is left');
    expect((await model.generate([5], { maxNewTokens: 1 }).result()).ids.length).toBe(1);
  });
});

describe('options', () => {
  const free = { eosTokenId: [] as number[], maxNewTokens: 8 };

  it('end a sequence: several ends, their absence, lengths', async () => {
    const all = (await ids.generate([5, 6, 7], free).result()).ids;
    const other = all.find((id) => id !== all[0])!;
    const at = all.indexOf(other);
    const two = await ids.generate([5, 6, 7], { ...free, eosTokenId: [other, 60] }).result();
    expect(two).toMatchObject({ ids: all.slice(0, at + 1), finishReason: 'eos' });
    const later = await ids.generate([5, 6, 7], { ...free, eosTokenId: other, minNewTokens: at + 2 }).result();
    expect(later.ids.length).toBeGreaterThanOrEqual(at + 3);
    expect(
      (await ids.generate([5, 6, 7], { ...free, maxNewTokens: undefined, maxLength: 5 }).result()).ids.length,
    ).toBe(2);
    // an end that never comes: the context is the end
    const full = await ids.generate([5, 6, 7], { ...free, maxNewTokens: 1000 }).result();
    expect(full).toMatchObject({ finishReason: 'length' });
    expect(full.ids.length).toBe(ids.info.maxPositions - 3);
    const default20 = await ids.generate([5, 6, 7], { eosTokenId: [], maxNewTokens: undefined }).result();
    expect(default20.ids.length).toBeLessThanOrEqual(20);
  });

  it('forbid and force tokens', async () => {
    const all = (await ids.generate([5, 6, 7], free).result()).ids;
    const suppressed = await ids.generate([5, 6, 7], { ...free, suppressTokens: [all[0]] }).result();
    expect(suppressed.ids).not.toContain(all[0]);
    const begin = await ids.generate([5, 6, 7], { ...free, beginSuppressTokens: [all[0]] }).result();
    expect(begin.ids[0]).toBe(suppressed.ids[0]);
    const bad = await ids.generate([5, 6, 7], { ...free, badWordsIds: [[all[0], all[1]]] }).result();
    expect(bad.ids[0]).toBe(all[0]);
    expect(bad.ids[1]).not.toBe(all[1]);
    const forced = await ids.generate([5, 6, 7], { ...free, forcedEosTokenId: 9 }).result();
    expect(forced.ids.at(-1)).toBe(9);
    expect((await ids.generate([5], { ...free, forcedBosTokenId: 33 }).result()).ids[0]).toBe(33);
  });

  it('come from generation_config.json, and null takes them back', async () => {
    const { readFile } = await import('node:fs/promises');
    const file = (name: string): Promise<Uint8Array> => readFile(`${textFolder('bytes')}/${name}`);
    const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
    const files = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await file(name)] as const)));
    const generation = { max_new_tokens: 3, suppress_tokens: [45], stop_strings: ['zzz'], do_sample: false };
    const model = await Decoder.fromPretrained(
      { ...files, 'generation_config.json': JSON.stringify(generation) },
      { engine: inline },
    );
    const result = await model.generate('once upon a').result();
    expect(result.ids.length).toBe(3);
    expect(result.ids).not.toContain(45);
    expect((await model.generate('once upon a', { suppressTokens: null }).result()).text).toBe('FFF');
    await model.dispose();
  });

  const many = Array.from({ length: 65 }, () => 5);
  it.each<[string, Prompts, GenerateOptions, string, RegExp]>([
    ['an empty text', '', {}, 'INVALID_ARGUMENT', /no tokens/],
    ['no ids', [], {}, 'INVALID_ARGUMENT', /no tokens/],
    ['an empty row', [[5], []], {}, 'INVALID_ARGUMENT', /sequence 1 has no tokens/],
    ['ids out of range', [[5], [5, 5000]], {}, 'INVALID_ARGUMENT', /5000/],
    ['negative ids', [-1], {}, 'INVALID_ARGUMENT', /-1/],
    ['fractions', [1.5], {}, 'INVALID_ARGUMENT', /whole numbers.*1\.5/],
    ['mixed ids', [1, 'a' as never], {}, 'INVALID_ARGUMENT', /whole numbers.*a/],
    ['a number', 5 as never, {}, 'INVALID_ARGUMENT', /prompt must be/],
    ['nothing', undefined as never, {}, 'INVALID_ARGUMENT', /prompt must be/],
    ['no inputIds', { inputIds: undefined } as never, {}, 'INVALID_ARGUMENT', /inputIds/],
    ['a batch of numbers and objects', [[5], {}] as never, {}, 'INVALID_ARGUMENT', /prompt must be/],
    ['unknown options', 'a', { maxTokens: 3 } as never, 'INVALID_ARGUMENT', /maxTokens.*maxNewTokens/],
    ['no options', 'a', null as never, 'INVALID_ARGUMENT', /not an object/],
    ['beams beyond memory', [5], { numBeams: 1e9 }, 'INVALID_ARGUMENT', /numBeams is 1000000000.*at most 8192/],
    [
      'too many samples',
      [5],
      { doSample: true, numReturnSequences: 1e6 },
      'INVALID_ARGUMENT',
      /numReturnSequences.*8192/,
    ],
    ['empty stop strings', 'a', { stopStrings: [''] }, 'INVALID_ARGUMENT', /stopStrings/],
    ['a length that leaves no room', [5, 6, 7], { maxLength: 3 }, 'INVALID_ARGUMENT', /maxLength/],
    ['processors that are none', 'a', { logitsProcessors: [1] as never }, 'INVALID_ARGUMENT', /functions/],
    ['an overflow that is none', 'a', { contextOverflow: 'wrap' as never }, 'INVALID_ARGUMENT', /contextOverflow/],
    ['slides with beams', 'a', { contextOverflow: 'slide', numBeams: 2 }, 'INVALID_ARGUMENT', /beams/],
    ['guesses without who guesses', 'a', { numAssistantTokens: 2 }, 'INVALID_ARGUMENT', /assistantModel/],
  ])('refuse %s', async (_, prompts, options, code, message) => {
    const error = await failure(
      (models.bytes.generate as (p: Prompts, o: GenerateOptions) => { result(): Promise<unknown> })
        .call(models.bytes, prompts, options)
        .result(),
    );
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(message);
  });

  it('refuse prompts that fill the context, before any other starts', async () => {
    let steps = 0;
    const count = { logitsProcessors: [() => void steps++], eosTokenId: [] };
    for (const prompt of [many, many.slice(0, 64)]) {
      expect(
        (await failure(ids.generate([...Array.from({ length: 40 }, () => [5]), prompt], count).result())).code,
      ).toBe('TOO_LONG');
      expect((await failure(ids.generate(prompt, count).result())).code).toBe('TOO_LONG');
    }
    expect(steps).toBe(0);
    const one = await ids.generate(many.slice(0, 63), { eosTokenId: [] }).result();
    expect(one).toMatchObject({ finishReason: 'length', ids: { length: 1 } });
  });

  it('go on past the context when asked', async () => {
    for (const prompt of [[5, 6, 7], many]) {
      const result = await ids.generate(prompt, { ...free, maxNewTokens: 150, contextOverflow: 'slide' }).result();
      expect(result.ids.length).toBe(150);
      const plain = await ids.generate(prompt.slice(0, 3), { ...free, maxNewTokens: 61 }).result();
      if (prompt.length === 3) expect(result.ids.slice(0, 61)).toEqual(plain.ids);
      const several = await ids
        .generate(prompt, {
          ...free,
          maxNewTokens: 90,
          contextOverflow: 'slide',
          doSample: true,
          seed: 4,
          numReturnSequences: 2,
        })
        .result();
      const single = await ids
        .generate(prompt, { ...free, maxNewTokens: 90, contextOverflow: 'slide', doSample: true, seed: 4 })
        .result();
      expect(several.sequences[0].ids).toEqual(single.ids);
    }
  });

  it('need a tokenizer for texts and stop strings, and a head', async () => {
    expect((await failure(ids.generate('a').result())).code).toBe('NO_TOKENIZER');
    expect((await failure(ids.generate([5], { stopStrings: 'a' }).result())).code).toBe('NO_TOKENIZER');
    expect((await ids.generate([5], { maxNewTokens: 2 }).result()).text).toBe('');
    const { readFile } = await import('node:fs/promises');
    const config = JSON.parse(await readFile(`${textFolder('bytes')}/config.json`, 'utf8')) as object;
    const files = {
      'config.json': JSON.stringify({ ...config, architectures: ['LlamaModel'] }),
      'model.safetensors': await readFile(`${textFolder('bytes')}/model.safetensors`),
    };
    const bare = await Decoder.fromPretrained(files, { engine: inline });
    expect((await failure(bare.generate([5]).result())).code).toBe('NO_HEAD');
    expect(() => bare.createSession()).toThrow(WasmformerError);
    await bare.dispose();
  });
});

describe('an encoder-decoder', () => {
  const [{ inputIds, ids: want }] = readTransformerTexts('bart').greedy;

  it('streams, and is told where its decoder begins', async () => {
    const stream = seq2seq.generate([inputIds], { numBeams: 1, maxNewTokens: want.length });
    const pieces = await collect(stream);
    expect((await stream.result())[0].ids).toEqual(want);
    expect(pieces.map(({ id }) => id)).toEqual(want);
    const start = seq2seq.config.decoder_start_token_id as number;
    const told = await seq2seq
      .generate(inputIds, { numBeams: 1, maxNewTokens: want.length - 2, decoderInputIds: [start, ...want.slice(0, 2)] })
      .result();
    expect(told.ids).toEqual(want.slice(2));
  });

  it.each<[string, () => { result(): Promise<unknown> }, string]>([
    [
      'a start that fills the context',
      () => seq2seq.generate([5], { decoderInputIds: Array.from({ length: 500 }, () => 5) }),
      'TOO_LONG',
    ],
    [
      'starts that are not as many',
      () => seq2seq.generate([[5], [6], [7]], { decoderInputIds: [[2], [2]] }),
      'INVALID_SHAPE',
    ],
    [
      'a maxLength below the start',
      () => seq2seq.generate([5], { decoderInputIds: [2, 5, 6], maxLength: 3 }),
      'INVALID_ARGUMENT',
    ],
    ['prompt lookup', () => seq2seq.generate([5], { promptLookupNumTokens: 2, numBeams: 1 }), 'INVALID_ARGUMENT'],
  ])('refuses %s, and loses no memory', async (_, run, code) => {
    await seq2seq.generate(inputIds).result();
    const before = (await inline.info()).memory.used;
    for (let i = 0; i < 20; i++) expect((await failure(run().result())).code).toBe(code);
    await seq2seq.generate(inputIds).result();
    expect((await inline.info()).memory.used).toBe(before);
  });
});
