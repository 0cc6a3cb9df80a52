// Checkpoints that do not fit their config: everything wrong is listed at once. What old or tied checkpoints have too much is no mistake.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Decoder } from '../../src/api/decoder';
import { Transformer } from '../../src/api/transformer';
import { writeSafetensors, type TensorToWrite } from '../../src/io/safetensors-write';
import { createEngine } from '../../src/runtime/host';
import { decoderFolder, readDecoderTexts } from '../golden/decoders/load';
import { readTransformerTexts, transformerFolder } from '../golden/transformers/load';
import { failure } from '../support/generate';

const engine = await createEngine({ worker: false, threads: 1 });
afterAll(() => engine.dispose());

type Edit = (tensors: Map<string, TensorToWrite>) => void;

/** A golden's folder as in-memory files, its tensors changed. */
function edited(folder: string, edit: Edit): Record<string, Uint8Array | string> {
  const bytes = readFileSync(join(folder, 'model.safetensors'));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: 'F32'; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [from, to] = data_offsets;
    tensors.set(name, { name, dtype, dims: shape, data: bytes.subarray(start + from, start + to) });
  }
  edit(tensors);
  const names = ['config.json', 'generation_config.json'].filter((name) => existsSync(join(folder, name)));
  return {
    ...Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')])),
    'model.safetensors': writeSafetensors([...tensors.values()]),
  };
}

const tensor = (name: string, dims: number[]): TensorToWrite => ({
  name,
  dtype: 'F32',
  dims,
  data: new Uint8Array(4 * dims.reduce((a, b) => a * b, 1)),
});
const add =
  (...names: string[]): Edit =>
  (tensors) =>
    names.forEach((name) => tensors.set(name, tensor(name, [2, 3])));

describe('a decoder', () => {
  it('lists what is missing, mis-shaped and unknown', async () => {
    const files = edited(decoderFolder('llama'), (tensors) => {
      tensors.delete('model.norm.weight');
      tensors.set('model.embed_tokens.weight', tensor('model.embed_tokens.weight', [60, 48]));
      add(
        'model.layers.2.mlp.up_proj.weight',
        'v_head.weight',
        'model.layers.0.self_attn.q_proj.lora_A.weight',
      )(tensors);
    });
    const before = (await engine.info()).memory.used;
    const error = await failure(Decoder.fromPretrained(files, { engine }));
    expect(error.code).toBe('MISSING_TENSOR');
    expect(
      error.message
        .split('\n')
        .slice(1)
        .map((line) => line.trim())
        .sort(),
    ).toEqual([
      'model.embed_tokens.weight is [60, 48], but config.json asks for [61, 48]',
      'model.layers.0.self_attn.q_proj.lora_A.weight [2, 3] has no place in the model',
      'model.layers.2.mlp.up_proj.weight [2, 3] has no place in the model',
      'model.norm.weight [48] is missing',
      'v_head.weight [2, 3] has no place in the model',
    ]);
    expect((await engine.info()).memory.used).toBe(before);
  });

  it('says of quantised checkpoints that they are', async () => {
    const files = edited(decoderFolder('llama'), (tensors) => {
      tensors.delete('model.layers.0.self_attn.q_proj.weight');
      add('model.layers.0.self_attn.q_proj.qweight', 'model.layers.0.self_attn.q_proj.scales')(tensors);
    });
    const error = await failure(Decoder.fromPretrained(files, { engine }));
    expect(error.message).toMatch(/q_proj\.weight \[\d+, \d+\] is missing\n/);
    expect(error.message).toMatch(/\nIts weights are quantised, which is not supported: load [^\n]+$/);
  });

  it.each([
    ['llama-tied', ['lm_head.weight', 'model.layers.0.self_attn.rotary_emb.inv_freq', 'model.rotary_emb.inv_freq']],
    ['gpt2', ['lm_head.weight', 'transformer.h.0.attn.bias', 'transformer.h.1.attn.masked_bias', 'h.0.attn.bias']],
    ['openai-gpt', ['position_ids', 'lm_head.weight', 'h.0.attn.bias']],
    [
      'gpt-neox',
      [
        'gpt_neox.layers.0.attention.bias',
        'gpt_neox.layers.0.attention.masked_bias',
        'gpt_neox.layers.1.attention.rotary_emb.inv_freq',
      ],
    ],
    ['qwen3-tied', ['lm_head.weight', 'rotary_emb.inv_freq']],
  ])('%s takes no offence at buffers and tied copies', async (name, names) => {
    await using model = await Decoder.fromPretrained(edited(decoderFolder(name), add(...names)), { engine });
    const [{ inputIds, options, ids }] = readDecoderTexts(name).greedy;
    expect((await model.generate(inputIds, options).result()).ids).toEqual(ids);
  });

  it('may leave out the prefix of its base model, or have tensors under both names', async () => {
    const files = edited(decoderFolder('llama'), (tensors) => {
      const { data, dims } = tensors.get('model.norm.weight')!;
      tensors.set('norm.weight', { name: 'norm.weight', dtype: 'F32', dims, data });
    });
    await (await Decoder.fromPretrained(files, { engine })).dispose();
  });
});

