// Loading over a network: a handful of requests whatever the number of tensors, progress by phase, and what an abort leaves behind.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import type { LoadProgress } from '../../src/api/pretrained';
import { createEngine, type Engine } from '../../src/runtime/host';
import { failure } from '../support/generate';
import { startHubServer, type HubServer } from '../support/hub-server';
import { bigEncoderFiles } from '../support/random-encoder';

let engine: Engine;
let hub: HubServer;

beforeAll(async () => {
  engine = await createEngine({ worker: false, threads: 1 });
  hub = await startHubServer({
    folders: {
      tiny: fileURLToPath(new URL('../golden/encoders/sentence-mean', import.meta.url)),
      big: bigEncoderFiles(),
    },
  });
});
afterAll(async () => {
  await engine.dispose();
  await hub.close();
});

it('asks for the weights in a few requests', async () => {
  for (const name of ['tiny', 'big']) {
    hub.requests.length = 0;
    const model = await Encoder.fromPretrained(`${hub.url}/${name}`, { engine, cacheDir: null });
    await model.dispose();
    expect(hub.requests.filter(({ path }) => path.endsWith('model.safetensors')).length).toBeLessThanOrEqual(4);
    expect(hub.requests.length).toBeLessThanOrEqual(14);
  }
});

it('tells what is downloaded, read and packed, and ends at the totals', async () => {
  const seen: LoadProgress[] = [];
  const model = await Encoder.fromPretrained(`${hub.url}/big`, {
    engine,
    cacheDir: null,
    onProgress: (progress) => void seen.push(progress),
  });
  const weights = (phase: string): LoadProgress[] =>
    seen.filter((progress) => progress.phase === phase && progress.file === 'model.safetensors');
  for (const phase of ['download', 'read', 'pack']) {
    const steps = weights(phase);
    const loaded = steps.map((progress) => progress.loaded);
    expect(loaded.length).toBeGreaterThan(1);
    expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
    expect(steps.at(-1)!.loaded).toBe(steps.at(-1)!.total);
  }
  await model.dispose();
});

it('leaves nothing in the engine when a load is aborted, wherever it is', async () => {
  const { used, weights } = (await engine.info()).memory;
  for (const phase of ['download', 'read', 'pack']) {
    const controller = new AbortController();
    const loading = Encoder.fromPretrained(`${hub.url}/big`, {
      engine,
      cacheDir: null,
      signal: controller.signal,
      onProgress: (progress) => void (progress.phase === phase && controller.abort()),
    });
    expect((await failure(loading)).code).toBe('ABORTED');
    await expect.poll(async () => (await engine.info()).memory).toMatchObject({ used, weights });
    await expect.poll(() => hub.active()).toBe(0);
  }
});
