// Reads safetensors files as the format describes them, for tests that compare bytes.

export interface RawTensor {
  dtype: string;
  dims: number[];
  bytes: Uint8Array;
}

/** The tensors of a file, and its metadata. */
export function readRaw(file: Uint8Array): { tensors: Map<string, RawTensor>; metadata?: Record<string, string> } {
  const view = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const start = 8 + Number(view.readBigUInt64LE(0));
  const { __metadata__: metadata, ...entries } = JSON.parse(view.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  > & { __metadata__?: Record<string, string> };
  const tensors = Object.entries(entries).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]) => {
      const bytes = new Uint8Array(view.subarray(start + from, start + to));
      return [name, { dtype, dims: shape, bytes }] as const;
    },
  );
  return { tensors: new Map(tensors), metadata };
}

/** The elements of an F32 tensor. */
export function floatsOf({ dtype, bytes }: RawTensor): Float32Array {
  if (dtype !== 'F32') throw new Error(`${dtype} is not F32`);
  return new Float32Array(bytes.buffer);
}
