// Tokenizers from older files: ids and texts equal to those of Python's transformers and sentencepiece.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTokenizer } from '../../src/api/settings';
import type { Tokenizer } from '../../src/io/tokenizer';
import { openSource, type FileContent } from '../../src/io/source';
import { hasModel, modelsDir } from '../support/models';

interface Family {
  name: string;
  /** Texts, or where the file lies: in golden/, or below the models' folder. */
  files: Record<string, string | [string]>;
  config: Record<string, unknown> | null;
  model: Record<string, unknown>;
  cases: { text: string; pair?: string; ids: number[]; decoded: string }[];
}

const golden = fileURLToPath(new URL('../golden/tokenizers/', import.meta.url));
const { cases: families } = JSON.parse(gunzipSync(readFileSync(join(golden, 'files.json.gz'))).toString()) as {
  cases: Family[];
};

function pathOf(file: string): string {
  return file.startsWith('golden/') ? join(golden, file.slice('golden/'.length)) : join(modelsDir, file);
}

async function load(files: Record<string, FileContent>, model: Record<string, unknown>): Promise<Tokenizer> {
  const { tokenizer, tokenizerRefusal } = await readTokenizer(await openSource(files), model);
  if (tokenizer) return tokenizer;
  throw tokenizerRefusal ?? new Error('there is no tokenizer');
}

/** A folder of the models', with some of its files. */
function loadFolder(folder: string, names: readonly string[], model: Record<string, unknown>): Promise<Tokenizer> {
  return load(Object.fromEntries(names.map((name) => [name, readFileSync(join(modelsDir, folder, name))])), model);
}

/** Cases in which Python's slow tokenizers go their own way (docs/tokenizers.md): ids, where special tokens are written in the text;
 *  texts, whose spaces they trim at the ends or keep beside special tokens. */
const DIFFERENT: Readonly<Record<string, readonly [ids: number, texts: number]>> = {
  // Python closes holes in the ids of added tokens
  'gpt2-added': [1, 1],
  llama: [0, 13],
  t5: [1, 9],
  't5-few': [1, 23],
  reformer: [2, 14],
  'unigram-map': [3, 20],
  'unigram-bytes': [1, 32],
  'bpe-map': [1, 19],
  bpe: [2, 14],
  albert: [14, 13],
  'albert-accents': [7, 22],
  xlnet: [6, 16],
  big_bird: [0, 21],
  'deberta-v2': [2, 55],
  rembert: [7, 54],
  'xlm-roberta': [0, 15],
  camembert: [0, 20],
  xglm: [0, 16],
  mbart: [0, 18],
  mbart50: [0, 12],
  pegasus: [0, 15],
  m2m_100: [1, 74],
  marian: [2, 0],
  'marian-languages': [0, 2],
  'unigram-symbols': [2, 13],
};

// Python counts NLLB's languages from another base where the model is as small as this one
describe.each(families.filter(({ name }) => name !== 'nllb'))('$name', ({ name, files, config, model, cases }) => {
  const isHere = Object.values(files).every(
    (file) => typeof file !== 'string' || file.startsWith('golden/') || hasModel(file.slice(0, file.lastIndexOf('/'))),
  );

  it.skipIf(!isHere)('encodes and decodes as Python does', async () => {
    const contents = Object.entries(files).map(([name, file]) => [
      name,
      typeof file === 'string' ? readFileSync(pathOf(file)) : file[0],
    ]);
    const tokenizer = await load(
      {
        ...(Object.fromEntries(contents) as Record<string, FileContent>),
        ...(config ? { 'tokenizer_config.json': JSON.stringify(config) } : {}),
      },
      model,
    );
    const other: unknown[] = [];
    let texts = 0;
    for (const { text, pair, ids, decoded } of cases) {
      const found = [...tokenizer.encode(text, { textPair: pair }).ids];
      if (found.join() !== ids.join()) other.push({ text, pair, ids, found });
      if (tokenizer.decode(ids, { cleanUpTokenizationSpaces: false }) !== decoded) texts++;
    }
    const [knownIds, knownTexts] = DIFFERENT[name] ?? [0, 0];
    expect(other.slice(knownIds)).toEqual([]);
    expect(texts).toBeLessThanOrEqual(knownTexts);
  });
});

const TOKENIZERS = 'tokenizers';
const FOLDERS = {
  gpt2: () => loadFolder(`${TOKENIZERS}/gpt2`, ['tokenizer.json'], {}),
  'gpt2, vocab and merges': () =>
    loadFolder(`${TOKENIZERS}/gpt2`, ['vocab.json', 'merges.txt'], { model_type: 'gpt2' }),
  bert: () => loadFolder('all-MiniLM-L6-v2', ['tokenizer.json'], {}),
  roberta: () => loadFolder(`${TOKENIZERS}/bart-roberta`, ['tokenizer.json'], {}),
  'roberta, vocab and merges': () =>
    loadFolder(`${TOKENIZERS}/bart-roberta`, ['vocab.json', 'merges.txt'], { model_type: 'roberta' }),
  'llama 2': () => loadFolder(`${TOKENIZERS}/llama2-32k`, ['tokenizer.model'], { model_type: 'llama' }),
  'unigram 1000': () =>
    loadFolder(`${TOKENIZERS}/hf-fixtures`, ['test_sentencepiece.model'], { model_type: 't5' }).catch(async () =>
      load(
        { 'spiece.model': readFileSync(join(modelsDir, TOKENIZERS, 'hf-fixtures/test_sentencepiece.model')) },
        { model_type: 't5', tokenizer_class: 'T5Tokenizer' },
      ),
    ),
} as const;

