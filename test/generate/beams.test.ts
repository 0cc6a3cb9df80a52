// Beam search and greedy search against transformers' own on the toy model: ids, scores, order.
import { describe, expect, it } from 'vitest';
import { BeamSearch, endOf, lengthLimits, TokenChooser, Tokens } from '../../src/generate/index';
import type { BeamOptions, BeamResult, GenerationSettings } from '../../src/generate/index';
import { beamGoldens, settingsOf, Toy, type BeamCase } from './golden';

function optionsOf(toy: Toy, source: readonly number[], settings: GenerationSettings): BeamOptions {
  const prompt = toy.promptOf(source);
  return {
    settings,
    prompt,
    vocabSize: toy.vocabSize,
    promptLength: prompt.length,
    encoderIds: source,
    ...lengthLimits(settings, prompt.length),
  };
}

function writeRows(toy: Toy, search: BeamSearch, source: readonly number[]): Float32Array {
  const logits = new Float32Array(search.rows * toy.vocabSize);
  for (const [row, tokens] of search.beams.entries()) {
    toy.write(logits.subarray(row * toy.vocabSize), tokens.ids, tokens.length, source);
  }
  return logits;
}

/** Runs a search; checks on the way that parents and tokens say how the beams came about. */
function searchOf(toy: Toy, source: readonly number[], options: BeamOptions, steps = 200): BeamResult[] {
  const search = new BeamSearch(options);
  for (let step = 0; step < steps && !search.done; step++) {
    const before = search.beams.map((tokens) => [...tokens.slice()]);
    const { parents, tokens } = search.step(writeRows(toy, search, source));
    const after = search.beams.map((beam) => [...beam.slice()]);
    expect(after).toEqual(Array.from(parents, (parent, b) => [...before[parent], tokens[b]]));
  }
  return search.finish();
}

function greedy(toy: Toy, source: readonly number[], options: BeamOptions): number[] {
  const { settings, prompt, maxLength } = options;
  const chooser = new TokenChooser(settings, options);
  const tokens = new Tokens(prompt);
  const logits = new Float32Array(toy.vocabSize);
  for (;;) {
    toy.write(logits, tokens.ids, tokens.length, source);
    const id = chooser.next(logits, tokens);
    tokens.push(id);
    if (endOf(id, tokens.length, settings.eosTokenId, maxLength)) return [...tokens.slice(prompt.length)];
  }
}

const title = ({ model, prompts, options }: BeamCase): string =>
  `${model.encoderDecoder ? 'encoder-decoder' : 'decoder'}, ${prompts.length} prompts, ${JSON.stringify(options)}`;

describe('searches of transformers', () => {
  for (const [index, golden] of beamGoldens.cases.entries()) {
    it(`${index}: ${title(golden)}`, () => {
      const toy = new Toy(golden.model);
      const settings = settingsOf(golden.options);
      for (const [i, source] of golden.prompts.entries()) {
        const options = optionsOf(toy, source, settings);
        const expected = golden.expected[i];
        if (settings.numBeams === 1) {
          expect(greedy(toy, source, options)).toEqual(expected[0].ids);
          continue;
        }
        const results = searchOf(toy, source, options);
        expect(results.map(({ ids }) => [...ids])).toEqual(expected.map(({ ids }) => ids));
        for (const [r, { score, logprobs }] of results.entries()) {
          expect(Math.abs(score - expected[r].score!)).toBeLessThan(1e-5);
          expect(logprobs.length).toBe(expected[r].logprobs!.length);
          for (const [t, logprob] of logprobs.entries()) {
            expect(Math.abs(logprob - expected[r].logprobs![t])).toBeLessThan(1e-5);
          }
        }
      }
    });
  }
});
