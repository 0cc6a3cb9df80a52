// savePretrained and toFiles: every golden checkpoint comes back byte for byte, and with it the same bits of every output; what is
// held in another type; files beside the weights; folders that cannot be written.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import { Encoder } from '../../src/api/encoder';
import { Transformer } from '../../src/api/transformer';
import { Tensor } from '../../src/api/tensor';
import { WasmformerError } from '../../src/errors';
import { writeSafetensors } from '../../src/io/safetensors';
import { createEngine } from '../../src/runtime/host';
import { goldenFolder, goldenNames } from '../golden/load';
import { halfValue } from '../reference/layout';
import { readRaw, type RawTensor } from '../support/safetensors';

type Model = Encoder | Decoder | Transformer;
type Options = Parameters<typeof Encoder.fromPretrained>[1];
type Input = Parameters<typeof Encoder.fromPretrained>[0];

const engine = await createEngine({ threads: 1, worker: false });
const temporary = mkdtempSync(join(tmpdir(), 'save-'));
afterAll(async () => {
  await engine.dispose();
  rmSync(temporary, { recursive: true, force: true });
});

const CASES = ['encoders', 'decoders', 'transformers', 'texts'].flatMap((set) =>
  goldenNames(set).map((name) => ({ set, name })),
);

/** The class of a golden. */
function classOf(set: string, name: string): typeof Encoder | typeof Decoder | typeof Transformer {
  if (set === 'encoders' || name.startsWith('transformer-encoder')) return Encoder;
  return set !== 'transformers' || name.startsWith('transformer-decoder') ? Decoder : Transformer;
}

const load = (set: string, name: string, input: Input, options: Options = {}): Promise<Model> =>
  classOf(set, name).fromPretrained(input, { engine, ...options });

/** All that a model gives for some input. */
async function outputsOf(model: Model): Promise<Tensor[]> {
  const inputIds = [
    [5, 6, 7, 8, 3],
    [9, 4],
  ];
  const ids = inputIds.map((row) => [...row, ...Array.from({ length: 5 - row.length }, () => 0)]);
  const attentionMask = inputIds.map((row) => ids[0].map((_, i) => Number(i < row.length)));
  const d = 'hiddenSize' in model.info ? model.info.hiddenSize : 0;
  const embeds = new Tensor(
    Float32Array.from({ length: 2 * 5 * d }, (_, i) => Math.sin(i)),
    [2, 5, d],
  );
  const isStack = /^transformer_/.test(String(model.config.model_type));
  const options = { outputHiddenStates: true, outputAttentions: true };
  let result: object;
  if (model instanceof Transformer) {
    result = await model.forward(
      {
        inputIds: ids,
        attentionMask,
        decoderInputIds: [
          [1, 5, 9],
          [2, 7, 8],
        ],
      },
      options,
    );
  } else if (!isStack) {
    result = await model.forward({ inputIds: ids, attentionMask }, options);
  } else if (model instanceof Encoder) {
    result = await model.forward({ inputsEmbeds: embeds, attentionMask }, options);
  } else {
    result = await model.forward({ inputsEmbeds: embeds, encoderHiddenStates: embeds, attentionMask }, options);
  }
  return Object.values(result).flat() as Tensor[];
}

function expectBits(actual: readonly Tensor[], expected: readonly Tensor[]): void {
  const bytes = ({ data }: Tensor): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  expect(actual.map(({ dims }) => dims)).toEqual(expected.map(({ dims }) => dims));
  actual.forEach((tensor, i) => expect(bytes(tensor).equals(bytes(expected[i])), `output ${i}`).toBe(true));
}

function expectBytes(actual: RawTensor, expected: RawTensor, name: string): void {
  expect([actual.dtype, actual.dims], name).toEqual([expected.dtype, expected.dims]);
  expect(Buffer.from(actual.bytes).equals(expected.bytes), name).toBe(true);
}

/** Tensors of the goldens that their models do not use: buffers, copies of tied tables, heads of other tasks. */
const UNUSED =
  /position_ids$|\.(masked_)?bias$|inv_freq$|masked_bias|embed_tokens\.weight$|lm_head\.(weight|decoder)|EncDecAttention\.relative|positional_encoding|decoder\.(weight|bias)$|vocab_projector\.weight|embed_positions|pooler|cls\.|classifier|version/;

async function failure(promise: Promise<unknown>): Promise<WasmformerError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WasmformerError);
  return error as WasmformerError;
}

describe.each(CASES)('$set/$name', ({ set, name }) => {
  it('comes back from its folder as it was', async () => {
    const folder = goldenFolder(set, name);
    const model = await load(set, name, folder);
    const want = await outputsOf(model);
    const copy = join(temporary, set, name);
    await model.savePretrained(copy);
    await model.dispose();
    const original = readRaw(readFileSync(join(folder, 'model.safetensors'))).tensors;
    const { tensors, metadata } = readRaw(readFileSync(join(copy, 'model.safetensors')));
    expect(metadata).toEqual({ format: 'pt' });
    for (const [tensor, raw] of tensors) expectBytes(raw, original.get(tensor)!, tensor);
    expect([...original.keys()].filter((tensor) => !tensors.has(tensor) && !UNUSED.test(tensor))).toEqual([]);
    const files = readdirSync(copy, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const { name: file, parentPath } of files) {
      const path = join(parentPath, file);
      if (file === 'model.safetensors') continue;
      expect(readFileSync(path, 'utf8')).toBe(readFileSync(path.replace(copy, folder), 'utf8'));
    }
    const again = await load(set, name, copy);
    expectBits(await outputsOf(again), want);
    await again.dispose();
  });
});
