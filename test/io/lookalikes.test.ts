// What is cloned without its large files has pointers to them instead.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import { failure } from '../support/generate';

const pointer = new TextEncoder().encode(
  'version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1302138752\n',
);
const read = (file: string) => readFileSync(new URL(`../golden/encoders/bert-classify/${file}`, import.meta.url));
const config = { 'config.json': read('config.json') };
const weights = { 'model.safetensors': read('model.safetensors') };

it.each([
  ['model.safetensors', config],
  ['pytorch_model.bin', config],
  ['tokenizer.json', { ...config, ...weights }],
  ['config.json', weights],
])('a Git LFS pointer in place of %s is called so', async (name, others) => {
  const error = await failure(Encoder.fromPretrained({ ...others, [name]: pointer }, { worker: false }));
  expect(error.code).toBe('INVALID_FILE');
  expect(error.message).toMatch(
    new RegExp(`^${name.replace('.', '\\.')} .*Git LFS pointer; fetch the real file with "git lfs pull"`),
  );
});

it('also in place of a SentencePiece model', async () => {
  const json = JSON.stringify({ tokenizer_class: 'XLMRobertaTokenizer' });
  const files = { ...config, ...weights, 'tokenizer_config.json': json, 'sentencepiece.bpe.model': pointer };
  const error = await failure(Encoder.fromPretrained(files, { worker: false }));
  expect(error).toMatchObject({
    code: 'INVALID_TOKENIZER',
    message: expect.stringContaining('a Git LFS pointer') as string,
  });
});
