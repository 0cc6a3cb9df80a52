// Which of the four builds of the core this engine can run, and its compiled module.
import * as platform from '#platform';

/** Name of a build: its file is dist/wasm/{name}.wasm. */
export type BuildName = 'base' | 'relaxed' | 'base-shared' | 'relaxed-shared';

export interface BuildOptions {
  /** Threads, the engine's own included: 1 to 64. More than one needs shared memory; without it there is one. */
  threads: number;
  /** A build that the platform has compiled ahead (`wasmformer/wasm/relaxed.wasm` or `base.wasm`), where nothing is compiled at run
   *  time. It has one thread, the caller's. */
  module?: WebAssembly.Module;
  /** Use relaxed SIMD (fused multiply-add) where it exists; on Node 20 that sets a V8 flag for the process. Default true. */
  relaxedSimd?: boolean;
  /** Let V8 fuse pairs of 128-bit operations into 256-bit ones (an experimental flag, Node 24 and later). Default false. */
  revectorize?: boolean;
}

export interface Build {
  name: BuildName;
  module: WebAssembly.Module;
  tile: { rows: number; panels: number };
}

/** A module of one function that uses the given instruction: what validates says what the engine knows. */
function probe(body: number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 0x0b];
  return new Uint8Array([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0, // magic, version
    1,
    5,
    1,
    0x60,
    0,
    1,
    0x7b, // type: () -> v128
    3,
    2,
    1,
    0, // one function
    10,
    code.length + 2,
    1,
    code.length,
    ...code,
  ]);
}

// i32.const 0; i8x16.splat
const ZERO = [0x41, 0, 0xfd, 15];
const SIMD = probe([...ZERO]);
// three operands; f32x4.relaxed_madd (0x105)
const RELAXED = probe([...ZERO, ...ZERO, ...ZERO, 0xfd, 0x85, 0x02]);

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** Whether an engine has several threads over one memory. */
export const sharesMemory = ({ threads }: BuildOptions): boolean => threads > 1 && platform.hasSharedMemory();

/** Chooses and compiles a build. Modules are kept: a second engine does not compile again. */
export async function loadBuild(options: BuildOptions): Promise<Build> {
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(SIMD)) {
    throw (await import('./build-failure')).unsupported();
  }
  let relaxed = options.relaxedSimd ?? true;
  if (relaxed && !WebAssembly.validate(RELAXED)) {
    await platform.enableRelaxedSimd();
    relaxed = WebAssembly.validate(RELAXED);
  }
  const wide = options.revectorize === true && (await platform.enableRevectorizer());
  const name: BuildName = `${relaxed ? 'relaxed' : 'base'}${sharesMemory(options) ? '-shared' : ''}`;
  // a module compiled before the flag was set stays narrow
  const key = wide ? `${name}-wide` : name;
  let module = modules.get(key);
  if (!module) {
    module = compile(name);
    modules.set(key, module);
    module.catch(() => modules.delete(key));
  }
  return { name, module: await module, tile: tileOf(relaxed, wide) };
}

async function compile(name: BuildName): Promise<WebAssembly.Module> {
  const file = `${name}.wasm`;
  let bytes: BufferSource;
  try {
    bytes = await platform.wasmBytes(name);
  } catch (cause) {
    throw (await import('./build-failure')).unreachable(file, cause);
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw (await import('./build-failure')).uncompilable(file, bytes, cause);
  }
}

/** The register tile that this compiler handles best (assembly/kernels/tile.ts). */
export function tileOf(relaxed: boolean, wide: boolean): Build['tile'] {
  return { rows: wide ? 6 : platform.tileRows(relaxed), panels: wide ? 2 : 1 };
}
