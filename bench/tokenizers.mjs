// Tokenizing long texts: the time of 1 MB over the mean of its ten parts of 100 KB (10 is linear), and MB/s, for texts of many kinds.
// Ten parts, because a processor learns the branches of 100 KB that it reads again and again: English then takes half the time.
//
// usage: node bench/tokenizers.mjs FOLDER... [--only SUBSTRING] [--kind SUBSTRING] [--op SUBSTRING] [--long] [--library]
//
// Takes every JSON file below the folders that has a tokenizer's model, and every folder of older files whose class is known. Each figure
// is the least of five runs, the parts and the whole by turns, in processor time. --long adds texts of 5 MB, --library the speed of
// @huggingface/tokenizers beside ours. Works on src/ as it is: nothing has to be built.
import { Buffer } from 'node:buffer';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { random } from './measure.mjs';
import { root } from './paths.mjs';
import { importSource } from './source.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    kind: { type: 'string', default: '' },
    op: { type: 'string', default: '' },
    long: { type: 'boolean', default: false },
    library: { type: 'boolean', default: false },
  },
});
if (positionals.length === 0) throw new Error('usage: node bench/tokenizers.mjs FOLDER...');

const PARTS = 10;
const LARGE = 1_000_000;
const LONG = 5_000_000;
const RUNS = 5;
/** What takes longer than this for a part, in ms, is far from linear and would block everything else. */
const HOPELESS = 4000;

/** What the classes of older files read. */
const OLDER =
  /^((source|target)\.spm|(tokenizer|spiece|sentencepiece\.bpe)\.model|vocab\.(txt|json)|merges\.txt|config\.json)$/;

function* filesBelow(path) {
  if (statSync(path).isFile()) yield path;
  else for (const name of readdirSync(path).sort()) yield* filesBelow(join(path, name));
}

/** Names and functions that load the tokenizers, whose names have what --only says. */
function findTokenizers({ Tokenizer, openSource, readTokenizer }) {
  const files = positionals.flatMap((path) => [...filesBelow(path)]);
  const found = [];
  for (const file of files.filter((name) => name.endsWith('.json'))) {
    const text = readFileSync(file, 'utf8');
    if (!text.includes('"model"') || !text.includes('"vocab"')) continue;
    const json = JSON.parse(text);
    if (typeof json.model !== 'object' || !json.model?.vocab) continue;
    const name = basename(file) === 'tokenizer.json' ? basename(dirname(file)) : basename(file, '.json');
    found.push({ name, json, load: () => Tokenizer.fromJson(json) });
  }
  for (const folder of new Set(files.map(dirname))) {
    const older = files.filter((file) => dirname(file) === folder && OLDER.test(basename(file)));
    if (!older.some((file) => basename(file) !== 'config.json')) continue;
    const load = async () => {
      const contents = Object.fromEntries(older.map((file) => [basename(file), readFileSync(file)]));
      const config = JSON.parse(contents['config.json'] ?? '{}');
      return (await readTokenizer(await openSource(contents), config)).tokenizer;
    };
    found.push({ name: `${basename(folder)}, older files`, json: null, load });
  }
  return found.filter(({ name }) => name.includes(options.only));
}

/** English of the documents of the installed packages, each document once. */
function english() {
  const modules = join(root, 'node_modules');
  const documents = new Set();
  for (const name of readdirSync(modules).sort()) {
    for (const file of ['README.md', 'readme.md']) {
      const path = join(modules, name, file);
      if (existsSync(path)) documents.add(readFileSync(path, 'utf8').toWellFormed());
    }
  }
  return [...documents].join('\n').replaceAll(/^[^A-Za-z]*$|https?:\S+/gm, '');
}

function pick(from, seed) {
  const next = random(seed);
  return (bytes) => {
    const size = Buffer.byteLength(from[0]);
    const out = new Array(Math.ceil(bytes / size));
    for (let i = 0; i < out.length; i++) out[i] = from[Math.floor(next() * from.length)];
    return out.join('');
  };
}

const repeated = (unit) => (bytes) => unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit)));
const prose = english();
const han = Array.from({ length: 3000 }, (_, i) => String.fromCodePoint(0x4e00 + i * 3));

