// Reads what generate.py wrote into a golden's folder: expected.json, expected.safetensors and the small json files.

import { readFileSync } from 'node:fs';

export interface ExpectedTensor {
  dims: number[];
  data: Float32Array | Int32Array;
}

/** A json file of a golden. The caller names its shape. */
export function readGoldenJson<T>(golden: string, file: string): T {
  return JSON.parse(readFileSync(new URL(`./${golden}/${file}`, import.meta.url), 'utf8')) as T;
}

/** expected.safetensors of a golden: F32 and I32 tensors by name. */
export function readExpectedTensors(golden: string): Map<string, ExpectedTensor> {
  const bytes = readFileSync(new URL(`./${golden}/expected.safetensors`, import.meta.url));
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
