// Transformer on a real checkpoint, and on configs that say what cannot be.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Transformer } from '../../src/api/transformer';
import { createEngine } from '../../src/runtime/host';
import { hasModel, modelsDir } from '../support/models';

const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());

interface Word {
  word: string;
  input_ids: number[];
  /** With the start token. */
  output_ids: number[];
  /** Not of every word. */
  first_step_logits: number[] | null;
  encoder_last_hidden_first8: number[] | null;
}

/** The ids of the largest logits, until eos. */
async function greedy(model: Transformer, inputIds: number[], start: number, eos: number): Promise<number[]> {
  const ids = [start];
  while (ids.at(-1) !== eos && ids.length < 64) {
    const { logits } = await model.forward({ inputIds: [inputIds], decoderInputIds: [ids] });
    const [, tokens, vocabulary] = logits.dims;
    const last = logits.data.subarray((tokens - 1) * vocabulary);
    ids.push(last.indexOf(Math.max(...last)));
  }
  return ids;
}

describe.runIf(hasModel('g2p-bart-us'))('g2p-bart-us', () => {
  const folder = `${modelsDir}/g2p-bart-us`;
  const { cases } = JSON.parse(readFileSync(`${folder}/expected_greedy_numpy.json`, 'utf8')) as { cases: Word[] };

  it('gives the reference its greedy phonemes, first logits and encodings', async () => {
    const model = await Transformer.fromPretrained(folder, { engine });
    for (const { word, input_ids, output_ids, first_step_logits, encoder_last_hidden_first8 } of cases) {
      const { logits, encoderLastHiddenState } = await model.forward({
        inputIds: [input_ids],
        decoderInputIds: [[output_ids[0]]],
      });
      first_step_logits?.forEach((value, i) => expect(Math.abs(value - logits.data[i]), word).toBeLessThan(1e-4));
      encoder_last_hidden_first8?.forEach((value, i) =>
        expect(Math.abs(value - encoderLastHiddenState.data[i]), word).toBeLessThan(1e-5),
      );
      expect(await greedy(model, input_ids, output_ids[0], 2), word).toEqual(output_ids);
    }
    await model.dispose();
  });
});
