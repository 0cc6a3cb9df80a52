// A tokenizer without a model.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/index';
import { failure } from '../support/generate';

const golden = (name: string): Buffer => readFileSync(new URL(`../golden/tokenizers/${name}`, import.meta.url));
const json = golden('tiny-wordpiece.tokenizer.json').toString();
const { cases } = JSON.parse(gunzipSync(golden('tiny-wordpiece.cases.json.gz')).toString()) as {
  cases: { text: string; pair?: string; ids: number[]; tokens: string[] }[];
};

describe('loadTokenizer', () => {
  it('needs neither weights nor config.json', async () => {
    const tokenizer = await loadTokenizer({ 'tokenizer.json': json });
    expect(cases.length).toBeGreaterThan(50);
    for (const { text, pair, ids, tokens } of cases)
      expect(tokenizer.encode(text, { textPair: pair })).toMatchObject({ ids, tokens });
  });

  it('is the one of a checkpoint: its settings count, older files are converted', async () => {
    const folder = new URL('../golden/encoders/sentence-mean/', import.meta.url).pathname;
    const { modelMaxLength, clsToken } = await loadTokenizer(folder);
    const stored = JSON.parse(readFileSync(`${folder}tokenizer_config.json`, 'utf8')) as Record<string, unknown>;
    expect({ modelMaxLength, clsToken }).toEqual({
      modelMaxLength: stored.model_max_length,
      clsToken: stored.cls_token,
    });
    const words = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nkeeper\n##s\n';
    const old = await loadTokenizer({ 'vocab.txt': words, 'config.json': '{"model_type":"bert"}' });
    expect(old.encode('Keepers').ids).toEqual([2, 5, 6, 3]);
  });

  it('says what is wrong', async () => {
    expect(await failure(loadTokenizer({ 'config.json': '{"model_type":"bert"}' }))).toMatchObject({
      code: 'NO_TOKENIZER',
      message: expect.stringContaining('no tokenizer.json or older tokenizer files') as string,
    });
    expect(await failure(loadTokenizer({ 'tokenizer.json': '{"model":{"type":"Odd"}}' }))).toMatchObject({
      code: 'INVALID_TOKENIZER',
      message: expect.stringContaining('unknown model type "Odd"') as string,
    });
    expect(await failure(loadTokenizer({ 'tokenizer.json': json }, { revison: 'x' } as object))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('revision') as string,
    });
    expect(await failure(loadTokenizer({ 'tokenizer.json': json }, { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORTED',
    });
  });
});
