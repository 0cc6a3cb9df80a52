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
const pooling = (flags: object) => ({ '1_Pooling/config.json': { word_embedding_dimension: 24, ...flags } });
const modules = (...kinds: string[]) => ({
  'modules.json': kinds.map((kind, i) => ({ path: `${i}_${kind}`, type: `sentence_transformers.models.${kind}` })),
});

describe('an error that names', () => {
  it.each<[what: string, changed: Record<string, unknown>, code: string, message: RegExp]>([
    ['a module that is not known', modules('Transformer', 'Pooling', 'Dense'), 'UNSUPPORTED_MODEL', /models\.Dense/],
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
    const bytes = Object.entries(changed).map(([name, json]) => [name, Buffer.from(JSON.stringify(json))]);
    const loading = Encoder.fromPretrained({ ...files, ...Object.fromEntries(bytes) }, { engine });
    await expect(loading).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});
