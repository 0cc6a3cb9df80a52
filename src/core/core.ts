// One wasm core: memory, the engine thread's instance and its followers. Runs slices of records and knows nothing of what
// they compute.
import { instantiateSync } from '@assemblyscript/loader';
import * as platform from '#platform';
import * as L from '../../assembly/abi/layout';
import { WasmformerError } from '../errors';
import { loadBuild, sharesMemory, tileOf, type Build, type BuildName, type BuildOptions } from './build';
import { CONSTANT_VALUES } from './constants';
import { coreImports } from './imports';
import { createMemory, type Memory } from './memory';
import { threadsFor } from './threads';

/** What the wasm module exports (assembly/index.ts). */
interface CoreExports extends Record<string, unknown> {
  run(threads: number): number;
  RELAXED: WebAssembly.Global;
}

export interface CoreOptions extends BuildOptions {
  /** The build, where it is chosen and compiled elsewhere. Default: by loadBuild. */
  build?: Build;
}

/** Looks at a cell before a waiting thread sleeps: some 100 microseconds, longer than the event loop takes to turn. */
const SPIN = 20_000;

export class Core {
  /** Bumped whenever the arena moves: plans hold absolute addresses, so those of another version are void. */
  arenaVersion = 0;
  private readonly control: Int32Array;
  private followers: platform.Follower[] = [];
  /** Followers that did not come up. */
  private absent = 0;
  private arena = { address: 0, bytes: 0 };
  private scratch = { address: 0, stride: 0 };
  private disposed = false;
  private readonly cores = platform.cores();

  private constructor(
    readonly build: BuildName,
    private readonly started: number,
    private readonly exports: CoreExports,
    readonly memory: Memory,
    tile: { rows: number; panels: number },
  ) {
    // only for atomics on shared memory, whose buffer stays valid when memory grows
    this.control = new Int32Array(memory.memory.buffer, L.CONTROL, (L.CONSTANTS - L.CONTROL) >>> 2);
    for (const [address, value] of CONSTANT_VALUES) this.memory.f32(address, 1)[0] = value;
    this.set(L.CTL_TILE_ROWS, tile.rows);
    this.set(L.CTL_TILE_PANELS, tile.panels);
    this.set(L.CTL_PARTS, 1);
    this.set(L.CTL_SPIN, SPIN);
  }

  static async create(options: CoreOptions): Promise<Core> {
    if (options.module) return Core.ofModule(options.module);
    const { name, module, tile } = options.build ?? (await loadBuild(options));
    const shared = sharesMemory(options);
    const threads = shared ? options.threads : 1;
    const memory = createMemory(shared);
    const { exports } = instantiateSync<CoreExports>(module, coreImports(memory.memory));
    const core = new Core(name, threads, exports, memory, tile);
    const onLost = (joined: boolean): void => {
      if (joined) core.set(L.CTL_FAILED, 1);
      else core.absent++;
    };
    for (let i = 1; i < threads; i++) {
      try {
        core.followers.push(await platform.startFollower(module, memory.memory, onLost));
      } catch {
        onLost(false);
      }
    }
    return core;
  }

  /** A core of one thread over a module that was compiled ahead. */
  private static async ofModule(module: WebAssembly.Module): Promise<Core> {
    const memory = createMemory(false);
    let exports: CoreExports;
    let relaxed: boolean;
    try {
      // the loader takes only a module of its own realm, and an edge runtime may compile it in another
      exports = new WebAssembly.Instance(module, coreImports(memory.memory) as unknown as WebAssembly.Imports)
        .exports as CoreExports;
      // what has no such export is another module
      relaxed = exports.RELAXED.value === 1;
    } catch (cause) {
      throw (await import('./build-failure')).unfit(cause);
    }
    return new Core(relaxed ? 'relaxed' : 'base', 1, exports, memory, tileOf(relaxed, false));
  }

