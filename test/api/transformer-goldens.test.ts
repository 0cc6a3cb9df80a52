// Transformer end to end on the committed goldens: hidden states, attention maps and logits of PyTorch in f64, for every
// encoder-decoder that is there.
import { afterAll, describe, expect, it } from 'vitest';
import { Tensor } from '../../src/api/tensor';
import { Transformer, type TransformerInput, type TransformerOutput } from '../../src/api/transformer';
import { createEngine, type Engine } from '../../src/runtime/host';
import type { ExpectedTensor, Side } from '../golden/load';
import { readTransformerForward, transformerFolder, transformerGoldens } from '../golden/transformers/load';

const engines = await Promise.all([1, 2].map((threads) => createEngine({ threads, worker: false })));
afterAll(() => Promise.all(engines.map((engine) => engine.dispose())));

const load = (name: string, engine: Engine = engines[0]): Promise<Transformer> =>
  Transformer.fromPretrained(transformerFolder(name), { engine });

const ALL = { outputHiddenStates: true, outputAttentions: true };

/** Largest difference, and the largest expected magnitude. Padding is zero on both sides. */
function compare(actual: Tensor, { dims, data }: ExpectedTensor): { difference: number; scale: number } {
  expect([...actual.dims]).toEqual(dims);
  let [difference, scale] = [0, 0];
  data.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - Number(actual.data[i])));
    scale = Math.max(scale, Math.abs(value));
  });
  return { difference, scale };
}

function inputsOf(expected: Map<string, ExpectedTensor>): TransformerInput {
  const tensor = (key: string): Tensor => {
    const { data, dims } = expected.get(key)!;
    return new Tensor(data, dims);
  };
  return {
    inputIds: tensor('input_ids'),
    attentionMask: tensor('attention_mask'),
    decoderInputIds: tensor('decoder_input_ids'),
    decoderAttentionMask: tensor('decoder_attention_mask'),
  };
}

/** The results as the goldens name them. */
function named(result: TransformerOutput): Map<string, Tensor> {
  const out = new Map<string, Tensor>([
    ['logits', result.logits],
    ['encoder_last_hidden_state', result.encoderLastHiddenState],
  ]);
  const groups = {
    encoder_hidden_states: result.encoderHiddenStates,
    decoder_hidden_states: result.decoderHiddenStates,
    encoder_attentions: result.encoderAttentions,
    decoder_attentions: result.decoderAttentions,
    cross_attentions: result.crossAttentions,
  };
  for (const [group, tensors] of Object.entries(groups))
    tensors!.forEach((tensor, i) => out.set(`${group}.${i}`, tensor));
  return out;
}

/** The same bits; toEqual would take minutes on large maps. */
function expectBits(actual: Tensor, expected: Tensor, what: string): void {
  const bytes = ({ data }: Tensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  expect(actual.dims, what).toEqual(expected.dims);
  expect(Buffer.compare(bytes(actual), bytes(expected)), what).toBe(0);
}

/** The unpadded row of a tensor [rows, t]. */
function row({ data, dims: [, width] }: ExpectedTensor, mask: ExpectedTensor, at: number): number[] {
  return Array.from(data.subarray(at * width, (at + 1) * width)).filter((_, i) => mask.data[at * width + i] === 1);
}

describe.each(transformerGoldens)('%s', (name) => {
  it.each<Side>(['right', 'left'])('forward equals PyTorch, padded on the %s', async (side) => {
    const expected = readTransformerForward(name, side);
    const model = await load(name);
    const result = await model.forward(inputsOf(expected), ALL);
    const tensors = named(result);
    const outputs = [...expected.keys()].filter((key) => !/_ids$|_mask$/.test(key));
    expect([...tensors.keys()].sort()).toEqual(outputs.sort());
    for (const [key, actual] of tensors) {
      const { difference, scale } = compare(actual, expected.get(key)!);
      if (key.includes('hidden_state')) expect(difference / scale, key).toBeLessThan(2e-5);
      else expect(difference, key).toBeLessThan(key === 'logits' ? 1e-4 : 2e-5);
    }
    expectBits(result.decoderHiddenStates!.at(-1)!, result.lastHiddenState, 'the last hidden state');
    expectBits(result.encoderHiddenStates!.at(-1)!, result.encoderLastHiddenState, "the encoder's last hidden state");
    await model.dispose();
  });

  it('a batch gives the bits of each pair alone, with 1 and 2 threads', async () => {
    const expected = readTransformerForward(name, 'left');
    const inputs = inputsOf(expected);
    const sourceMask = expected.get('attention_mask')!;
    const targetMask = expected.get('decoder_attention_mask')!;
    const models = await Promise.all(engines.map((engine) => load(name, engine)));
    const [one, two] = await Promise.all(models.map((model) => model.forward(inputs, ALL)));
    const [ofOne, ofTwo] = [named(one), named(two)];
    expect([...ofTwo.keys()]).toEqual([...ofOne.keys()]);
    for (const [key, tensor] of ofTwo) expectBits(tensor, ofOne.get(key)!, key);
    const plain = await models[1].forward(inputs);
    expectBits(plain.logits, one.logits, 'logits without the rest');
    for (let i = 0; i < sourceMask.dims[0]; i++) {
      const source = row(expected.get('input_ids')!, sourceMask, i);
      const target = row(expected.get('decoder_input_ids')!, targetMask, i);
      const alone = await models[0].forward({ inputIds: [source], decoderInputIds: [target] });
      for (const [batch, single, length] of [
        [one.logits, alone.logits, target.length],
        [one.lastHiddenState, alone.lastHiddenState, target.length],
        [one.encoderLastHiddenState, alone.encoderLastHiddenState, source.length],
      ] as const) {
        const [, width, d] = batch.dims;
        const part = batch.data.slice(((i + 1) * width - length) * d, (i + 1) * width * d);
        expectBits(single, new Tensor(part, [1, length, d]), `pair ${i}`);
      }
    }
    await Promise.all(models.map((model) => model.dispose()));
  });
});
