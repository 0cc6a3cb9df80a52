// Options that no call has, and inputs that are no texts: an error that says what was meant, for every call that takes any.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { attentionGrid } from '../../src/api/attention-grid';
import { Decoder } from '../../src/api/decoder';
import { Encoder } from '../../src/api/encoder';
import { Tensor } from '../../src/api/tensor';
import { Transformer } from '../../src/api/transformer';
import { createEngine, type Engine } from '../../src/runtime/host';
import { failure } from '../support/generate';

const folder = (name: string): string => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
type Call = (first: unknown, options?: unknown) => Promise<unknown>;

let engine: Engine;
const calls: Record<string, { call: Call; input: unknown; known: string }> = {};

beforeAll(async () => {
  engine = await createEngine({ worker: false, threads: 1 });
  const load = (name: string): Promise<Encoder> => Encoder.fromPretrained(folder(`encoders/${name}`), { engine });
  const sentence = await load('sentence-mean');
  const [masked, classes, tokens, answers, next, cross] = await Promise.all(
    [
      'bert-masked-lm',
      'bert-classify',
      'bert-token-classification',
      'bert-question-answering',
      'bert-next-sentence',
      'cross-encoder',
    ].map(load),
  );
  const decoder = await Decoder.fromPretrained(folder('texts/pieces'), { engine });
  const add = (name: string, known: string, input: unknown, call: Call): void =>
    void (calls[name] = { call, input, known });
  const question = { question: 'who?', context: 'the keeper' };
  const any = <T>(value: unknown): T => value as T;
  add('embed', 'pooling', 'a', (x, o) => sentence.embed(any(x), any(o)));
  add('forward', 'outputAttentions', 'a', (x, o) => sentence.forward(any(x), any(o)));
  add('similarity', 'metric', 'a', (x, o) => sentence.similarity(any(x), 'b', any(o)));
  add('search', 'topK', 'a', (x, o) =>
    sentence.search(any<string>(x), new Tensor(new Float32Array(24), [1, 24]), any(o)),
  );
  add('fillMask', 'topK', 'a [MASK]', (x, o) => masked.fillMask(any<string>(x), any(o)));
  add('classify', 'functionToApply', 'a', (x, o) => classes.classify(any<string>(x), any(o)));
  add('classifyTokens', 'aggregationStrategy', 'a', (x, o) => tokens.classifyTokens(any<string>(x), any(o)));
  add('answer', 'docStride', question, (x, o) => answers.answer(any<typeof question>(x), any(o)));
  add('isNextSentence', 'truncation', 'a', (x, o) => next.isNextSentence(any(x), 'b', any(o)));
  add('rerank', 'returnDocuments', 'a', (x, o) => cross.rerank(any(x), ['b'], any(o)));
  add('generate', 'maxNewTokens', 'once', (x, o) => decoder.generate(any<string>(x), any(o)).result());
  add('savePretrained', 'signal', join(tmpdir(), 'never-written'), (x, o) =>
    sentence.savePretrained(any<string>(x), any(o)),
  );
  add('toFiles', 'signal', null, (_, o) => sentence.toFiles(any(o)));
  const { tokenizer } = sentence;
  const promised = (call: (x: never, o: never) => unknown): Call => {
    return (x, o) => new Promise((resolve) => resolve(call(any(x), any(o))));
  };
  add('encode', 'addSpecialTokens', 'a', promised(tokenizer.encode.bind(tokenizer)));
  add('count', 'maxLength', 'a', promised(tokenizer.count.bind(tokenizer)));
  add(
    'encodeWindows',
    'stride',
    'a',
    promised((x, o) => tokenizer.encodeWindows(x, null, o)),
  );
  add('decode', 'skipSpecialTokens', [1], promised(tokenizer.decode.bind(tokenizer)));
  add(
    'decodeStream',
    'context',
    null,
    promised((_, o) => tokenizer.decodeStream(o)),
  );
});
afterAll(() => engine.dispose());

const NAMES =
  'embed forward similarity search fillMask classify classifyTokens answer isNextSentence rerank generate'.split(' ');
const OTHERS = 'savePretrained toFiles encode count encodeWindows decode decodeStream'.split(' ');

it.each([...NAMES, ...OTHERS])('%s refuses options that it does not have', async (name) => {
  const { call, input, known } = calls[name];
  const misspelt = `${known.slice(0, -1)}x`;
  expect(await failure(call(input, { [misspelt]: 1 }))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(new RegExp(`there is no option "${misspelt}".*${known}`)),
  });
  for (const options of [5, 'text', null, [1]]) {
    expect((await failure(call(input, options))).code).toBe('INVALID_ARGUMENT');
  }
});

it.each(NAMES)('%s refuses what is no text', async (name) => {
  for (const input of [5, null, undefined, {}, true, () => 1, [null], [5.5]]) {
    const { code } = await failure(calls[name].call(input));
    expect(['INVALID_ARGUMENT', 'INVALID_SHAPE'], `${name}(${String(input)})`).toContain(code);
  }
});

it('attentionGrid refuses options that it does not have', () => {
  const map = new Tensor(new Float32Array(1), [1, 1]);
  const options = { rows: ['a'], columns: ['b'], colour: true };
  expect(() => attentionGrid(map, options)).toThrow('there is no option "colour"; there are rows, columns, head');
});

it('a class names the one that a checkpoint is for', async () => {
  const encoder = folder('encoders/sentence-mean');
  const decoder = folder('texts/pieces');
  expect((await failure(Decoder.fromPretrained(encoder, { engine }))).message).toContain('Encoder.fromPretrained');
  expect((await failure(Encoder.fromPretrained(decoder, { engine }))).message).toContain('Decoder.fromPretrained');
  expect((await failure(Transformer.fromPretrained(decoder, { engine }))).message).toContain('Decoder.fromPretrained');
});
