// A core that was compiled ahead: what edge functions use.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import { createEngine } from '../../src/runtime/host';

const golden = new URL('../golden/encoders/sentence-mean', import.meta.url).pathname;
const compiled = (name: string): WebAssembly.Module =>
  new WebAssembly.Module(readFileSync(new URL(`../../dist/wasm/${name}.wasm`, import.meta.url)));

it.each(['base', 'relaxed'] as const)('embeds with a given %s module, in this thread', async (name) => {
  if (name === 'relaxed') await (await createEngine({ worker: false, threads: 1 })).dispose(); // Node 20: sets the flag
  const encoder = await Encoder.fromPretrained(golden, { module: compiled(name) });
  expect(encoder.info).toMatchObject({ build: name, threads: 1, worker: false });
  const expected = await Encoder.fromPretrained(golden, { worker: false, threads: 1, relaxedSimd: name === 'relaxed' });
  const text = 'The museum keeps 250 clocks.';
  expect((await encoder.embed(text)).data).toEqual((await expected.embed(text)).data);
  await encoder.dispose();
  await expected.dispose();
});

it('says what is wrong with a module', async () => {
  const options = { module: compiled('base-shared') };
  await expect(createEngine(options)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/for one thread/) as string,
  });
  // the smallest module there is
  const foreign = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  await expect(createEngine({ module: foreign })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/no build of the core.*relaxed\.wasm/) as string,
  });
  await expect(createEngine({ module: {} as WebAssembly.Module })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(createEngine({ module: compiled('base'), threads: 2 })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/leave out worker and threads/) as string,
  });
});
