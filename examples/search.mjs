// Search by meaning: which lines of a file say what a question asks for.
//
// usage: node examples/search.mjs CHECKPOINT FILE "question" ...
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { Encoder, WasmformerError } from 'wasmformer';

const USAGE = `usage: node examples/search.mjs CHECKPOINT FILE "question" ...

Embeds the lines of a text file once, and prints for each question the five
that are nearest to it, best first.

  CHECKPOINT   a sentence encoder: a folder in Hugging Face layout, a URL, or a
               Hub id such as sentence-transformers/all-MiniLM-L6-v2
  FILE         a text file; empty lines are left out`;

async function main([checkpoint, file, ...questions]) {
  const lines = (await readFile(file, 'utf8'))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const encoder = await Encoder.fromPretrained(checkpoint);
  try {
    const documents = await encoder.embed(lines, { truncation: true });
    for (const question of questions) {
      console.log(question);
      const found = await encoder.search(question, documents, { topK: 5 });
      for (const { index, score } of found) console.log(`  ${score.toFixed(3)}  ${lines[index]}`);
    }
  } finally {
    await encoder.dispose();
  }
}

const args = process.argv.slice(2);
if (args[0] === '--help') {
  console.log(USAGE);
} else if (args.length < 3) {
  console.error(USAGE);
  process.exitCode = 1;
} else {
  try {
    await main(args);
  } catch (error) {
    const isKnown = error instanceof WasmformerError || error.code === 'ENOENT';
    if (!isKnown) throw error;
    console.error(`${error.code}: ${error.message}`);
    process.exitCode = 1;
  }
}
