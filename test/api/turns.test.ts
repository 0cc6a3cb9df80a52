// Texts are tokenised in the caller's thread, which stays free meanwhile.
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it, vi } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import { createEngine } from '../../src/runtime/host';
import { failure } from '../support/generate';

const golden = (name: string): string => fileURLToPath(new URL(`../golden/encoders/${name}`, import.meta.url));
const engine = await createEngine({ worker: false, threads: 1 });
afterAll(() => engine.dispose());

it.each([
  ['embed', 'sentence-mean'],
  ['forward', 'sentence-mean'],
  ['classify', 'bert-classify'],
  ['classifyTokens', 'bert-token-classification'],
] as const)('%s of many long texts leaves the event loop its turns: an abort ends it midway', async (call, name) => {
  const encoder = await Encoder.fromPretrained(golden(name), { engine });
  const { tokenizer } = encoder;
  const encode = vi.spyOn(tokenizer, 'encode');
  const texts = Array.from({ length: 60 }, () => 'the river and the mill '.repeat(20_000));
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 0);
  const run = encoder[call].bind(encoder) as (texts: string[], options: object) => Promise<unknown>;
  const options = { truncation: true, maxLength: 8, signal: controller.signal };
  expect((await failure(run(texts, options))).code).toBe('ABORTED');
  expect(encode.mock.calls.length).toBeLessThan(texts.length);
  await encoder.dispose();
});
