// The committed story model: the texts and losses that PyTorch computes from its weights, and drawn stories that its grammar can tell.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import { createEngine, type Engine } from '../../src/runtime/host';

interface Expected {
  maxNewTokens: number;
  /** The likeliest continuations; `grammatical`: prompt and text are a story of the grammar. */
  greedy: { prompt: string; inputIds: number[]; ids: number[]; text: string; grammatical: boolean }[];
  /** Mean cross-entropy, in nats, of all tokens behind the first. */
  losses: { text: string; inputIds: number[]; loss: number }[];
}

const folder = fileURLToPath(new URL('../../models/stories/', import.meta.url));
const training = fileURLToPath(new URL('../../models/training/', import.meta.url));
const expected = JSON.parse(
  readFileSync(new URL('../golden/models/stories.json', import.meta.url), 'utf8'),
) as Expected;
const greedy = { doSample: false, maxNewTokens: expected.maxNewTokens };

let engine: Engine;
let model: Decoder;
beforeAll(async () => {
  engine = await createEngine({ threads: 1, worker: false });
  model = await Decoder.fromPretrained(folder, { engine });
});
afterAll(() => engine.dispose());

/** -log p of every next id, in f64 from our logits. */
function crossEntropies(logits: Float32Array, width: number, next: readonly number[]): number[] {
  return next.map((id, row) => {
    const scores = logits.subarray(row * width, (row + 1) * width);
    const highest = scores.reduce((a, b) => Math.max(a, b));
    return highest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - highest), 0)) - scores[id];
  });
}

/** Which of the texts the grammar can tell; null where there is no Python. */
function parsed(texts: readonly string[]): boolean[] | null {
  const code =
    'import json, sys; from grammar import parse; print(json.dumps([parse(t) is not None for t in json.load(sys.stdin)]))';
  const { status, stdout, error } = spawnSync('python3', ['-B', '-c', code], {
    cwd: training,
    input: JSON.stringify(texts),
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') return null;
  expect(status).toBe(0);
  return JSON.parse(stdout) as boolean[];
}

describe('models/stories', () => {
  it.each(expected.greedy)('the likeliest text behind "$prompt"', async ({ prompt, inputIds, ids, text }) => {
    expect(Array.from(model.tokenizer!.encode(prompt).ids)).toEqual(inputIds);
    const stream = model.generate(prompt, greedy);
    const pieces: string[] = [];
    for await (const piece of stream) pieces.push(piece.text);
    const result = await stream.result();
    expect(result.ids).toEqual(ids);
    expect(result.text).toBe(text);
    expect(pieces.join('')).toBe(text);
    expect(pieces.length).toBeGreaterThan(10);
    expect(result.finishReason).toBe('eos');
  });

  it('has the losses of PyTorch on stories that it was not trained on', async () => {
    for (const { text, inputIds, loss } of expected.losses) {
      const next = inputIds.slice(1);
      expect(Array.from(model.tokenizer!.encode(text).ids)).toEqual(inputIds.slice(0, -1));
      const { logits } = await model.forward({ inputIds: [inputIds] });
      const values = crossEntropies(logits!.data, model.info.vocabSize, next);
      expect(Math.abs(values.reduce((a, b) => a + b) / next.length - loss)).toBeLessThan(1e-3);
    }
  });

  it('draws by itself, from a seed, stories that the grammar can tell', async ({ skip }) => {
    const draw = (seed: number): Promise<string> =>
      model
        .generate('', { seed })
        .result()
        .then(({ text }) => text);
    const texts = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(draw));
    expect(new Set(texts).size).toBe(texts.length);
    expect(await draw(1)).toBe(texts[0]);
    const told = parsed(texts) ?? skip('no python3');
    // about four of five are stories of the grammar to the last word (the model card)
    expect(told.filter(Boolean).length).toBeGreaterThanOrEqual(5);
  });
});
