// What the tests of places share: where things are, a Hub with two tiny models, and what must come out.
import { execFile } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { readExpectedTensors, readGoldenJson } from '../golden/encoders/load';
import { startHubServer, type HubServer } from '../support/hub-server';
import type { Findings } from './page/program';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const PLACES = process.env.PLACES ?? join(root, '.places');
export const APP = join(PLACES, 'app');
const golden = (path: string): string => join(root, 'test/golden', path);

/** A runtime or bundler of .places. */
export const inPlaces = (...path: string[]): string => join(PLACES, ...path);

export const run = promisify(execFile);

export function startHub(): Promise<HubServer> {
  return startHubServer({
    repos: { 'tests/encoder': golden('encoders/sentence-mean'), 'tests/decoder': golden('texts/pieces') },
    headers: { 'Cross-Origin-Resource-Policy': 'cross-origin' },
  });
}

const { texts } = readGoldenJson<{ tasks: { texts: string[] }[] }>('sentence-mean', 'expected.json').tasks[0];
/** The text that every place embeds: the first of the golden's. */
export const TEXT = texts[0];
const { data, dims } = readExpectedTensors('sentence-mean').get('embeddings.0')!;
const EMBEDDING = Array.from(data.subarray(0, dims[1]), Number);
/** The golden's greedy continuation of "once upon a". */
const IDS = [269, 270, 273, 275, 270, 263, 275, 263];

/** Compares an embedding of the text with Hugging Face's. */
export function expectEmbedding(embedding: readonly number[]): void {
  expect(embedding).toHaveLength(EMBEDDING.length);
  const worst = Math.max(...embedding.map((value, i) => Math.abs(value - EMBEDDING[i])));
  expect(worst).toBeLessThan(2e-5);
}

/** Compares what a place found with Hugging Face's results. */
export function expectFindings(found: Findings): void {
  expect(found.error).toBeUndefined();
  expectEmbedding(found.embedding!);
  expect(found.ids).toEqual(IDS);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Tries until it works, for at most `ms`. */
export async function until<T>(attempt: () => Promise<T>, ms = 20_000): Promise<T> {
  for (const end = Date.now() + ms; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
