// The graph: what model code records. Values are symbolic; nothing is computed here.
//
//   const g = new Graph();
//   const x = g.input('x', [TOKENS, 384]);
//   const y = layerNorm(matmul(x, w), ...);        an op checks its shapes and adds a node
//   g.output('y', y);

/** A size that is known only when a plan runs, such as the number of tokens. */
export interface Sym {
  readonly symbol: string;
}

export type Dim = number | Sym;
export type DType = 'f32' | 'i32';

/** Rows of all sequences of a batch, one after another. */
export const TOKENS: Sym = { symbol: 'tokens' };
/** Sequences in a batch. */
export const SEQUENCES: Sym = { symbol: 'sequences' };
/** Elements of one attention map of all sequences: the sum of heads * queries * keys. */
export const MAP: Sym = { symbol: 'map' };
/** Keys of the longest sequence. */
export const LONGEST: Sym = { symbol: 'longest' };

/** Places for keys in the arena: the sum of every sequence's tokens rounded up to a multiple of 8. */
export const SLOTS: Sym = { symbol: 'slots' };

/** A product of sizes with at most one symbol. */
export interface Count {
  readonly symbol: string | null;
  readonly factor: number;
}

/** What the symbols stand for in one run, or how large they may get. */
export type Sizes = Readonly<Record<string, number>>;

/** How a weight is held: whatever it is, products and look-ups give what they would give with its values as f32. */
export type WeightType = 'f32' | 'f16' | 'bf16';

/** A tensor in wasm memory that outlives plans: a weight. */
export interface Weight {
  readonly kind: 'weight';
  readonly name: string;
  readonly dims: readonly number[];
  /** 'rows': in order. 'packed': right operand of matmul, dims [N, K] (assembly/kernels/pack.ts). */
  readonly layout: 'rows' | 'packed';
  /** 16 bits only for the right operand of `matmul` and the table of `gather`. */
  dtype: WeightType;
  /** 0 until it is loaded. */
  address: number;
}

/** The result of a node, or an input. A view shares the storage of its base. */
export class Value {
  readonly kind = 'value';
  constructor(
    readonly graph: Graph,
    readonly id: number,
    readonly dims: readonly Dim[],
    readonly dtype: DType,
    /** The node that computes it; null for inputs and views. */
    readonly node: Node | null,
    /** Set for views: whose storage, and from which element on. */
    readonly base: Value | null,
    readonly offset: number,
    /** Elements from one row (of the last dim) to the next. */
    readonly rowStride: number,
    /** 'packed': written by the pack op, dims [N, K] behind the batch dims. */
    readonly layout: 'rows' | 'packed' = 'rows',
  ) {}

  /** The value that owns the storage. */
  get storage(): Value {
    return this.base ?? this;
  }

  get isContiguous(): boolean {
    return this.rowStride === lastDim(this.dims);
  }
}

export type Operand = Value | Weight;

/** Writes the fields of one record. Offsets are those of assembly/abi/records.ts. */
export interface RecordWriter {
  set(offset: number, value: number): void;
  setFloat(offset: number, value: number): void;
  /** Where an operand's element lies (the first one unless said otherwise); 0 for an absent operand. */
  setAddress(offset: number, operand: Operand | null | undefined, element?: number): void;
  /** Address of the cell that holds a count at run time. */
  setCell(offset: number, count: Count): void;
}

/** One op: a shape rule (the function that records it), its record, its cost. */
export interface Op<A = unknown> {
  readonly name: string;
  readonly opcode: number;
  readonly recordSize: number;
  /** Records that a node takes, 1 unless the op says so. They write disjoint parts of the outputs: no barrier between them. */
  records?(node: Node<A>): number;
  /** Writes record `index` of a node. */
  encode(record: RecordWriter, node: Node<A>, index: number): void;
  /** Estimated nanoseconds on one thread. */
  cost(node: Node<A>, size: (count: Count) => number): number;
  /** Bytes of scratch memory a thread needs. */
  scratch?(node: Node<A>, size: (count: Count) => number): number;
}

export interface Node<A = unknown> {
  readonly op: Op<A>;
  readonly inputs: readonly (Operand | null)[];
  readonly attrs: A;
  /** First one: the result. Others exist only where an op says so (attention maps). */
  readonly outputs: Value[];
}

export class Graph {
  readonly nodes: Node[] = [];
  readonly inputs = new Map<string, Value>();
  readonly outputs = new Map<string, Value>();
  private ids = 0;

  /** A value that is written before every run. */
  input(name: string, dims: readonly Dim[], dtype: DType = 'f32'): Value {
    const known = this.inputs.get(name);
    if (known) return known;
    const value = this.value(dims, dtype, null);
    this.inputs.set(name, value);
    return value;
  }

  /** Keeps a value until the run ends, to be read under a name. */
  output(name: string, value: Value): void {
    this.outputs.set(name, value);
  }

  /** Records an op; returns its first output. `extra` are the dims of further outputs. */
  add<A>(
    op: Op<A>,
    inputs: (Operand | null)[],
    attrs: A,
    dims: readonly Dim[],
    extra: readonly (readonly Dim[])[] = [],
    layout: 'rows' | 'packed' = 'rows',
  ): Value {
    const node: Node<A> = { op, inputs, attrs, outputs: [] };
    this.nodes.push(node as Node);
    node.outputs.push(
      this.value(dims, 'f32', node as Node, layout),
      ...extra.map((d) => this.value(d, 'f32', node as Node)),
    );
    return node.outputs[0];
  }

  /** The same storage under other dims. */
  view(x: Value, dims: readonly Dim[], offset = 0, rowStride = lastDim(dims)): Value {
    return new Value(this, this.ids++, dims, x.dtype, null, x.storage, x.offset + offset, rowStride);
  }

  private value(dims: readonly Dim[], dtype: DType, node: Node | null, layout: 'rows' | 'packed' = 'rows'): Value {
    return new Value(this, this.ids++, dims, dtype, node, null, 0, lastDim(dims), layout);
  }
}

/** The last dim, which is always a number. */
export function lastDim(dims: readonly Dim[]): number {
  const last = dims.at(-1) ?? 1;
  return typeof last === 'number' ? last : 1;
}

/** The number of elements as factor and symbol. */
export function countOf(dims: readonly Dim[]): Count {
  let symbol: string | null = null;
  let factor = 1;
  for (const dim of dims) {
    if (typeof dim === 'number') factor *= dim;
    else if (symbol === null) symbol = dim.symbol;
    else throw new Error(`two symbols in one shape: ${showDims(dims)}`);
  }
  return { symbol, factor };
}

/** All dims but the last. */
export function rowsOf(dims: readonly Dim[]): Count {
  return countOf(dims.slice(0, -1));
}

export function sizeOf(count: Count, sizes: Sizes): number {
  return count.symbol === null ? count.factor : count.factor * sizes[count.symbol];
}

export function sameDim(a: Dim, b: Dim): boolean {
  return typeof a === 'number' || typeof b === 'number' ? a === b : a.symbol === b.symbol;
}

export function showDims(dims: readonly Dim[]): string {
  return `[${dims.map((dim) => (typeof dim === 'number' ? dim : dim.symbol)).join(', ')}]`;
}

/** Elements from one row to the next. */
export function rowStrideOf(x: Operand): number {
  return x.kind === 'value' ? x.rowStride : lastDim(x.dims);
}