/** Each gives a text of about so many bytes of UTF-8. */
const kinds = {
  english: (bytes) => prose.repeat(Math.ceil(bytes / prose.length)).slice(0, bytes),
  letter: repeated('a'),
  letters: pick([...'abcdefghijklmnopqrstuvwxyz'], 1),
  emoji: repeated('😀'),
  families: repeated('👩‍👩‍👧 '),
  newlines: repeated('\n'),
  spaces: repeated(' '),
  whitespace: pick([' ', '\n', '\t', '\r'], 2),
  indents: repeated(`x${' '.repeat(5000)}\n`),
  chinese: pick([...han, '，', '。'], 3),
  ideographs: pick(han, 4),
  marks: pick(['\u0301', '\u0323', '\u0334', '\u0345'], 5),
  accents: repeated('e\u0301\u0323'),
  hangul: pick(['\u1112', '\u1161', '\u11ab'], 6),
  digits: pick([...'0123456789'], 7),
  punctuation: pick([...'!?.,;:-_()[]{}\'"'], 8),
  unknown: repeated('\ue000'),
  halfwidth: repeated('ｶﾞ'),
  added: (bytes, tokenizer) => {
    const token = tokenizer.specialTokens.unk ?? tokenizer.specialTokens.eos ?? tokenizer.idToToken(0);
    return repeated(token)(bytes);
  },
};

const operations = {
  ids: (tokenizer, text) => tokenizer.encode(text).ids,
  offsets: (tokenizer, text) => tokenizer.encode(text).offsets,
  windows: (tokenizer, text) => tokenizer.encodeWindows(text, null, { maxLength: 512, stride: 64 }),
  decode: (tokenizer, text, ids) => tokenizer.decode(ids),
  stream: (tokenizer, text, ids) => {
    const stream = tokenizer.decodeStream();
    let length = 0;
    for (const id of ids) length += stream.push(id).length;
    return length + stream.flush().length;
  },
};

/** Milliseconds of processor time, which others at work on the machine change less than the time that passes. */
function elapsed(run) {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** The least times of functions that take turns. */
function least(runs) {
  const best = runs.map(() => Infinity);
  for (let round = 0; round < RUNS; round++) {
    for (const [i, run] of runs.entries()) best[i] = Math.min(best[i], elapsed(run));
  }
  return best;
}

/** A text in parts of whole characters. */
function cut(text) {
  const size = Math.ceil(text.length / PARTS);
  return Array.from({ length: PARTS }, (_, i) => text.slice(i * size, (i + 1) * size).toWellFormed());
}

/** Milliseconds for a part of 1 MB, for all of it and, if asked for, for 5 MB; 'slow' where the first is hopeless. */
function figure(tokenizer, kind, op) {
  const needsIds = op === 'decode' || op === 'stream';
  const ready = (text) => ({
    text,
    ids: needsIds ? tokenizer.encode(text, { addSpecialTokens: false }).ids : [],
  });
  const run = ({ text, ids }) => operations[op](tokenizer, text, ids);
  const text = kinds[kind](LARGE, tokenizer);
  const cuts = cut(text);
  const first = ready(cuts[0]);
  run(first);
  if (elapsed(() => run(first)) > HOPELESS) return 'slow';
  const parts = cuts.map(ready);
  const wholes = [text, ...(options.long ? [kinds[kind](LONG, tokenizer)] : [])].map(ready);
  const [all, ...rest] = least([() => parts.forEach(run), ...wholes.map((whole) => () => run(whole))]);
  return [all / PARTS, ...rest];
}

const source = await importSource(`
  export { Tokenizer } from './src/io/tokenizer';
  export { openSource } from './src/io/source';
  export { readTokenizer } from './src/api/settings';
`);
const cell = (text) => text.padStart(16);
const chosenOps = Object.keys(operations).filter((op) => op.includes(options.op));
let worst = 0;
for (const { name, json, load } of findTokenizers(source)) {
  const tokenizer = await load();
  if (tokenizer === null) continue; // no class reads such files
  console.log(`\n${name.padEnd(24)}${chosenOps.map((op) => cell(op)).join('')}   (ratio, MB/s)`);
  for (const kind of Object.keys(kinds).filter((one) => one.includes(options.kind))) {
    const cells = chosenOps.map((op) => {
      try {
        const times = figure(tokenizer, kind, op);
        if (times === 'slow') {
          worst = Infinity;
          return cell('slow');
        }
        const ratio = Math.max(times[1] / times[0], options.long ? times[2] / times[1] / 0.5 : 0);
        worst = Math.max(worst, ratio);
        return cell(`${ratio.toFixed(1)}${ratio > 12 ? '!' : ' '} ${(LARGE / 1000 / times[1]).toFixed(1).padStart(6)}`);
      } catch (error) {
        worst = Infinity;
        return cell(String(error.name));
      }
    });
    console.log(`  ${kind.padEnd(22)}${cells.join('')}`);
  }
  if (options.library && json) {
    const library = new LibraryTokenizer({ normalizer: null, post_processor: null, ...json }, {});
    const text = kinds.english(LARGE);
    const [ours, theirs] = least([() => tokenizer.encode(text).ids, () => library.encode(text)]);
    const speed = (time) => (LARGE / 1000 / time).toFixed(2);
    console.log(`  English, MB/s: ours ${speed(ours)}, the library ${speed(theirs)}`);
  }
}
console.log(`\nworst ratio: ${worst.toFixed(1)}`);
