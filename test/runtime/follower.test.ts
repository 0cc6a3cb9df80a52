// A follower whose memory grows while it arrives: where the engine keeps the size of that moment, what copies or fills would trap.
import { readFileSync } from 'node:fs';
import { MessageChannel, Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import * as L from '../../assembly/abi/layout';
import * as R from '../../assembly/abi/records';
import { coreImports } from '../../src/core/imports';

/** What every memory of the core has at first, in pages of 64 KB. */
const INITIAL = 16;
const END = INITIAL * 65536;
/** Cells of the two threads' own: the round that was announced, and the one whose memory the follower is about to receive. */
const ANNOUNCED = 0;
const RECEIVING = 1;

/** Runs the follower of the package as often as it is sent a memory. */
const rounds = `
  const threads = require('node:worker_threads');
  const { module, cells, port, follower } = threads.workerData;
  (async () => {
    for (let round = 1; ; round++) {
      Atomics.wait(cells, ${ANNOUNCED}, round - 1);
      Atomics.store(cells, ${RECEIVING}, round);
      threads.workerData = { module, memory: threads.receiveMessageOnPort(port).message };
      await import(follower + '?' + round);
      await new Promise(setImmediate);
    }
  })();`;

/** Writes the record of a copy of 2 rows of `width` elements. */
function writeCopy(words: Int32Array, record: number, x: number, out: number, width: number): void {
  const cell = record + R.CP_SIZE;
  words[cell >> 2] = 1;
  const set = (field: number, value: number): number => (words[(record + field) >> 2] = value);
  set(R.R_OP, R.OP_COPY);
  set(R.R_SIZE, R.CP_SIZE);
  set(R.CP_X, x);
  set(R.CP_OUT, out);
  set(R.CP_D0, cell);
  for (const field of [R.CP_D1, R.CP_D2, R.CP_D3]) set(field, 1);
  set(R.CP_D4, 2);
  set(R.CP_D5, width);
  for (const field of [R.CP_X4, R.CP_OUT4]) set(field, width);
  for (const field of [R.CP_X5, R.CP_OUT5]) set(field, 1);
}

it('reaches all of a memory that grew while the follower started', async () => {
  const module = new WebAssembly.Module(readFileSync(new URL('../../dist/wasm/base-shared.wasm', import.meta.url)));
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const { port1, port2 } = new MessageChannel();
  const follower = new URL('../../dist/node/follower.js', import.meta.url).href;
  const worker = new Worker(rounds, {
    eval: true,
    workerData: { module, cells, port: port2, follower },
    transferList: [port2],
  });
  const soon = (isDone: () => boolean): void => {
    for (const until = Date.now() + 10_000; !isDone();) if (Date.now() > until) throw new Error('the follower is lost');
  };
  try {
    for (let round = 1; round <= 200; round++) {
      const memory = new WebAssembly.Memory({ initial: INITIAL, maximum: INITIAL + 1, shared: true });
      const { run } = new WebAssembly.Instance(module, coreImports(memory) as unknown as WebAssembly.Imports)
        .exports as { run(threads: number): number };
      port1.postMessage(memory);
      Atomics.store(cells, ANNOUNCED, round);
      Atomics.notify(cells, ANNOUNCED);
      soon(() => Atomics.load(cells, RECEIVING) === round);
      for (let i = (round % 40) * 100; i > 0; i--) Atomics.load(cells, RECEIVING);
      memory.grow(1);
      const words = new Int32Array(memory.buffer);
      soon(() => Atomics.load(words, L.CTL_READY >> 2) === 1);
      writeCopy(words, L.HEAP, END - 4096, END, 512);
      words.fill(round, (END - 4096) >> 2, END >> 2);
      words[L.CTL_RECORD >> 2] = L.HEAP;
      words[L.CTL_COUNT >> 2] = words[L.CTL_PARTS >> 2] = 1;
      expect(run(2)).toBe(1);
      expect(new Set(words.subarray(END >> 2, (END + 4096) >> 2))).toEqual(new Set([round]));
      Atomics.store(words, L.CTL_EXIT >> 2, 1);
      Atomics.add(words, L.CTL_GENERATION >> 2, 256);
      Atomics.notify(words, L.CTL_GENERATION >> 2);
    }
  } finally {
    await worker.terminate();
  }
});
