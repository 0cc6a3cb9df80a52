// Compiles a graph into a plan: an address for every value by last use, barriers where they are needed, and the records
// in wasm memory that the threads walk.
import { R_BARRIER, R_OP, R_SIZE } from '../../assembly/abi/records';
import type { Core } from './core';
import {
  countOf,
  showDims,
  sizeOf,
  type Count,
  type Graph,
  type Node,
  type Operand,
  type RecordWriter,
  type Sizes,
  type Value,
} from './graph';

const ALIGN = 64;

interface Span {
  begin: number;
  end: number;
}

/** One node of a plan. */
export interface Step {
  readonly node: Node;
  /** Its first record, and how many it has. */
  readonly address: number;
  readonly records: number;
  readonly barrier: boolean;
}

/** A compiled graph. It serves every run whose sizes are within its capacity. */
export interface Plan {
  readonly graph: Graph;
  readonly steps: readonly Step[];
  /** What the symbols may reach. */
  readonly capacity: Sizes;
  /** Counts that records read from cells, and where the cells are. */
  readonly cells: readonly { count: Count; address: number }[];
  /** Address of a value's first element. */
  address(value: Value): number;
  readonly arenaBytes: number;
  readonly arenaVersion: number;
  /** The region of records and cells. */
  readonly region: number;
  readonly bytes: number;
}

/** Elements that a value's storage takes. */
export function storageCount(value: Value): Count {
  if (value.layout === 'rows') return countOf(value.dims);
  const n = value.dims.at(-2) as number;
  const { symbol, factor } = countOf(value.dims);
  return { symbol, factor: (factor / n) * ((n + 7) & ~7) };
}

/** Places every storage in the arena: a first-fit over lifetimes. Returns offsets by storage and the total. */
function place(
  nodes: readonly Node[],
  graph: Graph,
  capacity: Sizes,
): { offsets: Map<Value, number>; spans: Map<Value, Span>; total: number } {
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, i) => {
    for (const out of node.outputs) lastUse.set(out, i);
    for (const input of node.inputs) if (input?.kind === 'value') lastUse.set(input.storage, i);
  });
  // inputs are written before the run, outputs are read after it: both live throughout
  for (const value of [...graph.inputs.values(), ...graph.outputs.values()]) lastUse.set(value.storage, nodes.length);

  const offsets = new Map<Value, number>();
  const spans = new Map<Value, Span>();
  let live: { value: Value; begin: number; end: number }[] = [];
  let total = 0;
  const put = (value: Value): void => {
    const bytes = Math.max(ALIGN, Math.ceil((sizeOf(storageCount(value), capacity) * 4) / ALIGN) * ALIGN);
    let at = 0;
    let index = 0;
    while (index < live.length && live[index].begin < at + bytes) at = live[index++].end;
    live.splice(index, 0, { value, begin: at, end: at + bytes });
    offsets.set(value, at);
    spans.set(value, { begin: at, end: at + bytes });
    total = Math.max(total, at + bytes);
  };
  for (const value of graph.inputs.values()) put(value);
  nodes.forEach((node, i) => {
    node.outputs.forEach(put);
    live = live.filter(({ value }) => (lastUse.get(value) ?? -1) > i);
  });
  return { offsets, spans, total };
}

/** Whether each node must wait for those before it: it reads what they write, or writes what they read or write. */
function barriers(nodes: readonly Node[], spans: Map<Value, Span>): boolean[] {
  let read: Span[] = [];
  let written: Span[] = [];
  const meets = (a: Span, spans: Span[]): boolean => spans.some((b) => a.begin < b.end && b.begin < a.end);
  return nodes.map((node) => {
    const inputs = node.inputs.flatMap((input) => (input?.kind === 'value' ? [spans.get(input.storage)!] : []));
    const outputs = node.outputs.map((out) => spans.get(out)!);
    const wait =
      inputs.some((span) => meets(span, written)) || outputs.some((span) => meets(span, written) || meets(span, read));
    if (wait) {
      read = [];
      written = [];
    }
    read.push(...inputs);
    written.push(...outputs);
    return wait;
  });
}

/** Nodes that an output needs, in the order in which they were recorded. */
function reachable(graph: Graph): Node[] {
  const needed = new Set<Node>();
  const visit = (operand: Operand | null): void => {
    if (operand?.kind !== 'value') return;
    const { node } = operand.storage;
    if (!node || needed.has(node)) return;
    needed.add(node);
    node.inputs.forEach(visit);
  };
  for (const value of graph.outputs.values()) visit(value);
  return graph.nodes.filter((node) => needed.has(node));
}

/** Compiles a graph for sizes up to `capacity`. Throws OUT_OF_MEMORY. */
export function compile(graph: Graph, core: Core, capacity: Sizes): Plan {
  const nodes = reachable(graph);
  const { offsets, spans, total } = place(nodes, graph, capacity);
  const waits = barriers(nodes, spans);
  core.reserveScratch(
    Math.max(64, ...nodes.map((node) => node.op.scratch?.(node, (count) => sizeOf(count, capacity)) ?? 0)),
  );
  const arena = core.reserveArena(total);

  const address = (value: Value): number => {
    const offset = offsets.get(value.storage);
    if (offset === undefined) throw new Error(`value ${value.id} ${showDims(value.dims)} is not part of this plan`);
    return arena + offset + value.offset * 4;
  };

  // cells come behind the records: their words are filled in once all cells are counted
  const records = nodes.map((node) => node.op.records?.(node) ?? 1);
  const recordBytes = nodes.reduce((sum, node, i) => sum + node.op.recordSize * records[i], 0);
  const words = new Int32Array(recordBytes / 4);
  const floats = new Float32Array(words.buffer);
  const counts: Count[] = [];
  const cellWords: { word: number; index: number }[] = [];
  let at = 0;
  const writer: RecordWriter = {
    set: (offset, value) => {
      words[(at + offset) >>> 2] = value;
    },
    setFloat: (offset, value) => {
      floats[(at + offset) >>> 2] = value;
    },
    setAddress: (offset, operand, element = 0) => {
      if (operand?.kind === 'weight' && operand.address === 0) throw new Error(`weight ${operand.name} is not loaded`);
      const base = !operand ? 0 : operand.kind === 'value' ? address(operand) : operand.address;
      words[(at + offset) >>> 2] = base + element * 4;
    },
    setCell: (offset, count) => {
      let index = counts.findIndex(({ symbol, factor }) => symbol === count.symbol && factor === count.factor);
      if (index < 0) index = counts.push(count) - 1;
      cellWords.push({ word: (at + offset) >>> 2, index });
    },
  };
  const starts = nodes.map((node, i) => {
    const start = at;
    for (let index = 0; index < records[i]; index++) {
      writer.set(R_OP, node.op.opcode);
      writer.set(R_SIZE, node.op.recordSize);
      writer.set(R_BARRIER, waits[i] && index === 0 ? 1 : 0);
      node.op.encode(writer, node, index);
      at += node.op.recordSize;
    }
    return start;
  });
  const bytes = recordBytes + counts.length * 4;
  const region = core.memory.alloc(bytes, 'a plan');
  const cells = counts.map((count, i) => ({ count, address: region + recordBytes + i * 4 }));
  for (const { word, index } of cellWords) words[word] = cells[index].address;
  core.memory.i32(region, words.length).set(words);
  return {
    graph,
    steps: nodes.map((node, i) => ({ node, address: region + starts[i], records: records[i], barrier: waits[i] })),
    capacity,
    cells,
    address,
    arenaBytes: total,
    arenaVersion: core.arenaVersion,
    region,
    bytes,
  };
}
