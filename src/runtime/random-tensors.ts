// The tensors of a model without a checkpoint: what their declarations say (nn/init.ts), drawn from a seed. They are read as those
// of a file, piece by piece. The same seed gives the same bits on every platform: only operations that IEEE 754 defines are used.
import { yieldToEventLoop } from '#platform';
import { WasmformerError } from '../errors';
import { Random } from '../generate/random';
import { log } from '../generate/math';
import type { Init } from '../nn/init';
import type { Declaration } from '../nn/parameters';
import type { TensorInfo, TensorReader } from './load';

/** Wasm memory's limit. */
const MOST_BYTES = 2 ** 32;

/** The random numbers of one tensor, one for each element. */
interface Stream {
  readonly name: string;
  readonly random: Random;
  /** Element that comes next. */
  at: number;
}

/** A tensor's own stream of the seed, so that one tensor does not depend on the others: FNV-1a of its name. */
function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The quantile of the standard normal distribution for 0 < p < 1: Wichura 1988, algorithm AS 241, PPND7; relative error 1e-7. */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    const above = ((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179;
    return (q * above) / (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1);
  }
  const tail = Math.sqrt(-log(q < 0 ? p : 1 - p));
  const r = tail <= 5 ? tail - 1.6 : tail - 5;
  const x =
    tail <= 5
      ? (((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777) /
        ((0.12021132975 * r + 0.7370016425) * r + 1)
      : (((0.017337203997 * r + 0.42868294337) * r + 3.081226386) * r + 6.657905115) /
        ((0.012258202635 * r + 0.24197894225) * r + 1);
  return q < 0 ? -x : x;
}

/** Draws the next elements of a tensor. One loop a kind: calls for each element would take twice the time. */
function draw(init: Init, random: Random, first: number, out: Float32Array): void {
  const n = out.length;
  switch (init.kind) {
    case 'normal':
      for (let i = 0; i < n; i++) out[i] = init.std * normalQuantile((random.bits() + 0.5) / 2 ** 32);
      return;
    case 'uniform':
      for (let i = 0; i < n; i++) out[i] = init.bound * ((random.bits() + 0.5) / 2 ** 31 - 1);
      return;
    case 'constant':
      out.fill(init.value);
      return;
    case 'values':
      out.set(init.make().subarray(first, first + n));
  }
}

/** A reader of random tensors under the first of their names.
 *  @throws INVALID_CONFIG for what no tensor can be */
export function randomTensors(declarations: readonly Declaration[], seed: number): TensorReader {
  const inits = new Map<string, Init>();
  const tensors = new Map<string, TensorInfo>();
  for (const { names, dims, init } of declarations.flatMap(({ sources }) => sources)) {
    const [name] = names;
    const problem = problemOf(dims, init);
    if (problem)
      throw new WasmformerError('INVALID_CONFIG', `the config asks for ${name} [${dims.join(', ')}], ${problem}`);
    inits.set(name, init);
    tensors.set(name, { dtype: 'F32', dims });
  }
  // before anything is planned for so many
  const bytes = 2 * [...tensors.values()].reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0);
  if (bytes > MOST_BYTES) {
    throw new WasmformerError(
      'OUT_OF_MEMORY',
      `the config asks for weights of ${Math.ceil(bytes / 2 ** 20)} MB in 16 bits, but WebAssembly has ${MOST_BYTES / 2 ** 20} MB: use a smaller model`,
    );
  }
  let stream: Stream | null = null;
  return {
    tensors,
    async read(parts) {
      const all = new Float32Array(parts.reduce((sum, { length }) => sum + length / 4, 0));
      let at = 0;
      for (const { name, start, length } of parts) {
        // an engine in the caller's thread hears of an abort in between
        await yieldToEventLoop();
        const init = inits.get(name)!;
        const first = start / 4;
        if (stream?.name !== name || stream.at > first)
          stream = { name, random: new Random(seed, streamOf(name)), at: 0 };
        if (init.kind === 'normal' || init.kind === 'uniform')
          for (; stream.at < first; stream.at++) stream.random.bits();
        const values = all.subarray(at, (at += length / 4));
        draw(init, stream.random, first, values);
        stream.at = first + values.length;
        if (init.kind === 'normal' && init.zeroRow !== undefined) {
          const width = tensors.get(name)!.dims[1];
          const row = init.zeroRow * width - first;
          if (row < values.length && row + width > 0) values.fill(0, Math.max(0, row), row + width);
        }
      }
      return new Uint8Array(all.buffer);
    },
  };
}

function problemOf(dims: readonly number[], init: Init): string | null {
  if (dims.some((dim) => dim === 0)) return 'which has no elements';
  const row = init.kind === 'normal' ? init.zeroRow : undefined;
  if (row !== undefined && !(row >= 0 && row < dims[0])) return `which has no row for the padding token (pad_token_id)`;
  return null;
}
