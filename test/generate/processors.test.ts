// Processors and warpers against GenerationMixin._get_logits_processor, whole configurations at a time.
import { describe, expect, it } from 'vitest';
import { createProcessor, resolveGeneration, Tokens } from '../../src/generate/index';
import { lengthLimits } from '../../src/generate/config';
import { renormalize } from '../../src/generate/processors';
import { createWarper } from '../../src/generate/warpers';
import { processorGoldens, settingsOf } from './golden';

const { vocabSize, maxLength, cases } = processorGoldens;

describe('processors of transformers', () => {
  for (const [index, golden] of cases.entries()) {
    it(`${index}: ${JSON.stringify(golden.options)} after ${golden.promptLength} of ${golden.ids.length}`, () => {
      const { promptLength, ids, encoderIds } = golden;
      const settings = settingsOf({ max_length: maxLength, ...golden.options });
      const limits = lengthLimits(settings, promptLength);
      const process = createProcessor(settings, { vocabSize, promptLength, encoderIds, ...limits });
      const scores = Float32Array.from(golden.scores);
      process?.(scores, new Tokens(ids));
      if (settings.doSample) createWarper(settings, vocabSize)?.(scores);
      renormalize(settings)?.(scores);
      for (const [i, score] of scores.entries()) {
        const expected = Number(golden.expected[i] === '-inf' ? -Infinity : golden.expected[i]);
        if (Number.isFinite(expected))
          expect(Math.abs(score - expected)).toBeLessThanOrEqual(1e-6 * Math.abs(expected) + 1e-7);
        else expect(score).toBe(expected);
      }
    });
  }
});

describe('presence and frequency penalties', () => {
  it('count generated tokens only', () => {
    const settings = resolveGeneration({ presencePenalty: 0.5, frequencyPenalty: 0.25 });
    const process = createProcessor(settings, {
      vocabSize: 4,
      promptLength: 2,
      minLength: 0,
      maxLength: 9,
      encoderIds: [],
    });
    const scores = Float32Array.of(1, 1, 1, 1);
    process!(scores, new Tokens([0, 1, 1, 2, 2]));
    expect([...scores]).toEqual([1, 0.25, 0, 1]);
    const again = Float32Array.of(1, 1, 1, 1);
    process!(again, new Tokens([0, 1, 3]));
    expect([...again]).toEqual([1, 1, 1, 0.25]);
  });
});
