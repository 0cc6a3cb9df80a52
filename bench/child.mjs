// One bench process: a Node version, a thread count, V8's revectoriser on or off. Sends its results to the driver.
//
// Argument: JSON of { suite, threads, revectorize, only, quick, peersOnly }; a suite is what shares the process and its memory.
import v8 from 'node:v8';
import { openCeiling, openCopy } from './ceiling/ceiling.mjs';
import { decoderFigures, decoderNames } from './figures/decoders.mjs';
import { kernelFigures } from './figures/kernels.mjs';
import { modelFigures } from './figures/models.mjs';
import { alternate } from './measure.mjs';
import { openDecoders, openEncoder, openKernels } from './ours.mjs';
import { startLiteRt } from './peers/litert.mjs';
import { startOnnxRuntime } from './peers/onnxruntime.mjs';

const { suite, threads, revectorize, only, quick, peersOnly } = JSON.parse(process.argv[2]);

// Before the first compile, for everybody: a peer with relaxed SIMD is to run at its best on Node 20 too.
if (process.versions.node.startsWith('20.')) v8.setFlagsFromString('--experimental-wasm-relaxed-simd');

const all = decoderNames.includes(suite) ? decoderFigures(suite) : [...kernelFigures, ...modelFigures];
const figures = all.filter(
  ({ name, revectorize: useful, ours, threads: counts }) =>
    (!only || name.includes(only)) &&
    (!revectorize || useful) &&
    !(ours && peersOnly) &&
    (counts?.includes(threads) ?? true),
);

/** What figures of kernels and encoders take part in. */
async function openEncoderSuite() {
  const context = {
    peers: { litert: await startLiteRt(threads), onnxruntime: await startOnnxRuntime(threads) },
    ceilings: { relaxed: await openCeiling('relaxed'), base: await openCeiling('base') },
    copy: await openCopy(),
  };
  const needsKernels = figures.some((figure) => kernelFigures.includes(figure));
  const needsEncoder = figures.some((figure) => modelFigures.includes(figure));
  if (!peersOnly && needsEncoder) {
    const open = async (dtype) => (await openEncoder('minilm', { threads, revectorize, dtype })).encoder;
    context.encoders = { f32: await open('f32'), f16: await open('f16') };
  }
  if (!peersOnly && needsKernels) {
    context.kernels = {
      relaxed: await openKernels({ threads, build: 'relaxed', revectorize }),
      base: await openKernels({ threads, build: 'base', revectorize }),
    };
  }
  return context;
}

async function openDecoderSuite() {
  const context = { threads, peers: { onnxruntime: await startOnnxRuntime(threads) }, ceilings: {} };
  if (!peersOnly) {
    const { open } = await openDecoders({ threads });
    context.decoders = { f32: await open(suite, 'f32'), f16: await open(suite, 'f16') };
  }
  return context;
}

const openSuite = decoderNames.includes(suite) ? openDecoderSuite : openEncoderSuite;
const context = figures.length > 0 ? await openSuite() : { ceilings: {} };

// Runs are long beside the pause; with threads it outlasts the time for which the peers' pools spin.
const schedule = { rounds: quick ? 3 : 12, turn: quick ? 60 : 150, pause: threads > 1 ? 25 : 0, budget: 30_000 };
const results = [];
for (const figure of figures) {
  const { contenders, close } = await figure.open(context);
  const ms = await alternate(contenders, schedule);
  await close();
  // The ceiling is one thread's.
  if (ms.ceiling) ms.ceiling /= threads;
  if (ms.copies) ms['onnxruntime-web'] -= ms.copies;
  if (ms['onnxruntime-web'] <= 0) delete ms['onnxruntime-web']; // nothing but noise: the machine was busy
  delete ms.copies;
  results.push({ name: figure.name, flops: figure.flops, tokens: figure.tokens, ms });
}
const rates = Object.fromEntries(Object.entries(context.ceilings).map(([build, { rates }]) => [build, rates]));
process.send({ node: process.version, ceilings: rates, results }, () => process.exit(0));
