// Regions of wasm memory. TypeScript owns all of it: weights, activations, plans and scratch are regions given out here.
import { MEMORY_ADVICE } from '#platform';
import { HEAP } from '../../assembly/abi/layout';
import { WasmformerError } from '../errors';

const PAGE = 65536;
const ALIGN = 64;

/** Most pages of a memory: what 32-bit addresses reach, then less, for machines that have no room for so many addresses. */
const MAXIMA = [65536, 32768, 16384, 8192, 4096];

/** A memory that is small and may grow as far as the machine allows. Its last page stays empty: no address that a kernel computes
 *  behind a region exceeds 32 bits. */
export function createMemory(shared: boolean): Memory {
  let cause: unknown;
  for (const maximum of MAXIMA) {
    try {
      return new Memory(new WebAssembly.Memory({ initial: 16, maximum, shared }), (maximum - 1) * PAGE);
    } catch (error) {
      cause = error;
    }
  }
  throw new WasmformerError('OUT_OF_MEMORY', `no WebAssembly memory: dispose other engines${MEMORY_ADVICE}`, { cause });
}

/** What regions are for. */
export type MemoryUse = 'weights' | 'kv' | 'activations' | 'other';

interface Hole {
  address: number;
  bytes: number;
}

/** First-fit allocator over a WebAssembly.Memory that grows in steps. Addresses are multiples of 64. */
export class Memory {
  /** Free regions, by address; neighbours are merged. */
  private holes: Hole[] = [];
  private readonly regions = new Map<number, { bytes: number; use: MemoryUse }>();
  private readonly bytesOf: Record<MemoryUse, number> = { weights: 0, kv: 0, activations: 0, other: 0 };
  private end = HEAP;
  private buffer!: ArrayBufferLike;
  private words!: Int32Array;
  private floats!: Float32Array;
  private octets!: Uint8Array;

  /** @param limit bytes that it may grow to */
  constructor(
    readonly memory: WebAssembly.Memory,
    private readonly limit: number,
  ) {
    this.refresh();
  }

  /** Bytes in use. */
  get used(): number {
    const { weights, kv, activations, other } = this.bytesOf;
    return weights + kv + activations + other;
  }

  /** Bytes in use for something. */
  usedFor(use: MemoryUse): number {
    return this.bytesOf[use];
  }

  /** Throws OUT_OF_MEMORY if regions of these sizes do not all fit: before the first of them is filled.
   *  @param what in words, for the message */
  checkRoom(sizes: readonly number[], what: string): void {
    const needed = sizes.reduce((sum, bytes) => sum + rounded(bytes), 0);
    const last = this.holes.at(-1);
    const tail = last && last.address + last.bytes === this.end ? last.bytes : 0;
    const holes = this.holes.reduce((sum, { bytes }) => sum + bytes, 0) - tail;
    const room = holes + tail + (this.limit - this.end);
    if (needed <= room) return;
    throw new WasmformerError(
      'OUT_OF_MEMORY',
      `${what} takes ${megabytes(needed)} MB, but the engine has room for ${megabytes(room)} MB (its memory ends at ${megabytes(this.limit)} MB): ` +
        "dispose other models, load with dtype: 'f16', or use a smaller model",
    );
  }

  /** Bytes of wasm memory, which never shrinks. */
  get size(): number {
    return this.memory.buffer.byteLength;
  }

  /** Gives out a region. Its content is arbitrary. Throws OUT_OF_MEMORY. */
  alloc(bytes: number, what: string, use: MemoryUse = 'other'): number {
    const size = rounded(bytes);
    let address: number;
    const fit = this.holes.findIndex((hole) => hole.bytes >= size);
    if (fit >= 0) {
      const hole = this.holes[fit];
      address = hole.address;
      if (hole.bytes === size) this.holes.splice(fit, 1);
      else this.holes[fit] = { address: hole.address + size, bytes: hole.bytes - size };
    } else {
      // the last hole may touch the end: then only the rest is new
      const last = this.holes.at(-1);
      address = last && last.address + last.bytes === this.end ? last.address : this.end;
      this.grow(address + size, bytes, what);
      if (address !== this.end) this.holes.pop();
      this.end = address + size;
    }
    this.regions.set(address, { bytes: size, use });
    this.bytesOf[use] += size;
    return address;
  }

  /** Gives a region back. */
  free(address: number): void {
    const region = this.regions.get(address);
    if (region === undefined) throw new Error(`no region at ${address}`);
    const { bytes, use } = region;
    this.regions.delete(address);
    this.bytesOf[use] -= bytes;
    let at = this.holes.findIndex((hole) => hole.address > address);
    if (at < 0) at = this.holes.length;
    this.holes.splice(at, 0, { address, bytes });
    for (const i of [at, at - 1]) {
      const [low, high] = [this.holes[i], this.holes[i + 1]];
      if (low && high && low.address + low.bytes === high.address) {
        this.holes.splice(i, 2, { address: low.address, bytes: low.bytes + high.bytes });
      }
    }
  }

  /** The 32-bit integer at an address: a view of it would be one more object at every step of decoding. */
  word(address: number): number {
    this.refresh();
    return this.words[address >>> 2];
  }

  setWord(address: number, value: number): void {
    this.refresh();
    this.words[address >>> 2] = value;
  }

  /** n 32-bit integers at an address, as a view. Views go stale when memory grows: do not keep them. */
  i32(address: number, n: number): Int32Array {
    this.refresh();
    return this.words.subarray(address >>> 2, (address >>> 2) + n);
  }

  f32(address: number, n: number): Float32Array {
    this.refresh();
    return this.floats.subarray(address >>> 2, (address >>> 2) + n);
  }

  u8(address: number, n: number): Uint8Array {
    this.refresh();
    return this.octets.subarray(address, address + n);
  }

  private refresh(): void {
    if (this.buffer === this.memory.buffer) return;
    this.buffer = this.memory.buffer;
    this.words = new Int32Array(this.buffer);
    this.floats = new Float32Array(this.buffer);
    this.octets = new Uint8Array(this.buffer);
  }

  private grow(end: number, bytes: number, what: string): void {
    const pages = Math.ceil(end / PAGE) - this.size / PAGE;
    if (pages <= 0) return;
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new WasmformerError(
        'OUT_OF_MEMORY',
        `${what} needs ${megabytes(bytes)} MB more, but WebAssembly memory cannot grow beyond ${megabytes(this.size)} MB here: ` +
          `dispose other models, use smaller batches or a smaller model`,
        { cause },
      );
    }
  }
}

function rounded(bytes: number): number {
  return Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
