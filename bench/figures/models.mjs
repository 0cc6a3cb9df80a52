// Figures of a whole encoder of MiniLM's shape: token ids in, one mean-pooled vector a text out. Weights are held in f32, as the
// peers hold them, or in f16, as the file has them.
import { random } from '../measure.mjs';

const VOCABULARY = 30522;
const HIDDEN = 384;
const TOLERANCE = 1e-4;

/** Texts of the lengths given, padded to the longest: { inputIds, attentionMask }, nested arrays. */
export function batch(lengths, seed = 1) {
  const next = random(seed);
  const longest = Math.max(...lengths);
  const row = (length, value) => Array.from({ length: longest }, (_, i) => (i < length ? value() : 0));
  return {
    inputIds: lengths.map((length) => row(length, () => 1 + Math.floor(next() * (VOCABULARY - 1)))),
    attentionMask: lengths.map((length) => row(length, () => 1)),
  };
}

/** Lengths from `from` to `to`, the same at every run. */
export function mixedLengths(count, from, to, seed = 1) {
  const next = random(seed);
  return Array.from({ length: count }, () => from + Math.floor(next() * (to - from + 1)));
}

async function openLiteRt(litert, { inputIds }) {
  const tokens = inputIds[0].length;
  return litert.open(`minilm-${tokens}`, [
    { data: Int32Array.from(inputIds[0]), dims: [1, tokens] },
    { data: new Float32Array(tokens), dims: [1, 1, 1, tokens] },
  ]);
}

async function openOnnxRuntime(onnxruntime, { inputIds, attentionMask }) {
  const dims = [inputIds.length, inputIds[0].length];
  const int64 = (rows) => ({ data: BigInt64Array.from(rows.flat(), BigInt), dims });
  return onnxruntime.open('minilm', { input_ids: int64(inputIds), attention_mask: int64(attentionMask) });
}

function normalized(embeddings) {
  const out = Float32Array.from(embeddings);
  for (let start = 0; start < out.length; start += HIDDEN) {
    const row = out.subarray(start, start + HIDDEN);
    const length = Math.hypot(...row);
    row.forEach((x, i) => (row[i] = x / length));
  }
  return out;
}

/** Times mean nothing unless all compute the same. */
async function checkEqual(contenders) {
  let expected;
  for (const [name, { read }] of Object.entries(contenders)) {
    const got = normalized(await read());
    expected ??= got;
    const worst = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - got[i])), 0);
    if (got.length !== expected.length || !(worst < TOLERANCE)) {
      throw new Error(`${name} differs from ${Object.keys(contenders)[0]} by ${worst}`);
    }
  }
}

function minilm(name, lengths, { revectorize = false } = {}) {
  return {
    name: `MiniLM ${name}`,
    revectorize,
    async open({ peers, encoders }) {
      const inputs = batch(lengths);
      const opened = { 'onnxruntime-web': await openOnnxRuntime(peers.onnxruntime, inputs) };
      if (lengths.length === 1) opened['LiteRT.js'] = await openLiteRt(peers.litert, inputs);
      if (encoders) {
        const embed = () => encoders.f32.embed(inputs);
        opened.ours = {
          run: async () => void (await embed()),
          read: async () => (await embed()).data,
          close: () => {},
        };
      }
      await checkEqual(opened);
      const contenders = Object.fromEntries(Object.entries(opened).map(([key, { run }]) => [key, run]));
      return { contenders, close: () => Promise.all(Object.values(opened).map(({ close }) => close())) };
    },
  };
}

function minilmHalf(name, lengths) {
  return {
    name: `MiniLM ${name}, f16`,
    ours: true,
    open({ encoders }) {
      const inputs = batch(lengths);
      const run = (encoder) => async () => void (await encoder.embed(inputs));
      return { contenders: { ours: run(encoders.f16), 'ours, f32': run(encoders.f32) }, close: () => {} };
    },
  };
}

export const modelFigures = [
  minilm('1x16', [16], { revectorize: true }),
  minilm('1x128', [128], { revectorize: true }),
  minilm('1x512', [512]),
  minilm('8x128', Array(8).fill(128)),
  minilm('64 texts of 5 to 128', mixedLengths(64, 5, 128)),
  minilmHalf('1x16', [16]),
  minilmHalf('1x128', [128]),
];
