// The memory-read ceiling: how long the machine takes to read as many bytes as a model has, on one or more threads.
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { alternate, elapsed } from '../measure.mjs';
import { load } from './ceiling.mjs';

const SHAPES = ['read1', 'read2', 'read4', 'read8', 'readLong'];
const FROM = 1 << 20; // behind the module's own data
const PAGE = 65536;
const UNIT = 512; // what every shape can divide
const TRIALS = 8;

// Cells: which turn it is (workers wait for the next), how many workers are done with it, which shape it has.
const TURN = 0;
const DONE = 1;
const SHAPE = 2;

/** A buffer of this thread, filled, and the loops over it: read(shape). Pages never written would all be one page. */
async function openBuffer(bytes) {
  const wasm = await load('base');
  const missing = FROM + bytes - wasm.memory.buffer.byteLength;
  if (missing > 0) wasm.memory.grow(Math.ceil(missing / PAGE));
  new Float32Array(wasm.memory.buffer, FROM, bytes / 4).fill(1);
  return (shape) => wasm[SHAPES[shape]](FROM, bytes);
}

/** `run()` reads `bytes`, shared between the threads, `passes` times in the shape that was the fastest in trials, and gives the ms of
 *  a pass. As many passes as the contender's run has: a shorter turn finds a quiet moment more often. */
export async function openReading(bytes, threads, passes) {
  const share = Math.ceil(bytes / threads / UNIT) * UNIT;
  const cells = new Int32Array(new SharedArrayBuffer(12));
  const workers = [];
  for (let i = 1; i < threads; i++) {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { cells, share } });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    workers.push(worker);
  }
  const read = await openBuffer(share);
  const turn = (shape) => {
    cells[SHAPE] = shape;
    Atomics.store(cells, DONE, 0);
    Atomics.add(cells, TURN, 1);
    Atomics.notify(cells, TURN);
    read(shape);
    while (Atomics.load(cells, DONE) < workers.length);
  };
  const trials = SHAPES.map((name, shape) => [name, () => elapsed(() => turn(shape))]);
  const least = await alternate(Object.fromEntries(trials), { rounds: TRIALS, turn: 0, budget: Infinity });
  const best = SHAPES.indexOf(SHAPES.reduce((a, b) => (least[b] < least[a] ? b : a)));
  const readAll = () => {
    for (let i = 0; i < passes; i++) turn(best);
  };
  const run = () => elapsed(readAll) / passes;
  return { run, close: () => Promise.all(workers.map((worker) => worker.terminate())) };
}

async function follow({ cells, share }, ready) {
  const read = await openBuffer(share);
  let seen = Atomics.load(cells, TURN);
  ready();
  for (;;) {
    Atomics.wait(cells, TURN, seen);
    seen = Atomics.load(cells, TURN);
    read(cells[SHAPE]);
    Atomics.add(cells, DONE, 1);
  }
}

if (!isMainThread && workerData?.cells) {
  await follow(workerData, () => parentPort.postMessage('ready'));
}
