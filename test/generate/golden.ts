// What test/golden/generation/build.py wrote: cases of Hugging Face's own code, and its toy language model.
import { readFileSync } from 'node:fs';
import type { GenerationSettings } from '../../src/generate/index';
import { resolveGeneration } from '../../src/generate/index';

/** Options under Python's names. */
export type PythonOptions = Readonly<Record<string, unknown>>;

interface ExpectedSequence {
  ids: number[];
  score?: number;
  logprobs?: number[];
}

export interface BeamCase {
  model: { table: number; vocabSize: number; encoderDecoder: boolean };
  prompts: number[][];
  options: PythonOptions;
  expected: ExpectedSequence[][];
}

export interface ProcessorCase {
  options: PythonOptions;
  promptLength: number;
  ids: number[];
  encoderIds: number[];
  scores: number[];
  expected: (number | string)[];
}

interface LookupCase {
  ids: number[];
  count: number;
  maxMatchingNgramSize: number;
  maxLength: number;
  eosTokenId: number[];
  expected: number[];
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../golden/generation/${name}.json`, import.meta.url), 'utf8'));
}

export const beamGoldens = read('beams') as { scale: number; tables: number[][][]; cases: BeamCase[] };
export const processorGoldens = read('processors') as { vocabSize: number; maxLength: number; cases: ProcessorCase[] };
export const lookupGoldens = read('lookups') as LookupCase[];

/** Settings of Python's options, read the way a generation_config.json is. */
export function settingsOf(options: PythonOptions): GenerationSettings {
  return resolveGeneration({}, { generationConfig: options });
}

/** The toy model: scores by the last two ids, the position and the sum of the encoder's ids. */
export class Toy {
  private readonly tables: number[][];

  constructor(private readonly spec: BeamCase['model']) {
    this.tables = beamGoldens.tables[spec.table].map((table) => table.map((value) => value / beamGoldens.scale));
  }

  get vocabSize(): number {
    return this.spec.vocabSize;
  }

  /** Writes the scores of what follows the ids. */
  write(out: Float32Array, ids: ArrayLike<number>, length: number, source: readonly number[]): void {
    const { vocabSize } = this.spec;
    const sum = source.reduce((a, b) => a + b, 0) % vocabSize;
    for (let v = 0; v < vocabSize; v++) {
      let score = this.tables[0][((ids[length - 1] + length) % vocabSize) * vocabSize + v];
      if (length > 1) score += this.tables[1][ids[length - 2] * vocabSize + v];
      if (this.spec.encoderDecoder) score += this.tables[2][sum * vocabSize + v];
      out[v] = score;
    }
  }

  /** The prompt of the decoder. */
  promptOf(source: readonly number[]): readonly number[] {
    return this.spec.encoderDecoder ? [1] : source;
  }
}
