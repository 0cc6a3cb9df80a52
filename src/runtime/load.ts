// Fills declared weights from a checkpoint: piece by piece from the file into their final layout, converted on the way.
// A model is never in memory twice: the largest extra is two groups of pieces.
import * as R from '../../assembly/abi/records';
import type { Core } from '../core/core';
import type { Weight, WeightType } from '../core/graph';
import { abortError } from '../errors';
import type { Declaration, Source } from '../nn/parameters';
import { WEIGHT_TYPES } from '../ops/weight-type';
import { HeldWeights, type Part } from './held-weights';

/** What the loader needs to know of a checkpoint's tensor. */
export interface TensorInfo {
  readonly dtype: string;
  readonly dims: readonly number[];
}

/** `length` bytes of a tensor from its byte `start`. */
export interface TensorPart {
  readonly name: string;
  readonly start: number;
  readonly length: number;
}

/** Tensors by name, and a way to read their bytes. */
export interface TensorReader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The bytes of parts of tensors, one after another, in a buffer that nobody else has. */
  read(parts: readonly TensorPart[]): Promise<Uint8Array>;
}

/** Bytes that are asked for at once: pieces of tensors, and several small ones together. */
const PIECE = 4 * 2 ** 20;
const RECORD_BYTES = 256;

/** How weights are to be held: 'auto' as the checkpoint stores them. */
export type HeldAs = 'auto' | WeightType;

const TYPES: Readonly<Record<string, { stored: WeightType; bytes: number }>> = {
  F32: { stored: 'f32', bytes: 4 },
  F16: { stored: 'f16', bytes: 2 },
  BF16: { stored: 'bf16', bytes: 2 },
};

interface Piece {
  readonly declaration: Declaration;
  readonly source: Source;
  readonly tensor: string;
  readonly stored: WeightType;
  /** Bytes of an element. */
  readonly bytes: number;
  /** Elements in a row of the tensor. */
  readonly width: number;
  /** Rows of the tensor in this piece, and the weight's row that the first one fills (its column, if transposed). */
  readonly first: number;
  readonly rows: number;
  readonly target: number;
  readonly transposed: boolean;
  /** The weight's first row, if transposed. */
  readonly row: number;
}

/** Bytes that a weight takes in wasm memory. */
function weightBytes({ dims, layout, dtype }: Weight): number {
  const elements = dims.reduce((product, dim) => product * dim, 1);
  return (dtype === 'f32' ? 4 : 2) * (layout === 'packed' ? (elements / dims[0]) * ((dims[0] + 7) & ~7) : elements);
}

/** Tensors that no weight takes, under any of its names, and that are not known to be left over. */
function unplaced(declarations: readonly Declaration[], reader: TensorReader, ignored: readonly RegExp[]): string[] {
  const known = new Set(declarations.flatMap(({ sources }) => sources.flatMap(({ names }) => names)));
  return [...reader.tensors.keys()].filter(
    (name) => !known.has(name) && !ignored.some((pattern) => pattern.test(name)),
  );
}

/** Finds every source's tensor and checks its shape. Throws one error that lists all that is wrong. */
async function resolve(
  declarations: readonly Declaration[],
  reader: TensorReader,
  ignored: readonly RegExp[] | undefined,
): Promise<Piece[]> {
  const unfilled: Source[] = [];
  const pieces: Piece[] = [];
  for (const declaration of declarations) {
    for (const source of declaration.sources) {
      const { names, dims, row, transposed = false } = source;
      const tensor = names.find((name) => reader.tensors.has(name));
      const info = tensor === undefined ? undefined : reader.tensors.get(tensor);
      const type = info && Object.hasOwn(TYPES, info.dtype) ? TYPES[info.dtype] : undefined;
      if (tensor === undefined || !info || !type || info.dims.join() !== dims.join()) {
        unfilled.push(source);
        continue;
      }
      const width = dims.length === 1 ? 1 : dims.slice(1).reduce((product, dim) => product * dim, 1);
      const step = Math.max(1, Math.floor(PIECE / (width * type.bytes)));
      const from = source.from ?? 0;
      const end = from + (source.count ?? dims[0] - from);
      for (let first = from; first < end; first += step) {
        const target = (transposed ? 0 : row) + first - from;
        const rows = Math.min(step, end - first);
        pieces.push({ declaration, source, tensor, ...type, width, first, rows, target, transposed, row });
      }
    }
  }
  // files are read from front to back: over a network, anything else is a request for each tensor
  const order = new Map([...reader.tensors.keys()].map((name, i) => [name, i]));
  pieces.sort((a, b) => order.get(a.tensor)! - order.get(b.tensor)! || a.first - b.first);
  const left = ignored ? unplaced(declarations, reader, ignored) : [];
  if (unfilled.length + left.length > 0) {
    throw (await import('./load-mistakes')).misfit(unfilled, left, reader.tensors, Object.keys(TYPES));
  }
  return pieces;
}

