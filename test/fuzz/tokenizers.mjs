// Compares src/ as it is with what make_tokenizers.py expects: ids, places, words, segments, texts, and texts piece by piece.
//
// usage: node test/fuzz/tokenizers.mjs FOLDER       ends with code 1 if anything differs
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importSource } from '../../bench/source.mjs';

const [folder] = process.argv.slice(2);
const { openSource, readTokenizer } = await importSource(
  `export { readTokenizer } from './src/api/settings'; export { openSource } from './src/io/source';`,
);

let compared = 0;
let differing = 0;

/** A tokenizer.json as it is, or a SentencePiece model with the ids of its pieces. */
async function load(name) {
  const file = join(folder, `${name}.tokenizer.json`);
  const json = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  const files = json
    ? { 'tokenizer.json': readFileSync(file) }
    : {
        'spiece.model': readFileSync(join(folder, `${name}.model`)),
        'tokenizer_config.json': JSON.stringify({ tokenizer_class: 'ReformerTokenizer' }),
      };
  const { tokenizer, tokenizerRefusal } = await readTokenizer(await openSource(files), { model_type: 'reformer' });
  if (!tokenizer) throw tokenizerRefusal;
  // the suffix of words becomes a space whatever decodes, as in the Python classes of CLIP and GPT
  return { tokenizer, isBare: Boolean(json?.model.end_of_word_suffix) && json.decoder?.type !== 'BPEDecoder' };
}

/** Python's places are of characters. */
function inUnits(offsets, sequences, texts) {
  const places = texts.map((text) => {
    const table = [0];
    for (const character of text ?? '') table.push(table.at(-1) + character.length);
    return table;
  });
  return offsets.map((pair, i) => (sequences[i] === null ? pair : pair.map((at) => places[sequences[i]][at])));
}

function streamed(tokenizer, ids) {
  const stream = tokenizer.decodeStream({ skipSpecialTokens: false });
  return ids.map((id) => stream.push(id)).join('') + stream.flush();
}

/** What is to be equal: ours and Python's, by name. */
function* pairs({ tokenizer, isBare }, { text, pair, specials = false, maxLength, ids, decode, texts, ...rest }) {
  const encoding = tokenizer.encode(text, {
    textPair: pair ?? undefined,
    addSpecialTokens: specials,
    truncation: maxLength !== undefined,
    maxLength,
  });
  yield ['ids', [...encoding.ids], ids];
  if (rest.offsets) {
    yield ['offsets', encoding.offsets, inUnits(rest.offsets, encoding.sequenceIds, [text, pair])];
    yield ['words', encoding.wordIds, rest.words];
    yield ['types', encoding.typeIds, rest.types];
    yield ['specials', encoding.specialTokensMask, rest.mask];
  }
  const whole = tokenizer.decode(decode, { skipSpecialTokens: false });
  if (!isBare) {
    yield ['text', whole, texts[0]];
    yield ['text without specials', tokenizer.decode(decode), texts[1]];
  }
  yield ['text in pieces', streamed(tokenizer, decode), whole];
}

const names = readdirSync(folder).flatMap((file) => /^(.+)\.cases\.json$/.exec(file)?.[1] ?? []);
for (const name of names) {
  let tokenizer;
  try {
    tokenizer = await load(name);
  } catch (error) {
    differing++;
    console.log(`${name}: ${error.stack}`);
    continue;
  }
  for (const expected of JSON.parse(readFileSync(join(folder, `${name}.cases.json`), 'utf8'))) {
    compared++;
    for (const [what, ours, theirs] of pairs(tokenizer, expected)) {
      if (JSON.stringify(ours) === JSON.stringify(theirs)) continue;
      differing++;
      console.log(
        `${name}: ${what} of ${JSON.stringify(expected.text)}\n  ${JSON.stringify(ours)}\n  ${JSON.stringify(theirs)}`,
      );
      break;
    }
  }
}
console.log(`${names.length} tokenizers, ${compared} texts, ${differing} differ`);
process.exitCode = differing > 0 ? 1 : 0;
