// Hugging Face's cache on this machine, with its blobs and symbolic links.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openSource } from '../../src/io/source';
import { nodeFiles } from '../../src/platform/files-node';

const COMMIT = 'c'.repeat(40);
let home: string;
let repository: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hub-cache-'));
  repository = join(home, 'hub/models--org--name');
  for (const folder of ['refs', 'blobs', `snapshots/${COMMIT}`])
    mkdirSync(join(repository, folder), { recursive: true });
  writeFileSync(join(repository, 'refs/main'), COMMIT);
  for (const [i, name] of ['config.json', 'model.safetensors'].entries()) {
    writeFileSync(join(repository, `blobs/${i}`), `${i} {}`);
    symlinkSync(`../../blobs/${i}`, join(repository, `snapshots/${COMMIT}/${name}`));
  }
  vi.stubEnv('HF_HUB_CACHE', '');
  vi.stubEnv('HUGGINGFACE_HUB_CACHE', '');
  vi.stubEnv('HF_HOME', home);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const unreachable: typeof fetch = () => Promise.reject(new Error('nothing is asked for'));
const open = (revision?: string) => openSource('org/name', { revision, files: nodeFiles, fetch: unreachable });

it.each([undefined, 'main', COMMIT])('reads revision %s in place, without asking anybody', async (revision) => {
  const source = await open(revision);
  expect(source.name).toBe(join(repository, 'snapshots', COMMIT));
  expect(new TextDecoder().decode(await source.readAll('config.json'))).toBe('0 {}');
  await source.close();
});

it('asks the Hub for another revision, and where weights are missing', async () => {
  expect((await open('other')).name).toBe('org/name');
  unlinkSync(join(repository, 'blobs/1'));
  expect((await open()).name).toBe('org/name');
});
