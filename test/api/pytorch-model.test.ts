// A folder that has only pytorch_model.bin gives the results of its safetensors.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';

it('embeds from pytorch_model.bin', async () => {
  const golden = new URL('../golden/', import.meta.url).pathname;
  const folder = `${golden}encoders/sentence-mean`;
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'modules.json', '1_Pooling/config.json'];
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(`${folder}/${name}`)]));
  const weights = readFileSync(`${golden}pytorch/sentence-mean.bin`);
  const options = { worker: false, threads: 1 };
  const expected = await Encoder.fromPretrained(folder, options);
  const encoder = await Encoder.fromPretrained({ ...files, 'pytorch_model.bin': weights }, options);
  const texts = ['The museum keeps 250 clocks.', 'It is winter.'];
  expect((await encoder.embed(texts)).data).toEqual((await expected.embed(texts)).data);
  await encoder.dispose();
  await expected.dispose();
}, 30_000);
