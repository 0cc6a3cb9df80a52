// Decoder's forward pass on the committed goldens and on real checkpoints: hidden states, attention maps and logits of Hugging
// Face and of published runs; the same bits for any number of threads and any batch, and however a config spells its keys.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Decoder, type DecoderOutput } from '../../src/api/decoder';
import { Tensor } from '../../src/api/tensor';
import { writeSafetensors } from '../../src/io/safetensors-write';
import { createEngine, type Engine } from '../../src/runtime/host';
import { decoderFolder, decoderGoldens, readDecoderForward } from '../golden/decoders/load';
import { readSafetensors, rowLengths, type ExpectedTensor } from '../golden/load';
import { absolute, expectMaps, relative } from '../support/compare';
import { hasModel, modelsDir } from '../support/models';

const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());

const EVERYTHING = { outputHiddenStates: true, outputAttentions: true };

/** All tensors of an output, by name. */
function tensorsOf(output: DecoderOutput): Map<string, Tensor<Float32Array>> {
  const { logits, lastHiddenState, hiddenStates = [], attentions = [] } = output;
  const named = new Map([['lastHiddenState', lastHiddenState]]);
  if (logits) named.set('logits', logits);
  hiddenStates.forEach((state, i) => named.set(`hiddenStates.${i}`, state));
  attentions.forEach((map, i) => named.set(`attentions.${i}`, map));
  return named;
}

/** The ids of every sequence, without padding. */
function rowsOf({ dims: [n, t], data }: ExpectedTensor, lengths: readonly number[]): number[][] {
  return Array.from({ length: n }, (_, row) => Array.from(data.subarray(row * t, row * t + lengths[row])));
}

describe.each(decoderGoldens)('%s', (name) => {
  const right = readDecoderForward(name, 'right');
  const lengths = rowLengths(right.get('attention_mask')!);
  let model: Decoder;
  beforeAll(async () => {
    model = await Decoder.fromPretrained(decoderFolder(name), { engine });
  });
  afterAll(() => model.dispose());

  it.each(['right', 'left'] as const)('forward equals PyTorch, padded on the %s', async (side) => {
    const expected = readDecoderForward(name, side);
    const get = (key: string): ExpectedTensor => expected.get(key)!;
    const mask = get('attention_mask');
    const ids = get('input_ids');
    const result = await model.forward(
      { inputIds: new Tensor(ids.data, ids.dims), attentionMask: new Tensor(mask.data, mask.dims) },
      EVERYTHING,
    );
    const worst = (states: readonly Tensor[], key: string): number[] =>
      states.map((state, i) => relative(state, get(`${key}.${i}`), mask.data));
    expect(Math.max(...worst(result.hiddenStates!, 'hidden_states'))).toBeLessThan(2e-5);
    expect(expected.has(`hidden_states.${result.hiddenStates!.length}`)).toBe(false);
    result.attentions!.forEach((map, i) => expectMaps(map, get(`attentions.${i}`), mask.data));
    expect(expected.has(`attentions.${result.attentions!.length}`)).toBe(false);
    expect(absolute(result.logits!, get('logits'), mask.data)).toBeLessThan(1e-4);
    expect(result.hiddenStates!.at(-1)!.data).toEqual(result.lastHiddenState.data);
    const width = model.info.vocabSize;
    mask.data.forEach((kept, row) => {
      const values = result.logits!.data.subarray(row * width, (row + 1) * width);
      if (!kept) expect(values.every((value) => value === 0)).toBe(true);
    });
  });

  it('gives the same bits for 1 and 2 threads, alone and in a batch', async () => {
    await using pair: Engine = await createEngine({ threads: 2, worker: false });
    await using twin = await Decoder.fromPretrained(decoderFolder(name), { engine: pair });
    const rows = rowsOf(right.get('input_ids')!, lengths);
    const batch = tensorsOf(await model.forward({ inputIds: padded(rows), attentionMask: masks(rows) }, EVERYTHING));
    const other = tensorsOf(await twin.forward({ inputIds: padded(rows), attentionMask: masks(rows) }, EVERYTHING));
    for (const [key, { data }] of batch) expect(other.get(key)!.data, key).toEqual(data);
    for (const [row, ids] of rows.entries()) {
      const alone = tensorsOf(await model.forward({ inputIds: [ids] }, EVERYTHING));
      for (const [key, tensor] of alone) expectPart(batch.get(key)!, tensor, row, key);
    }
  });
});

const padded = (rows: readonly number[][]): number[][] => {
  const width = Math.max(...rows.map((row) => row.length));
  return rows.map((row) => [...row, ...new Array<number>(width - row.length).fill(0)]);
};
const masks = (rows: readonly number[][]): number[][] => padded(rows.map((row) => row.map(() => 1)));

