// The memory-read ceiling: how long the machine takes to read as many bytes as a model has, on one or more threads.
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { elapsed } from '../measure.mjs';
import { load } from './ceiling.mjs';

const SHAPES = ['read1', 'read2', 'read4', 'read8', 'readLong'];
const FROM = 1 << 20; // behind the module's own data
const PAGE = 65536;
const UNIT = 512; // what every shape can divide
const PARTS = 8; // of a buffer: a turn reads one, short enough to find a quiet moment, far larger than caches

// Cells: which turn it is (workers wait for the next), how many workers are done with it, which shape it has.
const TURN = 0;
const DONE = 1;
const SHAPE = 2;
const PART = 3;

/** A buffer of this thread, filled, and the loops over it: read(shape, part). Pages never written would all be one page. */
async function openBuffer(bytes) {
  const wasm = await load('base');
  const missing = FROM + bytes - wasm.memory.buffer.byteLength;
  if (missing > 0) wasm.memory.grow(Math.ceil(missing / PAGE));
  new Float32Array(wasm.memory.buffer, FROM, bytes / 4).fill(1);
  const length = bytes / PARTS;
  return (shape, part) => wasm[SHAPES[shape]](FROM + part * length, length);
}

/** `run()` gives the time in ms of reading `bytes` once, shared between the threads, as found by reading a part of them.
 *  Each call takes another part, which no cache holds any more, and in the end another of the loop shapes: the least time
 *  is that of the best. */
export async function openReading(bytes, threads) {
  const share = Math.ceil(bytes / threads / PARTS / UNIT) * PARTS * UNIT;
  const cells = new Int32Array(new SharedArrayBuffer(16));
  const workers = [];
  for (let i = 1; i < threads; i++) {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { cells, share } });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    workers.push(worker);
  }
  const read = await openBuffer(share);
  const scale = (bytes * PARTS) / (share * threads);
  let count = 0;
  const turn = () => {
    Atomics.store(cells, DONE, 0);
    Atomics.add(cells, TURN, 1);
    Atomics.notify(cells, TURN);
    read(cells[SHAPE], cells[PART]);
    while (Atomics.load(cells, DONE) < workers.length);
  };
  const run = () => {
    cells[PART] = count % PARTS;
    cells[SHAPE] = Math.floor(count++ / PARTS) % SHAPES.length;
    return elapsed(turn) * scale;
  };
  return { run, close: () => Promise.all(workers.map((worker) => worker.terminate())) };
}

async function follow({ cells, share }, ready) {
  const read = await openBuffer(share);
  let seen = Atomics.load(cells, TURN);
  ready();
  for (;;) {
    Atomics.wait(cells, TURN, seen);
    seen = Atomics.load(cells, TURN);
    read(cells[SHAPE], cells[PART]);
    Atomics.add(cells, DONE, 1);
  }
}

if (!isMainThread && workerData?.cells) {
  await follow(workerData, () => parentPort.postMessage('ready'));
}
