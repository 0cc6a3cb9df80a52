// tokenizer.json files whose class changes them as it loads them: ids equal to those of Python's transformers.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTokenizer } from '../../src/api/settings';
import { openSource, type FileContent } from '../../src/io/source';

interface Case {
  base: string;
  changes: Record<string, unknown>;
  config: Record<string, unknown>;
  ids: number[][];
}

const read = (name: string): Buffer => readFileSync(new URL(`../golden/tokenizers/${name}`, import.meta.url));
const { texts, pairs, cases } = JSON.parse(gunzipSync(read('classes.json.gz')).toString()) as {
  texts: string[];
  pairs: [string, string][];
  cases: Case[];
};

async function open(files: Record<string, FileContent>) {
  const { tokenizer } = await readTokenizer(await openSource(files), {});
  return tokenizer!;
}

function load({ base, changes, config }: Omit<Case, 'ids'>) {
  const json = { ...(JSON.parse(read(`${base}.tokenizer.json`).toString()) as object), ...changes };
  const files = { 'tokenizer.json': JSON.stringify(json), 'tokenizer_config.json': JSON.stringify(config) };
  return open(files);
}

describe('the class of a tokenizer', () => {
  const names = [...new Set(cases.map(({ config }) => config.tokenizer_class as string))];
  it.each(names)('%s', async (name) => {
    const own = cases.filter(({ config }) => config.tokenizer_class === name);
    for (const one of own) {
      const tokenizer = await load(one);
      const ids = [
        ...texts.map((text) => tokenizer.encode(text).ids),
        ...pairs.map(([text, textPair]) => tokenizer.encode(text, { textPair }).ids),
      ];
      expect(
        ids.map((row) => [...row]),
        JSON.stringify(one.config),
      ).toEqual(one.ids);
    }
    expect(own.length).toBeGreaterThan(3);
  });

  it('is not asked where the configuration is silent, and names what it lacks', async () => {
    const cased = { normalizer: { type: 'BertNormalizer', lowercase: false } };
    const tokenizer = await load({
      base: 'tiny-wordpiece',
      changes: cased,
      config: { tokenizer_class: 'BertTokenizer' },
    });
    expect(tokenizer.encode('The').tokens).not.toEqual(tokenizer.encode('the').tokens);
    const config = { tokenizer_class: 'NllbTokenizer', src_lang: 'deu_Latn', eos_token: '</s>' };
    await expect(load({ base: 'tiny-unigram', changes: {}, config })).rejects.toThrow(/language token \(deu_Latn\)/);
  });

  // the slow classes of BERT and its like, which Python converts, clean up; the fast ones do not
  it('of a vocab.txt takes out spaces before punctuation unless told otherwise', async () => {
    const vocab = { 'vocab.txt': ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'it', "'", 's'].join('\n') };
    for (const [settings, text] of [
      [{}, "it's"],
      [{ clean_up_tokenization_spaces: false }, "it ' s"],
    ] as const) {
      const files = {
        ...vocab,
        'tokenizer_config.json': JSON.stringify({ tokenizer_class: 'BertTokenizer', ...settings }),
      };
      expect((await open(files)).decode([5, 6, 7])).toBe(text);
    }
  });

  // the model says that texts get no space before them; transformers' LlamaTokenizer, "the river" and "a"
  it('of a Llama without `legacy` writes the space before a text itself', async () => {
    const file = read('tiny-bpe-bytes.model');
    const [written, bare] = [
      [
        [1, 263, 328],
        [1, 265],
      ],
      [
        [1, 401, 260, 328],
        [1, 404],
      ],
    ];
    for (const [settings, expected] of [
      [{ legacy: false }, written],
      [{ legacy: false, add_prefix_space: false }, bare],
      [{ legacy: true }, bare],
      [{}, bare],
    ] as const) {
      const json = JSON.stringify({ tokenizer_class: 'LlamaTokenizer', ...settings });
      const tokenizer = await open({ 'tokenizer.model': file, 'tokenizer_config.json': json });
      const ids = ['the river', 'a'].map((text) => [...tokenizer.encode(text).ids]);
      expect(ids, json).toEqual(expected);
    }
  });

  // transformers' LlamaTokenizerFast, whose offsets count characters
  it('of a Llama gives the bytes of an unknown character the place of that character', async () => {
    const json = JSON.stringify({ tokenizer_class: 'LlamaTokenizer', legacy: false });
    const tokenizer = await open({ 'tokenizer.model': read('tiny-bpe-bytes.model'), 'tokenizer_config.json': json });
    const { ids, offsets } = tokenizer.encode('日本 the 語x', { addSpecialTokens: false });
    expect(ids).toEqual([399, 233, 154, 168, 233, 159, 175, 263, 399, 235, 173, 161, 123]);
    const spaced = [[0, 1], ...repeated(3, [0, 1]), ...repeated(3, [1, 2]), [2, 6], [6, 7]];
    expect(offsets).toEqual([...spaced, ...repeated(3, [7, 8]), [8, 9]]);
  });
});

function repeated<T>(times: number, value: T): T[] {
  return new Array<T>(times).fill(value);
}
