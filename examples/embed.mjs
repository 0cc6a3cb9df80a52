// How alike sentences are: embeds them and prints the cosine of every pair.
//
// usage: node examples/embed.mjs CHECKPOINT ["sentence" ...]
import { Encoder, WasmformerError } from 'wasmformer';

const USAGE = `usage: node examples/embed.mjs CHECKPOINT ["sentence" ...]

Embeds the sentences and prints how alike they are: the cosine of every pair.

  CHECKPOINT   a folder in Hugging Face layout (config.json, tokenizer.json,
               *.safetensors), a URL, or a Hub id such as
               sentence-transformers/all-MiniLM-L6-v2
  "sentence"   a few to compare; without any, five examples`;

const EXAMPLES = [
  'A man is eating food.',
  'Someone is having a meal.',
  'The stock market fell sharply today.',
  'Share prices dropped this afternoon.',
  'A cheetah chases its prey across a field.',
];

const WIDTH = 80;

/** A line of at most so many characters. */
function clip(text, width) {
  const characters = [...text.replaceAll(/\s+/g, ' ')];
  return characters.length <= width ? characters.join('') : `${characters.slice(0, width - 1).join('')}…`;
}

/** The sentences with their numbers, and below them the matrix, in blocks of as many columns as a line has room for. */
function table(sentences, cosine) {
  const digits = String(sentences.length).length;
  const label = (i) => String(i + 1).padStart(digits);
  const lines = sentences.map((sentence, i) => `${label(i)}  ${clip(sentence, WIDTH - digits - 2)}`);
  const cell = 7;
  const columns = Math.floor((WIDTH - digits) / cell);
  for (let from = 0; from < sentences.length; from += columns) {
    const block = sentences.slice(from, from + columns).map((_, i) => from + i);
    lines.push('', ' '.repeat(digits) + block.map((j) => label(j).padStart(cell)).join(''));
    sentences.forEach((_, i) =>
      lines.push(label(i) + block.map((j) => cosine(i, j).toFixed(3).padStart(cell)).join('')),
    );
  }
  return lines.join('\n');
}

async function main([checkpoint, ...given]) {
  const sentences = given.length > 0 ? given : EXAMPLES;
  const encoder = await Encoder.fromPretrained(checkpoint);
  try {
    const { data, dims } = await encoder.embed(sentences, { normalize: true });
    const row = (i) => data.subarray(i * dims[1], (i + 1) * dims[1]);
    console.log(table(sentences, (i, j) => row(i).reduce((sum, x, k) => sum + x * row(j)[k], 0)));
  } finally {
    await encoder.dispose();
  }
}

const args = process.argv.slice(2);
if (args[0] === '--help') {
  console.log(USAGE);
} else if (args.length === 0) {
  console.error(USAGE);
  process.exitCode = 1;
} else {
  try {
    await main(args);
  } catch (error) {
    if (!(error instanceof WasmformerError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    process.exitCode = 1;
  }
}
