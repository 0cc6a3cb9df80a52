// Compares the built package with what make_models.py expects: logits, hidden states, greedy texts, beams and their scores, and the
// probabilities that samples are drawn from.
//
// usage: node test/fuzz/compare.mjs FOLDER       ends with code 1 if anything differs
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { camel, renamed } from './names.mjs';

const built = new URL('../../dist/node/index.js', import.meta.url);
const { createEngine, Decoder, Encoder, Transformer } = await import(built.href);
const [folder] = process.argv.slice(2);
const classes = { Decoder, Encoder, Transformer };
const engine = await createEngine({ threads: 1, worker: false });
let compared = 0;
let differing = 0;

function report(name, what, ...details) {
  differing++;
  console.log(`${name}: ${what}`, ...details);
}

/** The largest difference over what may be: 2e-5 of the scale of hidden states, 1e-4 of logits of scale up to 10. */
function excess(actual, { data }, isHidden) {
  const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const difference = data.reduce((most, value, i) => Math.max(most, Math.abs(value - actual.data[i])), 0);
  return difference / (isHidden ? 2e-5 * scale : 1e-4 * Math.max(1, scale / 10));
}

const everything = { outputHiddenStates: true, outputAttentions: true };

async function compareForward(name, model, { inputs, outputs }) {
  const result = await model.forward(inputs, everything);
  for (const [key, expected] of Object.entries(outputs)) {
    const [kind, layer] = key.split('.');
    const actual = layer === undefined ? result[camel(kind)] : result[camel(kind)]?.[layer];
    compared++;
    if (!actual || actual.data.length !== expected.data.length) {
      report(name, `${key} is ${actual ? `[${actual.dims}]` : 'lacking'} for [${expected.dims}]`);
    } else {
      const times = excess(actual, expected, key.includes('hidden'));
      if (!(times <= 1))
        report(name, `${key} of ${inputs.inputIds[0].length} tokens is off by ${times} times the bound`);
    }
  }
}

/** Rows of `width`, padded with id 0 on one side. */
function pad(rows, width, isLeft) {
  const padded = (row, filler) => (isLeft ? [...filler, ...row] : [...row, ...filler]);
  const fillers = rows.map((row) => Array(width - row.length).fill(0));
  return {
    ids: rows.map((row, i) => padded(row, fillers[i])),
    mask: rows.map((row, i) => padded(Array(row.length).fill(1), fillers[i])),
  };
}

/** All forward passes in one padded batch give the bits of each alone. */
async function compareBatch(name, model, passes, isLeft) {
  const inputs = {};
  const lengths = {};
  for (const [key, maskKey] of [
    ['inputIds', 'attentionMask'],
    ['decoderInputIds', 'decoderAttentionMask'],
  ]) {
    const rows = passes.map((pass) => pass.inputs[key]?.[0]);
    if (!rows[0]) continue;
    lengths[key] = rows.map((row) => row.length);
    const { ids, mask } = pad(rows, Math.max(...lengths[key]), isLeft);
    Object.assign(inputs, { [key]: ids, [maskKey]: mask });
  }
  const batch = await model.forward(inputs);
  for (const [i, pass] of passes.entries()) {
    const alone = await model.forward(pass.inputs);
    for (const [key, { dims, data }] of Object.entries(alone)) {
      compared++;
      const whole = batch[key];
      const tokens = key.startsWith('encoder') || !inputs.decoderInputIds ? 'inputIds' : 'decoderInputIds';
      const isByToken = dims[1] === lengths[tokens][i] && whole.dims[1] === Math.max(...lengths[tokens]);
      const size = whole.data.length / passes.length;
      const from = i * size + (isByToken && isLeft ? size - data.length : 0);
      const same = whole.data.subarray(from, from + data.length);
      if (!data.every((value, at) => Object.is(value, same[at])))
        report(name, `${key} of row ${i} in a batch padded on the ${isLeft ? 'left' : 'right'}`);
    }
  }
}

async function compareGenerate(name, model, { row, options, sequences, scores }) {
  const result = await model.generate(row, { doSample: false, ...renamed(options) }).result();
  const ids = result.sequences.map((sequence) => sequence.ids);
  compared++;
  if (JSON.stringify(ids) !== JSON.stringify(sequences)) {
    report(
      name,
      `generate(${JSON.stringify(options)}) of ${row}\n  ${JSON.stringify(ids)}\n  ${JSON.stringify(sequences)}`,
    );
  } else if (
    scores?.some((score, i) => !(Math.abs(score - result.sequences[i].score) <= 1e-4 * Math.max(1, Math.abs(score))))
  ) {
    report(
      name,
      'scores of beams',
      scores,
      result.sequences.map((sequence) => sequence.score),
    );
  }
}

/** The text's tokens are forced one after the other; then one is drawn, and tells the probabilities that it was drawn from. */
async function compareSample(name, model, { row, options, ids, steps }) {
  const all = { doSample: true, logprobs: steps[0].length };
  for (const [step, expected] of steps.entries()) {
    const force = (logits, at) => {
      if (at.step < step) logits.fill(-Infinity).fill(0, ids[at.step], ids[at.step] + 1);
    };
    const pieces = [];
    for await (const piece of model.generate(row, { ...all, ...renamed(options), logitsProcessors: [force] }))
      pieces.push(piece);
    compared++;
    const scale = Math.max(...expected.map((value) => Math.abs(value ?? 0)));
    const actual = new Map(pieces[step]?.topLogprobs.map(({ id, logprob }) => [id, logprob]));
    const wrong = expected.findIndex((value, id) =>
      value === null || !actual.has(id)
        ? (value !== null) !== actual.has(id)
        : !(Math.abs(value - actual.get(id)) <= 1e-4 * Math.max(1, scale / 10)),
    );
    if (wrong >= 0) {
      report(name, `draws with ${JSON.stringify(options)} after ${row} and ${ids.slice(0, step)}:`);
      console.log(`  token ${wrong}: ${actual.get(wrong)} for ${expected[wrong]}; ${actual.size} tokens`);
    }
  }
}

for (const name of readdirSync(folder).sort()) {
  const path = join(folder, name, 'expected.json');
  if (!existsSync(path)) continue;
  const expected = JSON.parse(readFileSync(path, 'utf8'));
  const before = differing;
  try {
    const model = await classes[expected.class].fromPretrained(join(folder, name), { engine });
    for (const one of expected.forward) await compareForward(name, model, one);
    for (const isLeft of [false, true]) await compareBatch(name, model, expected.forward, isLeft);
    for (const one of expected.generate) await compareGenerate(name, model, one);
    for (const one of expected.sample ?? []) await compareSample(name, model, one);
    await model.dispose();
  } catch (error) {
    report(name, `${error.code}: ${error.message}`);
  }
  if (differing > before) console.log(`  ${expected.name}`, JSON.stringify(expected.config));
}
await engine.dispose();
console.log(`${compared} compared, ${differing} differ`);
process.exitCode = differing > 0 ? 1 : 0;