/** What a sequence gave alone is what stands in its row of a batch that is padded on the right. */
function expectPart(batch: Tensor<Float32Array>, alone: Tensor<Float32Array>, row: number, key: string): void {
  const [, ...dims] = batch.dims;
  const own = alone.dims.slice(1);
  const size = dims.reduce((a, b) => a * b, 1);
  const stride = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1));
  const inner = own.map((_, axis) => own.slice(axis + 1).reduce((a, b) => a * b, 1));
  const part = Float32Array.from(alone.data, (_, at) =>
    own.reduce((from, dim, axis) => from + (Math.floor(at / inner[axis]) % dim) * stride[axis], row * size),
  ).map((from) => batch.data[from]);
  expect(part, key).toEqual(alone.data);
}

/** A golden with another config, in memory. */
function variant(name: string, change: (config: Record<string, unknown>) => Record<string, unknown>): Promise<Decoder> {
  const read = (file: string): Buffer => readFileSync(`${decoderFolder(name)}/${file}`);
  const config = change(JSON.parse(read('config.json').toString()) as Record<string, unknown>);
  return Decoder.fromPretrained(
    { 'config.json': JSON.stringify(config), 'model.safetensors': new Uint8Array(read('model.safetensors')) },
    { engine },
  );
}

const without = (config: Record<string, unknown>, ...keys: string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key)));

/** The config under other keys. */
const renamed = (config: Record<string, unknown>, names: Record<string, string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [names[key] ?? key, value]));

const GPT_NAMES = {
  n_embd: 'hidden_size',
  n_head: 'num_attention_heads',
  n_layer: 'num_hidden_layers',
  n_positions: 'max_position_embeddings',
};

const spellings: [string, string, (config: Record<string, unknown>) => Record<string, unknown>][] = [
  ['gpt2', 'the names that all models share', (config) => renamed(config, GPT_NAMES)],
  ['openai-gpt', 'the names that all models share', (config) => renamed(config, GPT_NAMES)],
  [
    'gpt2',
    'defaults left out',
    (config) => without(config, 'activation_function', 'layer_norm_epsilon', 'n_inner', 'scale_attn_weights'),
  ],
  ['gpt2', 'no architectures', (config) => without(config, 'architectures')],
  [
    'bloom',
    'the names of its first version',
    (config) =>
      renamed(config, { hidden_size: 'n_embed', n_layer: 'num_hidden_layers', n_head: 'num_attention_heads' }),
  ],
  [
    'gpt-neox',
    'rope_parameters',
    ({ rotary_pct, rotary_emb_base, ...config }) => ({
      ...without(config, 'rope_scaling', 'rope_theta', 'partial_rotary_factor'),
      rope_parameters: { rope_type: 'default', rope_theta: rotary_emb_base, partial_rotary_factor: rotary_pct },
    }),
  ],
  ...(['llama-tied', 'llama-yarn', 'llama-llama3', 'llama-dynamic'] as const).map(
    (name): (typeof spellings)[number] => [
      name,
      'rope_parameters',
      ({ rope_theta, rope_scaling, ...config }) => ({
        ...config,
        rope_parameters: { rope_type: 'default', ...(rope_scaling as object | null), rope_theta },
      }),
    ],
  ),
  [
    'llama-linear',
    'type instead of rope_type',
    ({ rope_scaling, ...config }) => ({
      ...config,
      rope_scaling: renamed(rope_scaling as object as Record<string, unknown>, { rope_type: 'type' }),
    }),
  ],
  [
    'llama-longrope',
    'rope_parameters with the original length',
    ({ rope_theta, rope_scaling, original_max_position_embeddings, ...config }) => ({
      ...config,
      rope_parameters: { ...(rope_scaling as object), rope_theta, original_max_position_embeddings },
    }),
  ],
  ['qwen2-window', 'no layer_types', (config) => without(config, 'layer_types')],
];

