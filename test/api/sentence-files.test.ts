// Files of sentence-transformers that cannot be honoured: an error that names the file, and never other embeddings than meant.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import { createEngine } from '../../src/runtime/host';
import { goldenFolder } from '../golden/load';

const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());

const folder = goldenFolder('encoders', 'sentence-mean');
const NAMES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', '1_Pooling/config.json'];
const files = Object.fromEntries(NAMES.map((name) => [name, readFileSync(join(folder, name))]));
const denseWeights = readFileSync(join(goldenFolder('encoders', 'sentence-dense'), '2_Dense/model.safetensors'));
const pooling = (flags: object) => ({ '1_Pooling/config.json': { word_embedding_dimension: 24, ...flags } });
const modules = (...kinds: string[]) => ({
  'modules.json': kinds.map((kind, i) => ({ path: `${i}_${kind}`, type: `sentence_transformers.models.${kind}` })),
});
const dense = (changed: object) => ({
  ...modules('Transformer', 'Pooling', 'Dense'),
  ...pooling({ pooling_mode_mean_tokens: true }),
  '2_Dense/config.json': {
    in_features: 24,
    out_features: 8,
    activation_function: 'torch.nn.modules.activation.Tanh',
    ...changed,
  },
});

describe('an error that names', () => {
  it.each<[what: string, changed: Record<string, unknown>, code: string, message: RegExp]>([
    ['a module that is not known', modules('Transformer', 'Pooling', 'LSTM'), 'UNSUPPORTED_MODEL', /models\.LSTM/],
    [
      'a layer behind the normalisation',
      modules('Transformer', 'Pooling', 'Normalize', 'Dense'),
      'UNSUPPORTED_MODEL',
      /models\.Dense .*in this order/,
    ],
    [
      'a layer without settings',
      modules('Transformer', 'Pooling', 'Dense'),
      'FILE_NOT_FOUND',
      /no 2_Dense\/config\.json/,
    ],
    [
      'a layer without a size',
      dense({ out_features: 0 }),
      'INVALID_CONFIG',
      /2_Dense\/config\.json .*: out_features .*not 0/,
    ],
    [
      'a layer of another width',
      { ...dense({ in_features: 20 }), '2_Dense/model.safetensors': denseWeights },
      'INVALID_CONFIG',
      /in_features is 20, but .* gives 24 numbers/,
    ],
    [
      'an activation that is not known',
      dense({ activation_function: 'mine.Swoosh' }),
      'UNSUPPORTED_MODEL',
      /mine\.Swoosh .*Tanh/,
    ],
    ['a layer of tokens', dense({ module_input_name: 'token_embeddings' }), 'UNSUPPORTED_MODEL', /"token_embeddings"/],
    ['a layer without weights', dense({}), 'FILE_NOT_FOUND', /2_Dense\/pytorch_model\.bin/],
    ['modules that are no list', { 'modules.json': {} }, 'INVALID_FILE', /modules\.json .*must be a list/],
    ['a module without its file', modules('Pooling'), 'FILE_NOT_FOUND', /no 0_Pooling\/config\.json/],
    [
      'two poolings at once',
      {
        ...modules('Transformer', 'Pooling'),
        ...pooling({ pooling_mode_cls_token: true, pooling_mode_max_tokens: true }),
      },
      'UNSUPPORTED_MODEL',
      /1_Pooling\/config\.json .*exactly one of .* but 2 are/,
    ],
    [
      'a pooling that is not known',
      { ...modules('Transformer', 'Pooling'), ...pooling({ pooling_mode_weightedmean_tokens: true }) },
      'UNSUPPORTED_MODEL',
      /but 0 are/,
    ],
    [
      'a prompt that is no text',
      { 'config_sentence_transformers.json': { prompts: { query: 'query: ', passage: 7 } } },
      'INVALID_FILE',
      /config_sentence_transformers\.json .*: prompts must be texts/,
    ],
  ])('%s', async (_, changed, code, message) => {
    const bytes = Object.entries(changed).map(([name, content]) => [
      name,
      content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content)),
    ]);
    const loading = Encoder.fromPretrained({ ...files, ...Object.fromEntries(bytes) }, { engine });
    await expect(loading).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});

describe('layers behind the pooling', () => {
  const texts = ['The bridge was built in 1871.', 'Zoë'];

  it('are saved, each in a file of its own, and loaded again', async () => {
    const encoder = await Encoder.fromPretrained(goldenFolder('encoders', 'sentence-dense'), { engine });
    const saved = await encoder.toFiles();
    expect(Object.keys(saved)).toEqual(
      expect.arrayContaining(['2_Dense/config.json', '2_Dense/model.safetensors', '3_Dense/model.safetensors']),
    );
    const header = (file: string): string => Buffer.from(saved[file].subarray(8, 400)).toString();
    expect(header('2_Dense/model.safetensors')).toMatch(
      /"linear\.weight".*"linear\.bias"|"linear\.bias".*"linear\.weight"/,
    );
    expect(Buffer.from(saved['model.safetensors']).includes('Dense')).toBe(false);
    const again = await Encoder.fromPretrained(saved, { engine });
    expect((await again.embed(texts)).data).toEqual((await encoder.embed(texts)).data);
    await Promise.all([encoder.dispose(), again.dispose()]);
  });

  it('set the size of an embedding', async () => {
    const encoder = await Encoder.fromPretrained(goldenFolder('encoders', 'sentence-dense'), { engine });
    expect(encoder.info).toMatchObject({ hiddenSize: 24, embeddingSize: 7 });
    expect((await encoder.embed({ inputIds: [[1, 2, 3]] })).dims).toEqual([1, 7]);
    expect((await encoder.embed(texts, { dimensions: 5, precision: 'int8' })).dims).toEqual([2, 5]);
    await encoder.dispose();
  });
});
