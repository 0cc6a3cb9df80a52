// Reads what generate.py wrote into the folders of one set of goldens: expected.json, expected.safetensors and the small json files.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface ExpectedTensor {
  dims: number[];
  data: Float32Array | Int32Array;
}

/** A search for one prompt: generate(inputIds, options) gives ids, the new tokens with eos. */
interface GreedyCase {
  inputIds: number[];
  options: { numBeams: 1; maxNewTokens: number };
  ids: number[];
}

/** A beam search for one prompt: the best sequences (new tokens with eos) and their scores, best first. */
export interface BeamCase {
  inputIds: number[];
  options: {
    numBeams: number;
    numReturnSequences: number;
    lengthPenalty: number;
    earlyStopping: boolean | 'never';
    maxNewTokens: number;
  };
  sequences: number[][];
  scores: number[];
}

/** expected.json of a model that generates; the original Transformer has no beams. */
export interface ExpectedTexts {
  greedy: GreedyCase[];
  beams?: BeamCase[];
}

/** Where a batch is padded. The files are padded on the right. */
export type Side = 'right' | 'left';

/** The absolute path of a golden's folder. */
export function goldenFolder(set: string, golden: string): string {
  return fileURLToPath(new URL(`./${set}/${golden}`, import.meta.url));
}

/** The names of the goldens in a set. */
export function goldenNames(set: string): string[] {
  return readdirSync(new URL(`./${set}/`, import.meta.url), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['build', '__pycache__'].includes(entry.name))
    .map((entry) => entry.name)
    .sort();
}

/** A json file of a golden. The caller names its shape. */
export function readJson<T>(set: string, golden: string, file: string): T {
  return JSON.parse(readFileSync(new URL(`./${set}/${golden}/${file}`, import.meta.url), 'utf8')) as T;
}

/** expected.safetensors of a golden: F32 and I32 tensors by name. */
export function readTensors(set: string, golden: string): Map<string, ExpectedTensor> {
  return readSafetensors(`${goldenFolder(set, golden)}/expected.safetensors`);
}

/** A file of F32 and I32 tensors, by name. */
export function readSafetensors(path: string): Map<string, ExpectedTensor> {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, ExpectedTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [from, to] = data_offsets.map((offset) => offset + 8 + headerLength);
    const own = new Uint8Array(bytes.subarray(from, to)).buffer;
    tensors.set(name, { dims: shape, data: dtype === 'I32' ? new Int32Array(own) : new Float32Array(own) });
  }
  return tensors;
}

/** The sum of every run of width numbers. */
export function sums(data: Float32Array | Int32Array, width: number): number[] {
  return Array.from({ length: data.length / width }, (_, row) => {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) sum += data[i];
    return sum;
  });
}

/** The number of tokens of every row of a mask [n, t]. */
export function rowLengths({ dims, data }: ExpectedTensor): number[] {
  return sums(data, dims[1]);
}

/** A batch padded on the right, [n, t] or [n, t, d], padded on the left instead. lengths: tokens of each row. */
export function moveRows({ dims, data }: ExpectedTensor, lengths: number[]): ExpectedTensor {
  const [, t, d = 1] = dims;
  const out = data.slice().fill(0);
  lengths.forEach((length, row) => {
    const start = row * t * d;
    out.set(data.subarray(start, start + length * d), start + (t - length) * d);
  });
  return { dims, data: out };
}

/** Attention maps [n, heads, queries, keys] of a batch padded on the right, for the same batch padded on the left. */
export function moveMaps({ dims, data }: ExpectedTensor, queries: number[], keys: number[]): ExpectedTensor {
  const [n, heads, q, k] = dims;
  const out = data.slice().fill(0);
  for (let row = 0; row < n; row++) {
    for (let head = 0; head < heads; head++) {
      for (let query = 0; query < queries[row]; query++) {
        const from = ((row * heads + head) * q + query) * k;
        const to = ((row * heads + head) * q + query + q - queries[row]) * k + k - keys[row];
        out.set(data.subarray(from, from + keys[row]), to);
      }
    }
  }
  return { dims, data: out };
}
