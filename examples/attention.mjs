// Who looks at whom: prints an attention map as text, a row for every token that looks.
//
// usage: node examples/attention.mjs CHECKPOINT TEXT [options]
import { parseArgs } from 'node:util';
import { Decoder, Encoder, Transformer, WasmformerError } from 'wasmformer';

const USAGE = `usage: node examples/attention.mjs CHECKPOINT TEXT [options]

Prints an attention map: a row for every token that looks, a column for every
token that is looked at, the darker the more. Of an encoder-decoder it shows
where its answer looks in the text (cross-attention).

  CHECKPOINT   a folder in Hugging Face layout, a URL, or a Hub id such as
               openai-community/gpt2
  TEXT         a text; with --ids token ids, such as 1,15,403

  --ids        the text is token ids
  --layer N    counted from 0 (the last one)
  --head N     counted from 0 (the mean of all)`;

const OPTIONS = {
  ids: { type: 'boolean' },
  layer: { type: 'string' },
  head: { type: 'string' },
  help: { type: 'boolean' },
};

const SHADES = [' ', '░', '▒', '▓', '█'];
const LABEL = 12;

/** The checkpoint as whatever it is. */
async function load(checkpoint) {
  let unknown;
  for (const kind of [Encoder, Decoder, Transformer]) {
    try {
      return await kind.fromPretrained(checkpoint);
    } catch (error) {
      if (error.code !== 'UNSUPPORTED_MODEL') throw error;
      unknown ??= error;
    }
  }
  throw unknown;
}

/** The maps of all layers, [1, heads, rows, columns] each, and the ids of rows and columns. */
async function mapsOf(model, ids) {
  if (!(model instanceof Transformer)) {
    const { attentions } = await model.forward({ inputIds: [ids] }, { outputAttentions: true });
    return { maps: attentions, rows: ids, columns: ids };
  }
  // the decoder reads what it starts with and its answer but for the last token
  const { decoder_start_token_id: start, bos_token_id: bos } = model.config;
  const decoderInputIds = [start ?? bos ?? 0];
  const answer = await model.generate(ids, { decoderInputIds, maxNewTokens: 40 }).result();
  decoderInputIds.push(...answer.ids.slice(0, -1));
  const output = await model.forward(
    { inputIds: [ids], decoderInputIds: [decoderInputIds] },
    { outputAttentions: true },
  );
  return { maps: output.crossAttentions, rows: answer.ids, columns: ids };
}

/** An integer of the command line that must be below a limit. */
function index(name, text, limit, fallback) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value < limit) return value;
  throw new WasmformerError('INVALID_ARGUMENT', `--${name} is ${text}, but must be from 0 to ${limit - 1}`);
}

function table(map, heads, rows, columns, head) {
  const [n, m] = [rows.length, columns.length];
  const chosen = head === null ? Array.from({ length: heads }, (_, i) => i) : [head];
  const weight = (i, j) => chosen.reduce((sum, h) => sum + map[(h * n + i) * m + j], 0) / chosen.length;
  const name = (label, i) => `${String(i).padStart(3)} ${[...label].slice(0, LABEL).join('').padEnd(LABEL)} `;
  const lines = [' '.repeat(LABEL + 5) + columns.map((_, j) => String(j % 100).padStart(2)).join('')];
  rows.forEach((label, i) => {
    const shade = (j) => SHADES[Math.min(SHADES.length - 1, Math.ceil(weight(i, j) * (SHADES.length - 1) - 0.2))];
    lines.push(name(label, i) + columns.map((_, j) => shade(j).repeat(2)).join(''));
  });
  return lines.join('\n');
}

async function main(checkpoint, text, options) {
  const model = await load(checkpoint);
  try {
    const ids = options.ids ? text.split(/[\s,]+/).map(Number) : Array.from(model.tokenizer.encode(text).ids);
    const { maps, rows, columns } = await mapsOf(model, ids);
    const layer = index('layer', options.layer, maps.length, maps.length - 1);
    const { data, dims } = maps[layer];
    const head = index('head', options.head, dims[1], null);
    const label = (id) => (options.ids ? String(id) : (model.tokenizer.idToToken(id) ?? String(id)));
    console.log(`layer ${layer} of ${maps.length}, ${head === null ? `mean of ${dims[1]} heads` : `head ${head}`}`);
    if (model instanceof Transformer) console.log(`columns: ${columns.map((id, j) => `${j} ${label(id)}`).join(', ')}`);
    console.log(table(data, dims[1], rows.map(label), columns.map(label), head));
  } finally {
    await model.dispose();
  }
}

try {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help) {
    console.log(USAGE);
  } else if (positionals.length !== 2) {
    console.error(USAGE);
    process.exitCode = 1;
  } else {
    await main(...positionals, values);
  }
} catch (error) {
  if (!(error instanceof WasmformerError || String(error.code).startsWith('ERR_PARSE_ARGS'))) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
