// The way back from held weights: the checkpoint's tensors again, a few rows at a time, out of the layout that the kernels read
// (assembly/kernels/pack.ts, halves.ts). Every value comes back with the bits that it was stored with, except the payloads of NaNs in
// 16 bits.
import { K_BLOCK } from '../../assembly/abi/layout';
import type { Core } from '../core/core';
import type { Weight, WeightType } from '../core/graph';
import type { HeldWeights, Part } from './held-weights';

/** A tensor to be written: its name in the checkpoint, its elements' type there. */
export interface SavedTensor {
  readonly name: string;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly dims: readonly number[];
}

/** Rows of a tensor, of which it has as many as its first dimension. */
export interface RowsRequest {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

interface HeldTensor extends SavedTensor {
  readonly parts: readonly Part[];
}

const SAVED = { f32: 'F32', f16: 'F16', bf16: 'BF16' } as const;

export class HeldTensors {
  private readonly core: Core;
  private readonly tensors = new Map<string, HeldTensor>();

  constructor({ core, parts, typeOf }: HeldWeights) {
    this.core = core;
    for (const part of parts) {
      const { tensor: name, source } = part;
      const { dtype, parts: others } = this.tensors.get(name) ?? { dtype: SAVED[typeOf(part)], parts: [] };
      const type = dtype === SAVED[typeOf(part)] ? dtype : 'F32';
      this.tensors.set(name, { name, dtype: type, dims: source.dims, parts: [...others, part] });
    }
  }

  list(): SavedTensor[] {
    return [...this.tensors.values()].map(({ name, dtype, dims }) => ({ name, dtype, dims }));
  }

  /** Rows of a tensor in its type, little-endian. */
  read({ name, first, count }: RowsRequest): Uint8Array<ArrayBuffer> {
    const { dims, dtype, parts } = this.tensors.get(name)!;
    const width = dims.slice(1).reduce((product, dim) => product * dim, 1);
    const bits = new Uint32Array(count * width);
    for (const { source, weight } of parts) {
      const from = source.from ?? 0;
      const begin = Math.max(first, from);
      const end = Math.min(first + count, from + (source.count ?? dims[0] - from));
      for (let row = begin; row < end; row++) {
        const out = bits.subarray((row - first) * width, (row - first + 1) * width);
        if (source.transposed) this.readColumn(weight, row, source.row, out);
        else this.readRow(weight, source.row + row - from, out);
      }
    }
    if (dtype === 'F32') return new Uint8Array(bits.buffer);
    return new Uint8Array(Uint16Array.from(bits, dtype === 'BF16' ? (word) => word >>> 16 : halfOf).buffer);
  }

  /** A row of a weight as the bits of f32. */
  private readRow(weight: Weight, row: number, out: Uint32Array): void {
    const elements = this.elements(weight);
    const { layout, dtype, dims } = weight;
    if (layout === 'rows') {
      const at = row * out.length;
      for (let i = 0; i < out.length; i++) out[i] = decode(dtype, elements[at + i]);
      return;
    }
    const [n, depth] = dims;
    const lane = laneOf(dtype, row);
    for (let k = 0; k < depth;) {
      const rows = Math.min(K_BLOCK, depth - k);
      let at = panel(n, depth, row, k) + lane;
      for (const end = k + rows; k < end; k++, at += 8) out[k] = decode(dtype, elements[at]);
    }
  }

  /** A column of a packed weight, from its row `first` on. */
  private readColumn(weight: Weight, column: number, first: number, out: Uint32Array): void {
    const elements = this.elements(weight);
    const { dtype, dims } = weight;
    const [n, depth] = dims;
    const within = (column % K_BLOCK) * 8;
    let at = 0;
    for (let i = 0; i < out.length; i++) {
      const row = first + i;
      if (i === 0 || (row & 7) === 0) at = panel(n, depth, row, column) + within;
      out[i] = decode(dtype, elements[at + laneOf(dtype, row)]);
    }
  }

  private elements({ address, dims, layout, dtype }: Weight): Uint32Array | Uint16Array {
    const [rows] = dims;
    const width = dims.slice(1).reduce((product, dim) => product * dim, 1);
    const count = width * (layout === 'packed' ? (rows + 7) & ~7 : rows);
    const { buffer, byteOffset } = this.core.memory.u8(address, 0);
    return dtype === 'f32' ? new Uint32Array(buffer, byteOffset, count) : new Uint16Array(buffer, byteOffset, count);
  }
}

/** The element that starts the panel of a row, in the block of k of a column. */
function panel(n: number, depth: number, row: number, column: number): number {
  const block = column - (column % K_BLOCK);
  return block * ((n + 7) & ~7) + (row >>> 3) * Math.min(K_BLOCK, depth - block) * 8;
}

/** Where a row lies among the 8 of its panel. */
function laneOf(dtype: WeightType, row: number): number {
  return dtype === 'f32' ? row & 7 : ((row & 3) << 1) + ((row & 4) >> 2);
}

/** The bits of the f32 that an element stands for. */
function decode(dtype: WeightType, code: number): number {
  if (dtype === 'f32') return code;
  if (dtype === 'bf16') return code << 16;
  const exponent = (code >>> 10) & 31;
  const sign = (code & 0x8000) << 16;
  return exponent === 0 ? sign : sign | ((exponent + 102) << 23) | ((code & 0x3ff) << 13);
}

/** The half of an f32 that is one. */
function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 255;
  const mantissa = bits & 0x7fffff;
  if (exponent === 255) return sign | 0x7c00 | (mantissa >>> 13);
  if (exponent > 112) return sign | ((exponent - 112) << 10) | (mantissa >>> 13);
  return exponent === 0 ? sign : sign | ((mantissa | 0x800000) >>> (126 - exponent));
}
