// Figures of whole decoders: single steps of greedy decoding, prompts, batches, beams, long contexts.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openReading } from '../ceiling/reading.mjs';
import { random } from '../measure.mjs';
import { models } from '../paths.mjs';

const CONTEXT = 128;
const STEPS = 4; // in a run: few, so that a busy machine still leaves a quiet moment
const SHORT_PROMPT = 16;
const NEW_TOKENS = 32;
const SEQUENCES = 8;
const BEAMS = 4;
const TOLERANCE = 1e-4;

/** `prefill`: the peer's model for prompts, where that is another one; `idle`: bytes of weights that a step does not read. */
const SHAPES = {
  gpt2: {
    ...{ title: 'GPT-2', vocabulary: 50257, prefill: 'gpt2', idle: 4 * 1024 * 768, contexts: [] },
    cache: { layers: 12, kvHeads: 12, headSize: 64 },
  },
  smollm: {
    ...{ title: 'SmolLM-135M', vocabulary: 49152, prefill: 'smollm-prefill', idle: 0 },
    contexts: [512, 1024, 2048, 4096, 8192],
    cache: { layers: 30, kvHeads: 3, headSize: 64 },
  },
};

export const decoderNames = Object.keys(SHAPES);

function argmax(logits) {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

/** Prompts in turn, so that nobody can gain from having seen one before. */
function prompts(vocabulary, length, count = 16) {
  const next = random(length);
  const rows = Array.from({ length: count }, () =>
    Array.from({ length }, () => 1 + Math.floor(next() * (vocabulary - 1))),
  );
  let turn = 0;
  return { rows, take: () => rows[turn++ % count] };
}

/** New tokens of a generation; a time means nothing where an early end made it short. */
async function generated(stream, count) {
  const { ids } = await stream.result();
  if (ids.length !== count) throw new Error(`${ids.length} tokens came where ${count} were asked for`);
  return ids;
}

/** A run of one's own time in ms, divided by `parts`. */
const timed = (work, parts) => async () => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / parts;
};

/** Ours behind a prompt: `steps()` reads one id and generates from there, always at the same context. */
async function ourSteps(model, prompt, session = model.createSession()) {
  const context = session.length + prompt.length;
  const [first] = await generated(session.generate(prompt, { maxNewTokens: 1 }), 1);
  const steps = async () => {
    await session.truncate(context);
    return generated(session.generate([first], { maxNewTokens: STEPS }), STEPS);
  };
  return { first, session, steps, close: () => session.dispose() };
}

async function peerSteps(peer, prompt) {
  const prefilled = await peer.read(prompt);
  const first = argmax(prefilled.logits);
  const steps = async () => {
    const ids = [];
    for (let i = 0, id = first, { cache } = prefilled; i < STEPS; i++) {
      const read = await peer.read([id], cache);
      cache = read.cache;
      ids.push((id = argmax(read.logits)));
    }
    return ids;
  };
  return { first, steps };
}

/** Times mean nothing unless all say the same. */
function checkIds(name, got, expected) {
  if (String(got) !== String(expected)) throw new Error(`${name} goes on with ${got}, not with ${expected}`);
}

async function checkLogits(lm, peer, prompt) {
  const { logits } = await lm.forward({ inputIds: [prompt] });
  const ours = logits.data.subarray(-logits.dims[2]);
  const { logits: theirs } = await peer.read(prompt);
  const worst = theirs.reduce((most, x, i) => Math.max(most, Math.abs(x - ours[i])), 0);
  if (!(worst < TOLERANCE)) throw new Error(`onnxruntime-web's logits differ by ${worst}`);
}

function decode(key) {
  const { title, vocabulary, cache, idle } = SHAPES[key];
  return {
    name: `${title} decode at ${CONTEXT}`,
    tokens: 1,
    async open({ peers, decoders, threads }) {
      const prompt = prompts(vocabulary, CONTEXT).take();
      const peer = await peers.onnxruntime.openDecoder(key, cache);
      const their = await peerSteps(peer, prompt);
      const bytes = statSync(join(models, `${key}-f32/model.safetensors`)).size - idle;
      const reading = await openReading(bytes, threads, STEPS);
      const contenders = { 'onnxruntime-web': timed(their.steps, STEPS), 'memory read': reading.run };
      const closing = [peer.close, reading.close];
      if (decoders) {
        await checkLogits(decoders.f32, peer, prompt);
        const our = await ourSteps(decoders.f32, prompt);
        checkIds('ours', [our.first, ...(await our.steps())], [their.first, ...(await their.steps())]);
        contenders.ours = timed(our.steps, STEPS);
        closing.push(our.close);
      }
      return { contenders, close: () => Promise.all(closing.map((close) => close())) };
    },
  };
}

