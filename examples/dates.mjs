// Dates as people write them, into ISO 8601: streams the answer of the project's own Transformer, and shows where it looked.
//
// usage: node examples/dates.mjs ["date" ...]
import process from 'node:process';
import { attentionGrid, Transformer, WasmformerError } from 'wasmformer';
import { dates } from 'wasmformer-models';

const USAGE = `usage: node examples/dates.mjs ["date" ...]

Turns dates as people write them in English, German, French and Spanish into
ISO 8601, and draws the model's cross-attention: a row for every character of
the answer, a column for every character of the text.

  "date"   such as "am 3. März 99"; without any, three examples`;

const EXAMPLES = ['am 3. März 99', 'the 21st of June, 2004', 'le 1er avril 2010'];

const { stdout } = process;

/** Whether a text is a day of the calendar in ISO 8601. */
function isDate(text) {
  const time = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** Whether to draw in colours: what the environment says, else what a terminal can. */
function hasColors() {
  const { FORCE_COLOR, NO_COLOR } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return stdout.isTTY === true && stdout.hasColors();
}

/** Prints the answer as it comes, then the grid. Gives whether the answer is a date. */
async function translate(model, text) {
  stdout.write(`${text} → `);
  const stream = model.generate(text);
  for await (const piece of stream) stdout.write(piece.text);
  stdout.write('\n\n');
  const { text: answer, ids } = await stream.result();

  const source = model.tokenizer.encode(text);
  const start = model.config.decoder_start_token_id;
  const { crossAttentions } = await model.forward(
    { inputIds: [source.ids], decoderInputIds: [[start, ...ids.slice(0, -1)]] },
    { outputAttentions: true },
  );
  const label = (id) => model.tokenizer.idToToken(id);
  // the text's own characters, where a token is one: the model reads them without accents and capitals
  const written = ([from, to], i) => text.slice(from, to) || label(source.ids[i]);
  const grid = attentionGrid(crossAttentions.at(-1), {
    rows: ids.map(label),
    columns: source.offsets.map(written),
    color: hasColors(),
    width: stdout.columns ?? 80,
  });
  stdout.write(`${grid}\n\n`);
  if (isDate(answer)) return true;
  console.error(`${JSON.stringify(text)}: not a validated date (the model says ${JSON.stringify(answer)})`);
  return false;
}

async function main(texts) {
  // so small a model is done before a second thread would have begun
  const model = await Transformer.fromPretrained(dates, { worker: false, threads: 1 });
  try {
    for (const text of texts) {
      try {
        if (!(await translate(model, text))) process.exitCode = 1;
      } catch (error) {
        // one text that is too long does not stop the others
        if (!(error instanceof WasmformerError)) throw error;
        console.error(`\n${JSON.stringify(text)}: ${error.code}: ${error.message}`);
        process.exitCode = 1;
      }
    }
  } finally {
    await model.dispose();
  }
}

// a reader that has seen enough (| head) is no error
stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const texts = process.argv.slice(2);
if (texts.some((text) => text === '--help' || text === '-h')) {
  console.log(USAGE);
} else {
  try {
    await main(texts.length > 0 ? texts : EXAMPLES);
  } catch (error) {
    if (!(error instanceof WasmformerError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    process.exitCode = 1;
  }
}
