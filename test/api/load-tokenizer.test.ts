// A tokenizer without a model.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadTokenizer, type FileContent } from '../../src/index';
import { failure } from '../support/generate';

const golden = (name: string): Buffer => readFileSync(new URL(`../golden/tokenizers/${name}`, import.meta.url));
const json = golden('tiny-wordpiece.tokenizer.json').toString();
const { cases } = JSON.parse(gunzipSync(golden('tiny-wordpiece.cases.json.gz')).toString()) as {
  cases: { text: string; pair?: string; ids: number[]; tokens: string[] }[];
};

const bert = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nkeeper\n##s\n';

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
    const old = await loadTokenizer({ 'vocab.txt': bert, 'config.json': '{"model_type":"bert"}' });
    expect(old.encode('Keepers').ids).toEqual([2, 5, 6, 3]);
  });

  const bytes = (...others: string[]): string => JSON.stringify(idsBy([...others, '\u0120', 's', 'e', 'a', 'ea']));
  const merges = '#version: 0.2\ne a\n';
  const idsBy = (tokens: string[]): Record<string, number> =>
    Object.fromEntries(tokens.map((token, id) => [token, id]));

  it.each([
    ['BertTokenizer', { 'vocab.txt': bert }, 'keepers', [2, 5, 6, 3]],
    ['GPT2Tokenizer', { 'vocab.json': bytes('<|endoftext|>'), 'merges.txt': merges }, 'sea', [2, 5]],
    ['RobertaTokenizer', { 'vocab.json': bytes('<s>', '</s>', '<mask>'), 'merges.txt': merges }, 'sea', [0, 4, 7, 1]],
    ['LlamaTokenizer', { 'tokenizer.model': golden('tiny-bpe-bytes.model') }, 'the sea', [1, 401, 260, 264, 353]],
  ])('%s is told by its files, where they lie alone, as when it is named', async (tokenizerClass, files, text, ids) => {
    expect((await loadTokenizer(files)).encode(text).ids).toEqual(ids);
    expect((await loadTokenizer(files, { tokenizerClass })).encode(text).ids).toEqual(ids);
    const configured = { ...files, 'tokenizer_config.json': JSON.stringify({ tokenizer_class: tokenizerClass }) };
    expect((await loadTokenizer(configured)).encode(text).ids).toEqual(ids);
  });

  it('takes the class that the caller names for more than what the files say', async () => {
    const files = { 'vocab.txt': bert, 'config.json': '{"model_type":"odd"}' };
    expect(await failure(loadTokenizer(files))).toMatchObject({
      code: 'INVALID_TOKENIZER',
      message: expect.stringMatching(
        /has vocab\.txt, .*nothing names its class: .*BertTokenizer.* tokenizerClass/,
      ) as string,
    });
    const tokenizer = await loadTokenizer(files, { tokenizerClass: 'DistilBertTokenizerFast' });
    expect(tokenizer.encode('keepers').ids).toEqual([2, 5, 6, 3]);
    expect(
      await failure(loadTokenizer({ 'vocab.txt': '<cls>\nL\n' }, { tokenizerClass: 'EsmTokenizer' })),
    ).toMatchObject({
      code: 'INVALID_TOKENIZER',
      message: expect.stringContaining('its tokenizer_class is EsmTokenizer') as string,
    });
    expect(await failure(loadTokenizer(files, { tokenizerClass: 7 } as object))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('tokenizerClass') as string,
    });
  });

  it('takes files that lie alone for nothing that they do not show', async () => {
    const folders: Record<string, FileContent>[] = [
      { 'vocab.txt': '<cls>\n<pad>\nL\n' },
      { 'spiece.model': golden('tiny-unigram-bytes.model') },
      { 'vocab.json': bytes('[CLS]', '[SEP]'), 'merges.txt': merges },
      {
        'vocab.json': bytes('<|endoftext|>'),
        'merges.txt': merges,
        'added_tokens.json': '{"<|startoftranscript|>":9}',
      },
    ];
    for (const files of folders) {
      expect(await failure(loadTokenizer(files))).toMatchObject({ code: 'INVALID_TOKENIZER' });
    }
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