function decodeHalf(key) {
  const { title, vocabulary } = SHAPES[key];
  return {
    name: `${title} decode at ${CONTEXT}, f16`,
    tokens: 1,
    ours: true,
    async open({ decoders }) {
      const prompt = prompts(vocabulary, CONTEXT).take();
      const [half, full] = [await ourSteps(decoders.f16, prompt), await ourSteps(decoders.f32, prompt)];
      checkIds('f16', await half.steps(), await full.steps()); // the two folders hold the same numbers
      return {
        contenders: { ours: timed(half.steps, STEPS), 'ours, f32': timed(full.steps, STEPS) },
        close: () => Promise.all([half.close(), full.close()]),
      };
    },
  };
}

/** The time to the first token behind a prompt. */
const firstToken = (model, take) => async () => void (await generated(model.generate(take(), { maxNewTokens: 1 }), 1));

function prefill(key, tokens) {
  const { title, vocabulary, cache, prefill: name } = SHAPES[key];
  return {
    name: `${title} prefill ${tokens}`,
    tokens,
    async open({ peers, decoders }) {
      const { take } = prompts(vocabulary, tokens);
      const peer = await peers.onnxruntime.openDecoder(name, cache);
      const contenders = { 'onnxruntime-web': async () => void argmax((await peer.read(take())).logits) };
      if (decoders) {
        await checkLogits(decoders.f32, peer, take().slice(0, SHORT_PROMPT));
        contenders.ours = firstToken(decoders.f32, take);
      }
      return { contenders, close: peer.close };
    },
  };
}

function prefillHalf(key, tokens) {
  const { title, vocabulary } = SHAPES[key];
  return {
    name: `${title} prefill ${tokens}, f16`,
    tokens,
    ours: true,
    open({ decoders }) {
      const { take } = prompts(vocabulary, tokens);
      const contenders = { ours: firstToken(decoders.f16, take), 'ours, f32': firstToken(decoders.f32, take) };
      return { contenders, close: () => {} };
    },
  };
}

function beams(key) {
  const { title, vocabulary } = SHAPES[key];
  return {
    name: `${title}, ${BEAMS} beams`,
    tokens: 1,
    ours: true,
    open({ decoders: { f32: model } }) {
      const { take } = prompts(vocabulary, SHORT_PROMPT);
      const run = (numBeams) => () =>
        generated(model.generate(take(), { maxNewTokens: NEW_TOKENS, numBeams }), NEW_TOKENS);
      return {
        contenders: { ours: timed(run(BEAMS), NEW_TOKENS), 'ours, greedy': timed(run(1), NEW_TOKENS) },
        close: () => {},
      };
    },
  };
}

function batch(key) {
  const { title, vocabulary } = SHAPES[key];
  return {
    name: `${title}, ${SEQUENCES} prompts`,
    tokens: SEQUENCES * NEW_TOKENS,
    ours: true,
    open({ decoders: { f32: model } }) {
      const { rows, take } = prompts(vocabulary, SHORT_PROMPT, SEQUENCES);
      const together = async () => {
        const results = await model.generate(rows, { maxNewTokens: NEW_TOKENS }).result();
        if (results.some(({ ids }) => ids.length !== NEW_TOKENS)) throw new Error('a sequence ended early');
      };
      // One after another they take their number times the time of one, whose least is found in far less time.
      const alone = timed(
        () => generated(model.generate(take(), { maxNewTokens: NEW_TOKENS }), NEW_TOKENS),
        1 / SEQUENCES,
      );
      return { contenders: { ours: timed(together, 1), 'ours, one by one': alone }, close: () => {} };
    },
  };
}

/** `long` is kept from one context to the next, which only adds what is missing. */
function atContext(key, context, long) {
  const { title, vocabulary } = SHAPES[key];
  return {
    name: `${title} decode at ${context}`,
    tokens: 1,
    ours: true,
    threads: [1],
    async open({ decoders: { f32: model } }) {
      const prompt = prompts(vocabulary, context).take();
      const short = await ourSteps(model, prompt.slice(0, CONTEXT));
      long.session ??= model.createSession();
      const further = await ourSteps(model, prompt.slice(long.session.length), long.session);
      return {
        contenders: { ours: timed(further.steps, STEPS), [`ours, at ${CONTEXT}`]: timed(short.steps, STEPS) },
        close: async () => {
          await long.session.truncate(context);
          return short.close();
        },
      };
    },
  };
}

/** Figures of one shape. `ours`: nobody else takes part; `threads`: where it is not measured at every count. */
export function decoderFigures(key) {
  const long = {};
  return [
    decode(key),
    decodeHalf(key),
    prefill(key, 128),
    prefill(key, 512),
    prefillHalf(key, 128),
    prefillHalf(key, 512),
    beams(key),
    batch(key),
    ...SHAPES[key].contexts.map((context) => atContext(key, context, long)),
  ];
}
