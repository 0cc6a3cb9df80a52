// Encoder end to end on the committed goldens: hidden states, attention maps and logits of Hugging Face, its pipelines' and
// sentence-transformers' results.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import { Tensor } from '../../src/api/tensor';
import { createEngine } from '../../src/runtime/host';
import { readExpectedTensors, readGoldenJson, type ExpectedTensor } from '../golden/encoders/load';
import { absolute, expectMaps, relative } from '../support/compare';

const root = fileURLToPath(new URL('../golden/encoders/', import.meta.url));
const goldens = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'build' && entry.name !== '__pycache__')
  .map((entry) => entry.name);
const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());
const load = (name: string): Promise<Encoder> => Encoder.fromPretrained(`${root}${name}`, { engine });

describe.each(goldens.filter((name) => !name.startsWith('sentence-')))('%s', (name) => {
  const expected = readExpectedTensors(name);
  const sides = ['right', 'left'].filter((side) => expected.has(`${side}.input_ids`));

  it.each(sides)('forward equals PyTorch, padded on the %s', async (side) => {
    const model = await load(name);
    const get = (key: string): ExpectedTensor | undefined => expected.get(`${side}.${key}`);
    const tensor = (key: string): Tensor | undefined => {
      const found = get(key);
      return found && new Tensor(found.data, found.dims);
    };
    const mask = get('attention_mask')!.data as Int32Array;
    const result = await model.forward(
      {
        inputIds: tensor('input_ids')!,
        attentionMask: tensor('attention_mask'),
        tokenTypeIds: tensor('token_type_ids'),
      },
      { outputHiddenStates: true, outputAttentions: true },
    );
    // the one-layer goldens store outputs only
    if (expected.has(`${side}.hidden_states.0`)) {
      result.hiddenStates!.forEach((state, i) =>
        expect(relative(state, get(`hidden_states.${i}`)!, mask)).toBeLessThan(2e-5),
      );
      result.attentions!.forEach((map, i) => expectMaps(map, get(`attentions.${i}`)!, mask));
    }
    expect(result.hiddenStates!.at(-1)!.data).toEqual(result.lastHiddenState.data);
    // padded rows are zero
    const width = model.info.hiddenSize;
    mask.forEach((kept, row) => {
      if (!kept)
        expect(result.lastHiddenState.data.subarray(row * width, (row + 1) * width).every((value) => value === 0)).toBe(
          true,
        );
    });
    const outputs = {
      pooler_output: result.poolerOutput,
      logits: result.logits,
      prediction_logits: result.predictionLogits,
      seq_relationship_logits: result.seqRelationshipLogits,
      start_logits: result.startLogits,
      end_logits: result.endLogits,
    };
    let compared = 0;
    for (const [key, actual] of Object.entries(outputs)) {
      const want = get(key);
      if (!want) continue;
      compared++;
      const perToken = want.dims.length > 1 && want.dims[0] * want.dims[1] === mask.length;
      expect(absolute(actual!, want, perToken ? mask : undefined)).toBeLessThan(1e-4);
    }
    if (model.info.head) expect(compared).toBeGreaterThan(0);
    await model.dispose();
  });
});

interface Task {
  task: string;
  text?: string;
  textPair?: string | null;
  question?: string;
  context?: string;
  options?: Record<string, unknown>;
  texts?: string[];
  embeddings?: string;
  problemType?: string | null;
  result: unknown;
}

/** Equal, with numbers within 2e-5 of each other. */
function expectClose(actual: unknown, expected: unknown, at = ''): void {
  if (typeof expected === 'number' && typeof actual === 'number') {
    expect(Math.abs(actual - expected), `${at}: ${actual} for ${expected}`).toBeLessThan(2e-5);
  } else if (Array.isArray(expected)) {
    expect(Array.isArray(actual), at).toBe(true);
    expect((actual as unknown[]).length, at).toBe(expected.length);
    expected.forEach((item, i) => expectClose((actual as unknown[])[i], item, `${at}[${i}]`));
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object).sort(), at).toEqual(Object.keys(expected).sort());
    for (const [key, item] of Object.entries(expected))
      expectClose((actual as Record<string, unknown>)[key], item, `${at}.${key}`);
  } else {
    expect(actual, at).toEqual(expected);
  }
}

const withTasks = goldens.filter((name) => {
  try {
    return readGoldenJson<{ tasks: Task[] }>(name, 'expected.json').tasks.length > 0;
  } catch {
    return false;
  }
});

describe.each(withTasks)('%s: tasks', (name) => {
  const { tasks } = readGoldenJson<{ tasks: Task[] }>(name, 'expected.json');

  it(`gives the pipeline's results (${tasks.length})`, async () => {
    const model = await load(name);
    const { problem_type = null } = model.config;
    for (const {
      problemType = problem_type,
      task,
      text,
      textPair,
      question,
      context,
      options = {},
      texts,
      embeddings,
      result,
    } of tasks) {
      switch (task) {
        case 'embed': {
          const want = readExpectedTensors(name).get(embeddings!)!;
          expect(absolute(await model.embed(texts!, options), want)).toBeLessThan(2e-6);
          break;
        }
        case 'fill-mask':
          expectClose(await model.fillMask(text!, options), result);
          break;
        case 'text-classification':
          // a golden with another problem type than the config's is for the pure function
          if (problemType !== problem_type) break;
          expectClose(await model.classify(textPair ? { text: text!, textPair } : text!, options), result);
          break;
        case 'token-classification':
          expectClose(await model.classifyTokens(text!, options), result);
          break;
        case 'question-answering': {
          const answers = await model.answer({ question: question!, context: context! }, options);
          expectClose(Array.isArray(answers) ? answers : [answers], result);
          break;
        }
        case 'next-sentence':
          expectClose(await model.isNextSentence(text!, textPair!), result);
          break;
        case 'rerank':
          // with other configs: search.test.ts
          break;
        default:
          throw new Error(`unknown task ${task}`);
      }
    }
    await model.dispose();
  });
});