  /** The shared memory, for a cancel cell that another JavaScript thread writes; undefined with one thread. */
  get sharedBuffer(): SharedArrayBuffer | undefined {
    const { buffer } = this.memory.memory;
    return buffer instanceof ArrayBuffer ? undefined : (buffer as SharedArrayBuffer);
  }

  /** Threads, less those that could not start. */
  get threads(): number {
    return this.started - this.absent;
  }

  /** Threads that are up: followers join as they come. */
  get ready(): number {
    return this.started === 1
      ? 1
      : Math.min(this.threads, 1 + Atomics.load(this.control, (L.CTL_READY - L.CONTROL) >>> 2));
  }

  /** Threads that take part: all that are up, but no more than there are cores. Every record waits for all of its threads, and one
   *  without a core makes the others wait: 8 on 2 cores would take 1.2 times as long as 2 for a forward pass, 1.9 for a decode step
   *  (1.7 and 2.6 if those that wait did not sleep), and 1.0 so. */
  get taking(): number {
    return Math.min(this.ready, this.cores);
  }

  /** Resolves when all threads are up, or after a second. */
  async warm(): Promise<void> {
    for (const until = Date.now() + 1000; this.ready < this.threads && Date.now() < until;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** The activation arena, at least `bytes` long: one for all plans, since one plan runs at a time. */
  reserveArena(bytes: number): number {
    if (bytes > this.arena.bytes) {
      if (this.arena.bytes) this.memory.free(this.arena.address);
      this.arena = { address: 0, bytes: 0 };
      this.arenaVersion++;
      this.arena = { address: this.memory.alloc(bytes, 'the activations', 'activations'), bytes };
    }
    return this.arena.address;
  }

  /** Scratch memory of every thread, at least `bytes` each. */
  reserveScratch(bytes: number): void {
    if (bytes <= this.scratch.stride) return;
    if (this.scratch.stride) this.memory.free(this.scratch.address);
    this.scratch = { address: 0, stride: 0 };
    // an odd number of cache lines, so that threads' scratch does not fall on the same cache sets
    const stride = (Math.ceil(bytes / 64) | 1) * 64;
    this.scratch = { address: this.memory.alloc(stride * this.started, 'scratch memory'), stride };
    this.set(L.CTL_SCRATCH, this.scratch.address);
    this.set(L.CTL_SCRATCH_STRIDE, stride);
  }

  /** Runs `count` records from an address, or one part of them, on as many threads as are worth it. False: stopped by the cancel cell.
   *  @param cost of the run that they belong to, on one thread, in nanoseconds */
  run(record: number, count: number, cost: number, part = 0, parts = 1): boolean {
    if (this.disposed) throw new WasmformerError('DISPOSED', 'this engine was disposed');
    this.set(L.CTL_RECORD, record);
    this.set(L.CTL_COUNT, count);
    this.set(L.CTL_PART, part);
    this.set(L.CTL_PARTS, parts);
    const done = this.exports.run(threadsFor(this, cost)) === 1;
    if (!done && this.get(L.CTL_FAILED)) {
      throw new WasmformerError('WORKER_FAILED', 'a thread of the engine died; the next call starts a new engine');
    }
    return done;
  }

  /** Numbers the call that runs from now on; writing the same number to the cancel cell stops it. */
  beginCall(call: number): void {
    this.set(L.CTL_CALL, call);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    if (this.started > 1) {
      Atomics.store(this.control, (L.CTL_EXIT - L.CONTROL) >>> 2, 1);
      // any change of the generation wakes the followers, which then see the exit cell
      Atomics.add(this.control, (L.CTL_GENERATION - L.CONTROL) >>> 2, 256);
      Atomics.notify(this.control, (L.CTL_GENERATION - L.CONTROL) >>> 2);
    }
    for (const follower of this.followers) follower.stop();
    this.followers = [];
  }

  private set(address: number, value: number): void {
    this.memory.setWord(address, value);
  }

  private get(address: number): number {
    return this.memory.word(address);
  }
}
