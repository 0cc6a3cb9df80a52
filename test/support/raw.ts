// Runs single records of the wasm core straight through its binary interface: one build, memory of its own, one thread.
// What the library does around the kernels (graph, plan, engine) takes no part.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import * as L from '../../assembly/abi/layout';
import * as R from '../../assembly/abi/records';
import { CONSTANT_VALUES } from '../../src/core/constants';
import { coreImports } from '../../src/core/imports';

export const BUILDS = ['base', 'relaxed', 'base-shared', 'relaxed-shared'] as const;
export type BuildName = (typeof BUILDS)[number];

/** Shares that every kernel is run in; all of them must give the same bits. */
const SHARES = [1, 2, 3, 7] as const;

/** Floats on either side of every region: NaNs, so that a read beyond the end shows in the result as well. */
const GUARD = 16;
const GUARD_BITS = 0x7fc0dead;
/** What an output holds before a run. */
const POISON_BITS = 0x7fc0beef;

const modules = new Map<BuildName, WebAssembly.Module>();

function moduleOf(build: BuildName): WebAssembly.Module {
  let module = modules.get(build);
  if (!module) {
    const bytes = readFileSync(new URL(`../../dist/wasm/${build}.wasm`, import.meta.url));
    if (!WebAssembly.validate(bytes) && process.versions.node.startsWith('20.')) {
      setFlagsFromString('--experimental-wasm-relaxed-simd');
    }
    module = new WebAssembly.Module(bytes);
    modules.set(build, module);
  }
  return module;
}

/** A place in wasm memory with guards around it. */
export interface Region {
  address: number;
  length: number;
}

/** A region that a record writes. */
export interface Output extends Region {
  /** What it holds before every run, where the kernel works in place. */
  initial?: Float32Array;
}

/** A record: opcode, size in bytes, and fields by offset. `floats` are the fields that hold an f32. */
export interface RawRecord {
  op: number;
  size: number;
  fields: Record<number, number>;
  floats?: Record<number, number>;
}

export class Raw {
  private readonly memory: WebAssembly.Memory;
  private readonly runSlice: (threads: number) => number;
  private readonly recordAddress: number;
  private readonly start: number;
  private next: number;
  private regions: Region[] = [];

