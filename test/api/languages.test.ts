// Translation models: the language of the texts and the one to write.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Transformer } from '../../src/api/transformer';
import { createEngine } from '../../src/runtime/host';
import { failure } from '../support/generate';

const engine = await createEngine({ worker: false, threads: 1 });
const folder = mkdtempSync(join(tmpdir(), 'languages-'));
afterAll(async () => {
  await engine.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const size = {
  vocab_size: 180,
  d_model: 12,
  encoder_layers: 1,
  decoder_layers: 1,
  encoder_ffn_dim: 16,
  decoder_ffn_dim: 16,
};
const ids = { decoder_start_token_id: 1, eos_token_id: 1, pad_token_id: 0, bos_token_id: 0, forced_eos_token_id: null };
const config = {
  model_type: 'mbart',
  ...size,
  ...ids,
  encoder_attention_heads: 2,
  decoder_attention_heads: 2,
  init_std: 0.3,
};
await (await Transformer.fromConfig(config, { seed: 1, engine })).savePretrained(folder);
const tiny = JSON.parse(
  readFileSync(new URL('../golden/tokenizers/tiny-unigram.tokenizer.json', import.meta.url), 'utf8'),
) as { added_tokens: object[] };

/** The model with a tokenizer of a class that has languages, or a template of its own. */
async function load(languages: readonly string[], settings: object, template?: object): Promise<Transformer> {
  const added = languages.map((content, i) => ({
    ...{ id: 170 + i, content, special: true, normalized: false },
    ...{ lstrip: false, rstrip: false, single_word: false },
  }));
  const json = { ...tiny, added_tokens: [...tiny.added_tokens, ...added], ...template };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ eos_token: '</s>', ...settings }));
  return Transformer.fromPretrained(folder, { engine });
}

const NLLB = ['eng_Latn', 'fra_Latn', 'deu_Latn'];
const free = { maxNewTokens: 6, numBeams: 2 };

describe('languages', () => {
  it.each([
    ['NllbTokenizer', NLLB, {}],
    ['NllbTokenizer', NLLB, { legacy_behaviour: true }],
    ['MBartTokenizer', ['en_XX', 'fr_XX', 'de_DE'], {}],
    ['MBart50Tokenizer', ['en_XX', 'fr_XX', 'de_DE'], {}],
  ])(
    'of %s %#: a source is what tokenizer_config.json would say, a target the first token',
    async (type, names, more) => {
      const settings = { tokenizer_class: type, ...more };
      const [, french, german] = names;
      const model = await load(names, settings);
      const set = await load(names, { ...settings, src_lang: french });
      for (const text of ['The lighthouse', '']) {
        const options = { ...free, srcLang: french, tgtLang: german };
        const { ids, text: told } = await model.generate(text, options).result();
        const expected = await set.generate(text, { ...free, forcedBosTokenId: 172 }).result();
        expect(ids).toEqual(expected.ids);
        expect(ids[0]).toBe(172);
        expect(told).not.toContain(german);
      }
      const [one, other] = [await model.generate('The', free).result(), await set.generate('The', free).result()];
      expect(one.sequences[0].score).not.toBe(other.sequences[0].score);
      const batch = await model.generate(['The', 'The lighthouse'], { ...free, srcLang: french }).result();
      expect(batch[0].sequences[0].score).toBe(other.sequences[0].score);
    },
  );

  it('of M2M-100 stand between underscores', async () => {
    const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
    const known = (token: string, id: number) => ({ [token]: { id: token, ids: [id], tokens: [token] } });
    const single = [special('__en__'), { Sequence: { id: 'A', type_id: 0 } }, special('</s>')];
    const specials = { ...known('__en__', 170), ...known('</s>', 1) };
    const template = { post_processor: { type: 'TemplateProcessing', single, pair: single, special_tokens: specials } };
    const model = await load(['__en__', '__fr__'], {}, template);
    const text = [...model.tokenizer.encode('The').ids];
    const { ids } = await model.generate('The', { ...free, srcLang: 'fr', tgtLang: 'en' }).result();
    const expected = await model.generate([171, ...text.slice(1)], { ...free, forcedBosTokenId: 170 }).result();
    expect(ids).toEqual(expected.ids);
  });

  it('are refused with the names there are', async () => {
    const model = await load(NLLB, { tokenizer_class: 'NllbTokenizer' });
    const refusal = async (input: string | number[], options: object) =>
      (await failure(model.generate(input, options).result())).message;
    expect(await refusal('The', { srcLang: 'fr_XX' })).toMatch(
      /srcLang 'fr_XX' .* it has fra_Latn and others \(3 in all\)/,
    );
    expect(await refusal('The', { tgtLang: 'Klingon' })).toMatch(/it has eng_Latn, fra_Latn, deu_Latn$/);
    expect(await refusal('The', { tgtLang: 'lighthouse' })).toMatch(/no language of this tokenizer/);
    expect(await refusal('The', { tgtLang: 7 })).toMatch(/must be a language/);
    expect(await refusal('The', { tgtLang: 'fra_Latn', forcedBosTokenId: 3 })).toMatch(/give one of them/);
    expect(await refusal([5, 6], { srcLang: 'fra_Latn' })).toMatch(/srcLang is for texts/);
    const plain = await load([], {});
    const error = await failure(plain.generate('The', { srcLang: 'fr' }).result());
    expect(error.message).toMatch(/models of several languages/);
    expect(error.code).toBe('INVALID_ARGUMENT');
  });
});