const bytesOf = ({ rows, width, bytes }: Piece): number => rows * width * bytes;

/** Pieces in groups of at most PIECE bytes: each is a question to the caller's thread, and a read of the file. */
function grouped(pieces: readonly Piece[]): Piece[][] {
  const groups: Piece[][] = [];
  let room = 0;
  for (const piece of pieces) {
    const bytes = bytesOf(piece);
    if (bytes > room) {
      groups.push([]);
      room = PIECE;
    }
    groups.at(-1)!.push(piece);
    room -= bytes;
  }
  return groups;
}

export interface LoadOptions {
  /** Default 'auto'. */
  dtype?: HeldAs;
  /** Told how most of the weights' elements are held. */
  onHeld?: (dtype: WeightType) => void;
  onProgress?: (loaded: number, total: number) => void;
  isCancelled?: () => boolean;
  /** Names of tensors that may be left over; without it all may. */
  ignored?: readonly RegExp[];
}

/** How a weight is held before its values are known: as asked, or as all its tensors are stored. */
function heldAs({ weight, isMatrix }: Declaration, pieces: readonly Piece[], dtype: HeldAs): WeightType {
  if (!isMatrix) return 'f32';
  if (dtype !== 'auto') return dtype;
  const stored = new Set(
    pieces.filter(({ declaration }) => declaration.weight === weight).map((piece) => piece.stored),
  );
  return stored.size === 1 ? [...stored][0] : 'f32';
}

function allocate(weight: Weight, core: Core): number {
  return core.memory.alloc(weightBytes(weight), `weight ${weight.name}`, 'weights');
}

/** How most of the elements of weights are held. */
function mostly(declarations: readonly Declaration[]): WeightType {
  const counts = { f32: 0, f16: 0, bf16: 0 };
  for (const { weight } of declarations) counts[weight.dtype] += weight.dims.reduce((product, dim) => product * dim, 1);
  return (Object.keys(counts) as WeightType[]).reduce((a, b) => (counts[b] > counts[a] ? b : a));
}

/** Reads all weights into wasm memory, and tells what they were read from. On failure or cancellation what was allocated is given back. */
export async function loadWeights(
  declarations: readonly Declaration[],
  reader: TensorReader,
  core: Core,
  options: LoadOptions = {},
): Promise<HeldWeights> {
  const before = core.memory.used;
  const pieces = await resolve(declarations, reader, options.ignored);
  const total = pieces.reduce((sum, piece) => sum + bytesOf(piece), 0);
  const { memory } = core;
  const computed = new Computed(declarations, core);
  let staging = 0;
  try {
    for (const declaration of declarations) {
      declaration.weight.dtype = heldAs(declaration, pieces, options.dtype ?? 'auto');
    }
    memory.checkRoom(
      declarations.map(({ weight }) => weightBytes(weight)),
      'the model',
    );
    for (const { weight } of declarations) weight.address = allocate(weight, core);
    staging = memory.alloc(RECORD_BYTES + Math.max(0, ...pieces.map(bytesOf)), 'loading');
    let loaded = 0;
    const fetchPieces = (some: readonly Piece[]): Promise<Uint8Array> =>
      reader.read(
        some.map((piece) => ({
          name: piece.tensor,
          start: piece.first * piece.width * piece.bytes,
          length: bytesOf(piece),
        })),
      );
    // a value that f16 does not hold: its weight starts again, as f32
    const widen = async (last: Piece): Promise<void> => {
      const { weight } = last.declaration;
      memory.free(weight.address);
      weight.address = 0;
      weight.dtype = 'f32';
      weight.address = allocate(weight, core);
      for (const piece of pieces.slice(0, pieces.indexOf(last) + 1)) {
        if (piece.declaration.weight === weight) store(piece, await fetchPieces([piece]), core, staging, computed);
      }
    };
    const groups = grouped(pieces);
    // the next group is read while this one is packed
    let next = groups.length > 0 ? fetchPieces(groups[0]) : null;
    for (let i = 0; i < groups.length; i++) {
      const bytes = await next!;
      next = i + 1 < groups.length ? fetchPieces(groups[i + 1]) : null;
      // a failure is seen when its turn comes; until then it is not unhandled
      next?.catch(() => {});
      if (options.isCancelled?.()) throw abortError();
      let at = 0;
      for (const piece of groups[i]) {
        const end = at + bytesOf(piece);
        if (!store(piece, bytes.subarray(at, end), core, staging, computed)) await widen(piece);
        at = end;
      }
      loaded += bytes.byteLength;
      release(bytes);
      options.onProgress?.(loaded, total);
    }
    computed.finish();
    options.onHeld?.(mostly(declarations));
    memory.free(staging);
    return hold(declarations, pieces, computed, core, memory.used - before, options.dtype ?? 'auto');
  } catch (error) {
    for (const { weight } of declarations) {
      if (weight.address) memory.free(weight.address);
      weight.address = 0;
    }
    computed.release();
    if (staging) memory.free(staging);
    throw error;
  }
}

