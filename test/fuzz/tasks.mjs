// Compares the built package with what make_tasks.py expects: answers, entities, labels, words for masks, and their scores.
//
// usage: node test/fuzz/tasks.mjs FOLDER       ends with code 1 if anything differs
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { camel } from './names.mjs';

const built = new URL('../../dist/node/index.js', import.meta.url);
const { createEngine, Encoder } = await import(built.href);
const [folder] = process.argv.slice(2);
/** Names that differ by more than their spelling. */
const NAMES = { max_answer_len: 'maxAnswerLength', max_seq_len: 'maxSequenceLength' };
/** No question is cut here. */
const LEFT_OUT = ['max_question_len'];
const PLACES = ['start', 'end'];

const renamed = (object) =>
  Object.fromEntries(
    Object.entries(object)
      .filter(([name]) => !LEFT_OUT.includes(name))
      .map(([name, value]) => [NAMES[name] ?? camel(name), value]),
  );

/** Calls by the pipelines' names: the result, and the text that its places are in. */
const TASKS = {
  'question-answering': (model, inputs, options) => [model.answer(inputs, options), inputs.context],
  'token-classification': (model, { inputs }, options) => [model.classifyTokens(inputs, options), inputs],
  'text-classification': (model, { inputs: { text, text_pair: textPair } }, options) => [
    model.classify({ text, textPair }, options),
  ],
  'fill-mask': (model, { inputs }, options) => [model.fillMask(inputs, options)],
};

/** Lists of a pipeline are lists of lists in some calls, and one result alone is none. */
const flat = (result) => [result].flat(2);

/** Answers of probability 0 are those that the pipeline could not drop. */
const isNothing = ({ answer, score }) => answer !== undefined && score === 0;

function isSame(actual, expected, text) {
  return Object.entries(renamed(expected)).every(([name, value]) => {
    if (name === 'score') return Math.abs(actual.score - value) <= 2e-5 + 2e-4 * Math.abs(value);
    // Python's places are of characters
    if (PLACES.includes(name)) return actual[name] === [...text].slice(0, value).join('').length;
    return actual[name] === value;
  });
}

const engine = await createEngine({ threads: 1, worker: false });
let compared = 0;
let differing = 0;
for (const name of readdirSync(folder)) {
  const { task, cases } = JSON.parse(readFileSync(join(folder, name, 'cases.json'), 'utf8'));
  const model = await Encoder.fromPretrained(join(folder, name), { engine });
  for (const { inputs, options, expected } of cases) {
    compared++;
    let found;
    try {
      const [result, text] = TASKS[task](model, inputs, renamed(options));
      found = flat(await result);
      const wanted = flat(expected).filter((one) => !isNothing(one));
      const kept = found.filter((one) => !isNothing(one));
      if (kept.length === wanted.length && kept.every((one, i) => isSame(one, wanted[i], text))) continue;
    } catch (error) {
      found = error.stack;
    }
    differing++;
    console.log(`${name} ${task}`, JSON.stringify({ inputs, options, expected }), '\n  here:', found);
  }
  await model.dispose();
}
await engine.dispose();
console.log(`${compared} calls, ${differing} differ`);
process.exitCode = differing > 0 ? 1 : 0;
