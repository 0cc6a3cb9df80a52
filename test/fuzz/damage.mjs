// Changes the JSON files of tiny checkpoints by chance, loads them and runs a call: whatever happens must be a result or a
// WasmformerError, within a moment. Also reads safetensors headers with bytes changed.
//
// usage: node test/fuzz/damage.mjs FOLDER... [--count 3000] [--seed 1] [--log FILE]       ends with code 1 if anything else happens
//
// Each folder holds checkpoints: those of make_models.py, or test/golden/encoders, decoders, transformers, texts. A call that hangs
// is the one in the file that --log names.
import { Buffer } from 'node:buffer';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { random } from '../../bench/measure.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    log: { type: 'string' },
  },
});
const built = new URL('../../dist/node/index.js', import.meta.url);
const { createEngine, Decoder, Encoder, Transformer, WasmformerError } = await import(built.href);
const engine = await createEngine({ threads: 1, worker: false });
const SLOW = 2000; // ms

const JSON_FILES = [
  ...['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'],
  ...['modules.json', '1_Pooling/config.json', 'sentence_bert_config.json', 'config_sentence_transformers.json'],
];
const WEIGHTS = 'model.safetensors';
const VALUES = [
  ...[null, true, false, '', 'x', 'gelu', 0, -1, -5, 1, 2, 7, 64, 3.5, 1e-300, 9999, 1e6, 1e9, 2 ** 31 - 1, 1e18],
  ...[[], {}, [1], ['X'], { 0: 'A' }, { rope_type: 'yarn' }, { rope_type: 'linear', factor: 0 }, { type: 'llama3' }],
];

const next = random(Number(options.seed));
const below = (n) => Math.floor(next() * n);
const pick = (list) => list[below(list.length)];

/** Ways to everything in a JSON value; of long lists to the first ones. */
function* paths(value, way = []) {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value).slice(0, 60)) {
    yield [...way, key];
    yield* paths(value[key], [...way, key]);
  }
}

/** Replaces or removes one thing, and says what. */
function damage(json) {
  const way = pick([...paths(json)]);
  if (!way) return '';
  const holder = way.slice(0, -1).reduce((value, key) => value[key], json);
  const key = way.at(-1);
  if (next() < 0.25) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else Reflect.deleteProperty(holder, key);
    return `${way.join('.')} removed`;
  }
  holder[key] = JSON.parse(JSON.stringify(pick(VALUES)));
  return `${way.join('.')} = ${JSON.stringify(holder[key])}`;
}

/** A copy of a file of weights with bytes of its header changed. */
function damageHeader(bytes) {
  const copy = Buffer.from(bytes);
  const length = Math.min(copy.length, 8 + Number(copy.readBigUInt64LE(0)));
  const at = below(length);
  copy[at] = next() < 0.5 ? below(256) : pick([...'0123456789[]{}",:']).charCodeAt(0);
  return { copy, what: `byte ${at} = ${copy[at]}` };
}

function classOf(folder, config) {
  const expected = join(folder, 'expected.json');
  const named = existsSync(expected) && JSON.parse(readFileSync(expected, 'utf8')).class;
  if (named) return { Decoder, Encoder, Transformer }[named];
  const architecture = String(config.architectures?.[0]);
  if (config.is_encoder_decoder || config.model_type === 'transformer') return Transformer;
  return /CausalLM|LMHead|transformer_decoder/.test(architecture + config.model_type) ? Decoder : Encoder;
}

async function call(Model, files) {
  const model = await Model.fromPretrained(files, { engine });
  try {
    if (model.info.stack) return;
    if (Model !== Encoder) await model.generate([5, 6, 7], { maxNewTokens: 3 }).result();
    else await model.forward({ inputIds: [[5, 6, 7, 8]] });
    if (files['tokenizer.json'] && Model === Encoder) await model.embed(['Hello there', 'x'], { truncation: true });
  } finally {
    await model.dispose();
  }
}

const folders = positionals.flatMap((base) =>
  readdirSync(base)
    .map((name) => join(base, name))
    .filter((folder) => existsSync(join(folder, 'config.json')) && existsSync(join(folder, WEIGHTS))),
);
let others = 0;
for (let i = 0; i < Number(options.count); i++) {
  const folder = pick(folders);
  const present = [...JSON_FILES, WEIGHTS].filter((name) => existsSync(join(folder, name)));
  const files = Object.fromEntries(present.map((name) => [name, readFileSync(join(folder, name))]));
  const Model = classOf(folder, JSON.parse(files['config.json']));
  const target = pick(present);
  let what;
  if (target === WEIGHTS) {
    const { copy, what: changed } = damageHeader(files[target]);
    files[target] = copy;
    what = changed;
  } else {
    const json = JSON.parse(files[target]);
    what = Array.from({ length: 1 + below(2) }, () => damage(json)).join('; ');
    files[target] = Buffer.from(JSON.stringify(json));
  }
  if (options.log) writeFileSync(options.log, `${folder} ${target}: ${what}\n`);
  const start = performance.now();
  try {
    await call(Model, files);
  } catch (error) {
    if (!(error instanceof WasmformerError)) {
      others++;
      console.log(`${folder} ${target}: ${what}\n  ${error.stack}`);
    }
  }
  const time = performance.now() - start;
  if (time > SLOW) {
    others++;
    console.log(`${folder} ${target}: ${what}\n  took ${Math.round(time)} ms`);
  }
}
await engine.dispose();
console.log(`${options.count} damaged, ${others} ended otherwise than they should`);
process.exitCode = others > 0 ? 1 : 0;