  constructor(readonly build: BuildName) {
    this.memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: build.endsWith('shared') });
    const { exports } = new WebAssembly.Instance(
      moduleOf(build),
      coreImports(this.memory) as unknown as WebAssembly.Imports,
    );
    this.runSlice = exports.run as (threads: number) => number;
    for (const [address, value] of CONSTANT_VALUES) this.f32(address, 1)[0] = value;
    this.recordAddress = L.HEAP;
    this.start = L.HEAP + 1024;
    this.next = this.start;
    this.set(L.CTL_RECORD, this.recordAddress);
    this.set(L.CTL_COUNT, 1);
    this.set(L.CTL_CALL, 1);
    this.setTile(4, 1);
  }

  /** Register tile of the matmul: 4 to 6 rows, 1 or 2 panels of 8 columns. */
  setTile(rows: number, panels: number): void {
    this.set(L.CTL_TILE_ROWS, rows);
    this.set(L.CTL_TILE_PANELS, panels);
  }

  /** Forgets all regions. */
  reset(): void {
    this.next = this.start;
    this.regions = [];
  }

  /** Gives the next runs scratch memory of exactly so many bytes, with guards around it. */
  scratch(bytes: number): void {
    this.set(L.CTL_SCRATCH, this.allocate(Math.ceil(bytes / 4)).address);
  }

  /** An input. */
  input(data: ArrayLike<number>): number {
    const region = this.allocate(data.length);
    this.f32(region.address, data.length).set(data);
    return region.address;
  }

  /** An input of 32-bit integers. */
  ints(data: ArrayLike<number>): number {
    const region = this.allocate(data.length);
    new Int32Array(this.memory.buffer, region.address, data.length).set(data);
    return region.address;
  }

  /** An input of bytes, `offset` bytes after an aligned address. */
  bytes(data: Uint8Array, offset = 0): number {
    const region = this.allocate((data.length + offset + 3) >> 2);
    new Uint8Array(this.memory.buffer).set(data, region.address + offset);
    return region.address + offset;
  }

  /** A cell: the address of an i32. */
  cell(value: number): number {
    return this.ints([value]);
  }

  /** An output of `length` floats. */
  output(length: number): Output {
    return this.allocate(length);
  }

  /** An output that is an input too: holds `data` before every run. */
  inPlace(data: ArrayLike<number>): Output {
    return { ...this.allocate(data.length), initial: Float32Array.from(data) };
  }

  /** Runs a record in `parts` shares and gives a copy of its output. Throws if a guard was overwritten. */
  run(record: RawRecord, output: Output, parts = 1): Float32Array {
    if (output.initial) this.f32(output.address, output.length).set(output.initial);
    else this.poison(output);
    this.u32(this.recordAddress, record.size >> 2).fill(0);
    for (const [offset, value] of Object.entries(record.fields)) this.set(this.recordAddress + Number(offset), value);
    for (const [offset, value] of Object.entries(record.floats ?? {}))
      this.f32(this.recordAddress + Number(offset), 1)[0] = value;
    this.set(this.recordAddress + R.R_OP, record.op);
    this.set(this.recordAddress + R.R_SIZE, record.size);
    this.set(L.CTL_PARTS, parts);
    for (let part = 0; part < parts; part++) {
      this.set(L.CTL_PART, part);
      if (this.runSlice(1) !== 1) throw new Error('the slice was stopped');
    }
    this.checkGuards();
    return this.f32(output.address, output.length).slice();
  }

  /** Runs a record in 1, 2, 3 and 7 shares; throws unless all give the same bits. Gives a copy of the output. */
  runShares(record: RawRecord, output: Output): Float32Array {
    const expected = this.run(record, output);
    for (const parts of SHARES.slice(1)) {
      const difference = firstDifference(this.run(record, output, parts), expected);
      if (difference >= 0) throw new Error(`${parts} shares: element ${difference} differs from that of one share`);
    }
    return expected;
  }

  /** Fills a region with NaNs. */
  poison(region: Region): void {
    this.u32(region.address, region.length).fill(POISON_BITS);
  }

  /** A copy of what a region holds. */
  read(region: Region): Float32Array {
    return this.f32(region.address, region.length).slice();
  }

  /** What a region holds, as 16-bit values. */
  readHalves({ address, length }: Region): number[] {
    return Array.from(new Uint16Array(this.memory.buffer, address, length * 2));
  }

  /** A field of the record as the last run left it. */
  field(offset: number): number {
    return this.u32(this.recordAddress + offset, 1)[0];
  }

  private allocate(length: number): Region {
    const address = this.next + GUARD * 4;
    // the end is not rounded: the guard begins at the first float beyond
    this.next = address + (length + GUARD) * 4;
    const missing = this.next + 65536 - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
    const region = { address, length };
    this.guards(region).forEach((view) => view.fill(GUARD_BITS));
    this.regions.push(region);
    return region;
  }

  private guards({ address, length }: Region): Uint32Array[] {
    return [this.u32(address - GUARD * 4, GUARD), this.u32(address + length * 4, GUARD)];
  }

  private checkGuards(): void {
    for (const region of this.regions) {
      for (const view of this.guards(region)) {
        if (view.some((bits) => bits !== GUARD_BITS)) {
          throw new Error(`wrote outside the region of ${region.length} floats at ${region.address}`);
        }
      }
    }
  }

  private set(address: number, value: number): void {
    new Int32Array(this.memory.buffer, address, 1)[0] = value;
  }

  private f32(address: number, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.memory.buffer as ArrayBuffer, address, length);
  }

  private u32(address: number, length: number): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.memory.buffer as ArrayBuffer, address, length);
  }
}

/** Index of the first element whose bits differ, or -1. NaNs of any payload are equal. */
export function firstDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  return a.findIndex((value, i) => !Object.is(value, b[i]));
}
