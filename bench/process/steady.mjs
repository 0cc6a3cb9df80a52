// A thousand forwards of mixed lengths: what wasm memory and the process grow by after the first hundred.
//
// Started with --expose-gc, so that garbage of JavaScript does not count.
import { batch, mixedLengths } from '../figures/models.mjs';
import { openEncoder } from '../ours.mjs';

const FORWARDS = 1000;
const FIRST = 100;
const PAGE = 65536;

const { encoder, wasmBytes, close } = await openEncoder('minilm', { threads: 1 });
const lengths = [128, ...mixedLengths(FORWARDS - 1, 1, 128)]; // the longest is among the first hundred
const sizes = async () => {
  globalThis.gc();
  return { wasm: await wasmBytes(), resident: process.memoryUsage.rss() };
};

let before;
for (const [i, length] of lengths.entries()) {
  if (i === FIRST) before = await sizes();
  await encoder.embed(batch([length], i));
}
const after = await sizes();
process.send({
  pages: (after.wasm - before.wasm) / PAGE,
  growth: (after.resident / before.resident - 1) * 100,
});
await close();
