// The goldens of encoders: their expected tensors and json files.

import { readJson, readTensors, type ExpectedTensor } from '../load';

export type { ExpectedTensor } from '../load';

/** A json file of a golden. The caller names its shape. */
export function readGoldenJson<T>(golden: string, file: string): T {
  return readJson<T>('encoders', golden, file);
}

/** expected.safetensors of a golden: F32 and I32 tensors by name. */
export function readExpectedTensors(golden: string): Map<string, ExpectedTensor> {
  return readTensors('encoders', golden);
}