/** What the weights came from. A tensor is written as it was stored, unless the call asked for another type. */
function hold(
  declarations: readonly Declaration[],
  pieces: readonly Piece[],
  computed: Computed,
  core: Core,
  bytes: number,
  dtype: HeldAs,
): HeldWeights {
  const found = new Map(pieces.map((piece) => [piece.source, piece]));
  const matrices = new Set(declarations.filter(({ isMatrix }) => isMatrix).map(({ weight }) => weight));
  const parts = [...found.values()].map(({ source, tensor, stored, declaration }): Part => ({
    source,
    tensor,
    stored,
    weight: computed.tensors.get(source) ?? declaration.weight,
  }));
  return new HeldWeights(declarations, [...computed.tensors.values()], core, bytes, parts, ({ weight, stored }) =>
    dtype === 'f32' ? 'f32' : dtype !== 'auto' && matrices.has(weight) ? weight.dtype : stored,
  );
}

/** Frees a piece's buffer now, where the engine can: the garbage collector would let many of them pile up. */
function release(bytes: Uint8Array): void {
  (bytes.buffer as ArrayBuffer & { transfer?: (length: number) => ArrayBuffer }).transfer?.(0);
}

/** Collects the tensors of weights that are computed from them. They stay beside the weights, so that they can be saved. */
class Computed {
  readonly tensors = new Map<Source, Weight>();

  constructor(
    private readonly declarations: readonly Declaration[],
    private readonly core: Core,
  ) {}

  /** Where elements of a source go until all are there. */
  address(source: Source, element: number): number {
    let tensor = this.tensors.get(source);
    if (!tensor) {
      const { names, dims } = source;
      tensor = { kind: 'weight', name: names[0], dims, layout: 'rows', dtype: 'f32', address: 0 };
      tensor.address = allocate(tensor, this.core);
      this.tensors.set(source, tensor);
    }
    return tensor.address + element * 4;
  }

  /** Computes all that are declared so. */
  finish(): void {
    const { memory } = this.core;
    for (const { weight, sources, compute } of this.declarations) {
      if (!compute) continue;
      const data = compute(
        ...sources.map((source) => {
          const { address, dims } = this.tensors.get(source)!;
          return memory
            .f32(
              address,
              dims.reduce((product, dim) => product * dim, 1),
            )
            .slice();
        }),
      );
      memory.f32(weight.address, data.length).set(data);
    }
  }

  release(): void {
    for (const { address } of this.tensors.values()) this.core.memory.free(address);
    this.tensors.clear();
  }
}

/** Packs or converts one piece that lies in JavaScript memory. Gives false if a value cannot be held. */
function store(piece: Piece, bytes: Uint8Array, core: Core, staging: number, computed: Computed): boolean {
  const { weight, compute } = piece.declaration;
  const source = staging + RECORD_BYTES;
  core.memory.u8(source, bytes.byteLength).set(bytes);
  const record = core.memory.i32(staging, RECORD_BYTES / 4);
  const [type, held] = [WEIGHT_TYPES[piece.stored], WEIGHT_TYPES[weight.dtype]];
  record.fill(0);
  const set = (offset: number, value: number): void => {
    record[offset >>> 2] = value;
  };
  if (weight.layout === 'packed') {
    const [n, k] = weight.dims;
    set(R.R_OP, R.OP_PACK);
    set(R.R_SIZE, R.PK_SIZE);
    set(R.PK_SRC, source);
    set(R.PK_TYPE, type);
    set(R.PK_TO, held);
    const [across, down] = [piece.width * piece.bytes, piece.bytes];
    set(R.PK_SN, piece.transposed ? down : across);
    set(R.PK_SK, piece.transposed ? across : down);
    set(R.PK_N, piece.transposed ? piece.width : piece.rows);
    set(R.PK_K, piece.transposed ? piece.rows : piece.width);
    set(R.PK_DST, weight.address);
    set(R.PK_N0, piece.transposed ? piece.row : piece.target);
    set(R.PK_K0, piece.transposed ? piece.target : 0);
    set(R.PK_N_TOTAL, n);
    set(R.PK_K_TOTAL, k);
    set(R.PK_BATCH, 1);
  } else {
    set(R.R_OP, R.OP_CONVERT);
    set(R.R_SIZE, R.CV_SIZE);
    set(R.CV_SRC, source);
    const element = piece.target * piece.width;
    set(
      R.CV_DST,
      compute ? computed.address(piece.source, element) : weight.address + element * (held === R.TYPE_F32 ? 4 : 2),
    );
    set(R.CV_COUNT, piece.rows * piece.width);
    set(R.CV_TYPE, type);
    set(R.CV_TO, held);
  }
  // about a nanosecond an element
  core.run(staging, 1, piece.rows * piece.width);
  return (
    core.memory.i32(staging, RECORD_BYTES / 4)[(weight.layout === 'packed' ? R.PK_UNHELD : R.CV_UNHELD) >>> 2] === 0
  );
}