describe('an encoder-decoder', () => {
  it.each([
    [
      'bart',
      [
        'lm_head.weight',
        'model.encoder.version',
        'model.decoder.version',
        'model.shared.weight',
        'model.encoder.embed_tokens.weight',
        'model.decoder.embed_tokens.weight',
      ],
    ],
    ['marian-separate', ['model.shared.weight']],
    ['marian', ['lm_head.weight', 'model.encoder.embed_tokens.weight', 'model.decoder.embed_tokens.weight']],
    [
      'm2m-100',
      [
        'lm_head.weight',
        'model.encoder.embed_positions.weights',
        'model.decoder.embed_positions.weights',
        'model.decoder.embed_tokens.weight',
      ],
    ],
    [
      't5',
      [
        'lm_head.weight',
        'encoder.embed_tokens.weight',
        'decoder.embed_tokens.weight',
        'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight',
      ],
    ],
  ])('%s takes no offence at copies of the shared embedding', async (name, names) => {
    const files = edited(transformerFolder(name), (tensors) => {
      for (const extra of names) if (!tensors.has(extra)) add(extra)(tensors);
    });
    // of the shared table's names the one that comes first counts, as the others hold the same
    if (name === 'bart') {
      const bytes = edited(transformerFolder(name), (tensors) => {
        const held = [...tensors.keys()].find((key) => /(shared|embed_tokens)\.weight$/.test(key))!;
        const { data, dims } = tensors.get(held)!;
        for (const extra of names)
          tensors.set(extra, /version$/.test(extra) ? tensor(extra, [1]) : { name: extra, dtype: 'F32', dims, data });
      });
      files['model.safetensors'] = bytes['model.safetensors'];
    }
    await using model = await Transformer.fromPretrained(files, { engine });
    const [{ inputIds, options, ids }] = readTransformerTexts(name).greedy;
    expect((await model.generate(inputIds, options).result()).ids).toEqual(ids);
  });

  it.each(['bart', 't5', 'transformer'])('%s lists unknown tensors', async (name) => {
    const files = edited(transformerFolder(name), add('encoder.layers.9.extra.weight', 'adapter'));
    const error = await failure(Transformer.fromPretrained(files, { engine }));
    expect(error).toMatchObject({ code: 'MISSING_TENSOR' });
    expect(error.message).toMatch(
      /adapter \[2, 3\] has no place[^]*encoder\.layers\.9\.extra\.weight \[2, 3\] has no place/,
    );
  });

  it('and a stack alone too', async () => {
    const folder = transformerFolder('transformer-decoder');
    const error = await failure(Decoder.fromPretrained(edited(folder, add('layers.0.extra')), { engine }));
    expect(error.message).toContain('layers.0.extra [2, 3] has no place in the model');
  });
});
