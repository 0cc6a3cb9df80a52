// Regions of wasm memory. TypeScript owns all of it: weights, activations, plans and scratch are regions given out here.
import { HEAP } from '../../assembly/abi/layout';
import { WasmformerError } from '../errors';

const PAGE = 65536;
const ALIGN = 64;

interface Hole {
  address: number;
  bytes: number;
}

/** First-fit allocator over a WebAssembly.Memory that grows in steps. Addresses are multiples of 64. */
export class Memory {
  /** Free regions, by address; neighbours are merged. */
  private holes: Hole[] = [];
  private readonly sizes = new Map<number, number>();
  private end = HEAP;
  private buffer!: ArrayBufferLike;
  private words!: Int32Array;
  private floats!: Float32Array;
  private octets!: Uint8Array;

  constructor(readonly memory: WebAssembly.Memory) {
    this.refresh();
  }

  /** Bytes in use. */
  get used(): number {
    let sum = 0;
    for (const bytes of this.sizes.values()) sum += bytes;
    return sum;
  }

  /** Bytes of wasm memory, which never shrinks. */
  get size(): number {
    return this.memory.buffer.byteLength;
  }

  /** Gives out a region. Its content is arbitrary. Throws OUT_OF_MEMORY. */
  alloc(bytes: number, what: string): number {
    const size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
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
    this.sizes.set(address, size);
    return address;
  }

  /** Gives a region back. */
  free(address: number): void {
    const bytes = this.sizes.get(address);
    if (bytes === undefined) throw new Error(`no region at ${address}`);
    this.sizes.delete(address);
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

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