const isHere = hasModel(TOKENIZERS) && hasModel('all-MiniLM-L6-v2');
const read = (path: string): string => readFileSync(join(modelsDir, TOKENIZERS, path), 'utf8');

describe.skipIf(!isHere)('published expectations', () => {
  // cases of other vocabularies are not readable here
  it.each([
    ['bert', 'bert.json', 'Xenova/bert-base-uncased'],
    ['bert', 'distilbert.json', 'Xenova/distilbert-base-uncased-finetuned-sst-2-english'],
    ['gpt2', 'gpt2.json', 'Xenova/gpt2'],
    ['gpt2, vocab and merges', 'gpt2.json', 'Xenova/gpt2'],
    ['roberta', 'roberta.json', 'Xenova/all-distilroberta-v1'],
    ['llama 2', 'llama.json', 'Xenova/llama-tokenizer'],
  ] as const)('%s: %s, %s', async (folder, file, name) => {
    const tokenizer = await FOLDERS[folder]();
    const { config } = JSON.parse(read(`transformersjs-expected/${file}`)) as {
      config: Record<string, Record<string, { text: string; ids: number[]; decoded: string; text_pair?: string }>>;
    };
    const different = Object.entries(config[name]).flatMap(([id, { text, text_pair: textPair, ids }]) => {
      const found = [...tokenizer.encode(text, { textPair }).ids];
      return found.join() === ids.join() ? [] : [{ id, text, ids, found }];
    });
    expect(different).toEqual([]);
  });

  it.each([
    ['gpt2', 'gpt-2.gguf'],
    ['gpt2, vocab and merges', 'gpt-2.gguf'],
    ['bert', 'bert-bge.gguf'],
    ['roberta', 'roberta-bpe.gguf'],
    ['roberta, vocab and merges', 'roberta-bpe.gguf'],
    ['llama 2', 'llama-spm.gguf'],
    ['llama 2', 'phi-3.gguf'],
  ] as const)('%s: %s of llama.cpp', async (folder, name) => {
    const tokenizer = await FOLDERS[folder]();
    const texts = read(`ggml-vocab/ggml-vocab-${name}.inp`).split('\n__ggml_vocab_test__\n');
    const lines = read(`ggml-vocab/ggml-vocab-${name}.out`).split('\n');
    const different = texts.flatMap((text, i) => {
      const ids = lines[i].trim() === '' ? [] : lines[i].trim().split(/\s+/).map(Number);
      const found = [...tokenizer.encode(text, { addSpecialTokens: false }).ids];
      return found.join() === ids.join() ? [] : [{ text, ids, found }];
    });
    expect(different).toEqual([]);
  });

  it('sentencepiece of transformers', async () => {
    const tokenizer = await FOLDERS['unigram 1000']();
    const { cases } = JSON.parse(read('hf-fixtures/expected_test_sentencepiece.json')) as {
      cases: { text: string; ids: number[] }[];
    };
    for (const { text, ids } of cases)
      expect([...tokenizer.encode(text, { addSpecialTokens: false }).ids], text).toEqual(ids);
  });

  it.each(['gpt2', 'roberta'] as const)('%s is the same from vocab and merges', async (name) => {
    const [a, b] = [await FOLDERS[name](), await FOLDERS[`${name}, vocab and merges`]()];
    for (const text of ['Hello world', ' two  spaces\n\tand tabs', "it's 1,000 naïve 東京 😀"])
      expect([...b.encode(text).ids]).toEqual([...a.encode(text).ids]);
  });
});

// what takes time by the square of the length does not end before the test's time is up
describe.each([
  ['tiny-bpe-bytes.model', 'tokenizer.model', 'LlamaTokenizer'],
  ['tiny-unigram-bytes.model', 'spiece.model', 'T5Tokenizer'],
  ['tiny-unigram-map.model', 'spiece.model', 'T5Tokenizer'],
])('%s and texts of 60,000 characters', (file, name, type) => {
  it.each(['\n', '天', '😀', 'a', 'the sea '])('%j again and again', async (unit) => {
    const tokenizer = await load({ [name]: readFileSync(join(golden, file)) }, { tokenizer_class: type });
    const encode = (count: number): number[] => tokenizer.encode(unit.repeat(count), { addSpecialTokens: false }).ids;
    const [few, more, count] = [encode(30), encode(36), Math.ceil(60_000 / unit.length)];
    const ids = encode(count);
    // behind the beginning, what 6 more units bring comes again and again; where it is nothing, all are one unknown token
    const turn = more.length - few.length;
    expect(ids.length).toBe(few.length + (turn * (count - 30)) / 6);
    expect(ids.slice(0, few.length - turn)).toEqual(few.slice(0, few.length - turn));
    const from = few.length - 2 * turn;
    expect(ids.every((id, i) => i < from + turn || i >= ids.length - 2 || id === ids[i - turn])).toBe(true);
  });
});
