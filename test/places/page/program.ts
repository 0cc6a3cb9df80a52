// What is run in every place: embeds with a BERT checkpoint and generates with a decoder, both from a Hub.

/** What came out. */
export interface Findings {
  embedding?: number[];
  ids?: number[];
  info?: { build: string; threads: number; worker: boolean };
  error?: string;
}

/** The program, for a place that imports the package by this name. It leaves its models: a process must end all the same. */
export const programOf = (name = 'wasmformer'): string => `
import { Decoder, Encoder } from '${name}';

export async function findings(endpoint, text, options = {}) {
  try {
    const encoder = await Encoder.fromPretrained('tests/encoder', { endpoint, ...options });
    const { data } = await encoder.embed(text);
    const { build, threads, worker } = encoder.info;
    const decoder = await Decoder.fromPretrained('tests/decoder', { endpoint, ...options });
    const { ids } = await decoder.generate('once upon a', { maxNewTokens: 8 }).result();
    return { embedding: Array.from(data), ids, info: { build, threads, worker } };
  } catch (error) {
    return { error: String(error?.stack ?? error) + (error?.cause ? ' cause: ' + error.cause.stack : '') };
  }
}
`;
