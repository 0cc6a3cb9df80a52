// The goldens themselves: complete, finite, and the same rows wherever a batch is padded.
import { describe, expect, it } from 'vitest';
import { decoderFolder, decoderGoldens, readDecoderForward, readDecoderTexts } from './decoders/load';
import { rowLengths, sums, type ExpectedTensor, type ExpectedTexts } from './load';
import {
  readStack,
  readTransformerForward,
  readTransformerTexts,
  stackGoldens,
  transformerFolder,
  transformerGoldens,
} from './transformers/load';

function expectFinite(tensors: Map<string, ExpectedTensor>): void {
  for (const [name, { data, dims }] of tensors) {
    expect(data.length, name).toBe(dims.reduce((a, b) => a * b, 1));
    expect(data.every(Number.isFinite), name).toBe(true);
  }
}

/** Every row of every map sums to 1, or to 0 where it is padding. */
function expectMaps(tensors: Map<string, ExpectedTensor>, rows: Record<string, string>): void {
  for (const [name, { data, dims }] of tensors) {
    const kind = Object.keys(rows).find((prefix) => name.startsWith(prefix));
    if (!kind) continue;
    const [n, heads, queries, keys] = dims;
    const mask = tensors.get(rows[kind])!;
    sums(data, keys).forEach((sum, at) => {
      const row = Math.floor(at / (heads * queries)) * queries + (at % queries);
      expect(Math.abs(sum - mask.data[row])).toBeLessThan(1e-5);
    });
    expect(data.length).toBe(n * heads * queries * keys);
  }
}

function expectTexts({ greedy, beams = [] }: ExpectedTexts): void {
  expect(greedy.length).toBe(3);
  for (const { ids, options } of greedy) expect(ids.length).toBeLessThanOrEqual(options.maxNewTokens);
  for (const { sequences, scores, options } of beams) {
    expect(sequences.length).toBe(options.numReturnSequences);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  }
}

describe('decoders', () => {
  it.each(decoderGoldens)('%s', (name) => {
    expect(decoderFolder(name)).toMatch(/decoders/);
    const right = readDecoderForward(name, 'right');
    const left = readDecoderForward(name, 'left');
    expectFinite(right);
    for (const tensors of [right, left]) expectMaps(tensors, { attentions: 'attention_mask' });
    expect(rowLengths(left.get('attention_mask')!)).toEqual(rowLengths(right.get('attention_mask')!));
    expectTexts(readDecoderTexts(name));
  });
});

describe('encoder-decoders', () => {
  it.each(transformerGoldens)('%s', (name) => {
    expect(transformerFolder(name)).toMatch(/transformers/);
    const right = readTransformerForward(name, 'right');
    expectFinite(right);
    for (const tensors of [right, readTransformerForward(name, 'left')])
      expectMaps(tensors, {
        encoder_attentions: 'attention_mask',
        decoder_attentions: 'decoder_attention_mask',
        cross_attentions: 'decoder_attention_mask',
      });
    expectTexts(readTransformerTexts(name));
  });

  it.each(stackGoldens)('%s', (name) => {
    const tensors = readStack(name);
    expectFinite(tensors);
    const cases = ['boolean', 'additive', 'causal', ...(name.includes('decoder') ? [] : ['padding'])];
    for (const one of cases) expect(tensors.has(`${one}.last_hidden_state`)).toBe(true);
  });
});