describe('configs', () => {
  const ids = [[5, 9, 33, 12, 7, 60, 3, 21, 44, 17, 28, 4]];

  it.each(spellings)('%s with %s gives the same bits', async (name, _, change) => {
    await using model = await variant(name, (config) => config);
    await using other = await variant(name, change);
    const expected = tensorsOf(await model.forward({ inputIds: ids }, EVERYTHING));
    for (const [key, { data }] of tensorsOf(await other.forward({ inputIds: ids }, EVERYTHING)))
      expect(data, key).toEqual(expected.get(key)!.data);
  });

  it.each([
    ['openai-gpt', 'OpenAIGPTModel'],
    ['gpt2', 'GPT2Model'],
    ['llama', 'LlamaModel'],
    ['qwen3', 'Qwen3Model'],
    ['gpt-neox', 'GPTNeoXModel'],
    ['bloom', 'BloomModel'],
  ])('%s without its head, as %s', async (name, architecture) => {
    await using model = await variant(name, (config) => config);
    await using bare = await variant(name, (config) => ({ ...config, architectures: [architecture] }));
    expect([model.info.head, bare.info.head]).toEqual([true, false]);
    const result = await bare.forward({ inputIds: ids }, EVERYTHING);
    expect(result.logits).toBeUndefined();
    const expected = await model.forward({ inputIds: ids });
    expect(result.lastHiddenState.data).toEqual(expected.lastHiddenState.data);
    await expect(bare.generate(ids[0]).result()).rejects.toMatchObject({ code: 'NO_HEAD' });
    const options = { assistantModel: bare, maxNewTokens: 2 };
    await expect(model.generate(ids[0], options).result()).rejects.toMatchObject({ code: 'NO_HEAD' });
  });
});

const firstTokens = (data: Float32Array, count: number, width: number): number[] =>
  Array.from({ length: count }, (_, t) => {
    const row = data.subarray(t * width, (t + 1) * width);
    return row.indexOf(Math.max(...row));
  });

describe.runIf(hasModel('stories260K'))('stories260K', () => {
  it('finds every token of the published text, and the logits', async () => {
    const expected = JSON.parse(readFileSync(`${modelsDir}/stories260K/expected.json`, 'utf8')) as {
      greedy_200_ids: number[];
      logits_pos0_bos: number[];
      logits_pos9_first32: number[];
    };
    await using model = await Decoder.fromPretrained(`${modelsDir}/stories260K`, { engine });
    const ids = expected.greedy_200_ids;
    const { logits } = await model.forward({ inputIds: [ids] });
    const width = model.info.vocabSize;
    expect(firstTokens(logits!.data, ids.length - 1, width)).toEqual(ids.slice(1));
    const far = (at: number, values: readonly number[]): number =>
      Math.max(...values.map((value, i) => Math.abs(value - logits!.data[at * width + i])));
    expect(far(0, expected.logits_pos0_bos)).toBeLessThan(1e-4);
    expect(far(9, expected.logits_pos9_first32)).toBeLessThan(1e-4);
  });
});

describe.runIf(hasModel('nano-gpt-sort'))('nano-gpt-sort', () => {
  const folder = `${modelsDir}/nano-gpt-sort`;

  /** minGPT's linear weights are [out, in], GPT-2's [in, out]. */
  function converted(): Record<string, Uint8Array | string> {
    const published = JSON.parse(readFileSync(`${folder}/gpt-nano-sort-model.json`, 'utf8')) as Record<
      string,
      { shape: number[]; data: string }
    >;
    const tensors = Object.entries(published)
      .filter(([name]) => name !== 'config')
      .map(([name, { shape, data }]) => {
        const values = new Float32Array(new Uint8Array(Buffer.from(data, 'base64')).buffer);
        if (!/(c_attn|c_proj|c_fc)\.weight$/.test(name)) return { name, dims: shape, values };
        const [out, depth] = shape;
        const turned = values.map((_, at) => values[(at % out) * depth + Math.floor(at / out)]);
        return { name, dims: [depth, out], values: turned };
      });
    return {
      'config.json': readFileSync(`${folder}/config.json`, 'utf8'),
      'model.safetensors': writeSafetensors(
        tensors.map(({ name, dims, values }) => ({ name, dtype: 'F32', dims, data: new Uint8Array(values.buffer) })),
      ),
    };
  }

  it('agrees with the published activations', async () => {
    const published = readSafetensors(`${folder}/reference_activations.safetensors`);
    const get = (name: string): ExpectedTensor => published.get(name)!;
    await using model = await Decoder.fromPretrained(converted(), { engine });
    const { dims, data } = get('idx');
    const result = await model.forward({ inputIds: new Tensor(Int32Array.from(data), dims) }, EVERYTHING);
    const tokens = get('tok_emb');
    const positions = get('pos_emb').data;
    const sum = {
      dims: tokens.dims,
      data: (tokens.data as Float32Array).map((x, i) => x + positions[i % positions.length]),
    };
    expect(absolute(result.hiddenStates![0], sum)).toBe(0);
    expect(absolute(result.hiddenStates![1], get('block0'))).toBeLessThan(1e-5);
    expect(absolute(result.hiddenStates![2], get('block1'))).toBeLessThan(1e-5);
    expect(absolute(result.lastHiddenState, get('ln_f'))).toBeLessThan(1e-5);
    expect(absolute(result.logits!, get('lm_head'))).toBeLessThan(1e-5);
    expect(absolute(result.attentions![0], get('attSm'))).toBeLessThan(1e-6);
  });
});
