// Greedy decoding of a model so small that what is not kernels shows: how much of a token's time passes outside wasm.
//
// Every function that an instance exports is replaced by one that also adds up its time: that is what counts as wasm.
import { openStories } from '../ours.mjs';

const TOKENS = 200;
const RUNS = 60;

let inside = 0;

function timed(run) {
  return (...values) => {
    const start = performance.now();
    try {
      return run(...values);
    } finally {
      inside += performance.now() - start;
    }
  };
}

const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  const { exports } = new Instance(module, imports);
  const entries = Object.entries(exports);
  return {
    exports: Object.fromEntries(
      entries.map(([key, value]) => [key, typeof value === 'function' ? timed(value) : value]),
    ),
  };
};

const { decoder, close } = await openStories();
let best = { total: Infinity, inside: 0, tokens: 1 };
for (let i = 0; i < RUNS; i++) {
  inside = 0;
  const start = performance.now();
  const { ids } = await decoder.generate([1], { maxNewTokens: TOKENS }).result();
  const total = performance.now() - start;
  if (total / ids.length < best.total / best.tokens) best = { total, inside, tokens: ids.length };
}
if (best.inside === 0) throw new Error('no time was spent in wasm: the core is no longer reached by way of Instance');
const outside = best.total - best.inside;
process.send({
  rate: (1000 * best.tokens) / best.total,
  share: (100 * outside) / best.total,
  overhead: (1000 * outside) / best.tokens,
});
await close();
