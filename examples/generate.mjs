// Continues a prompt, printing the text as it comes and then how fast that was.
//
// usage: node examples/generate.mjs CHECKPOINT PROMPT [options]
import { parseArgs } from 'node:util';
import { Decoder, Transformer, WasmformerError } from 'wasmformer';

const USAGE = `usage: node examples/generate.mjs CHECKPOINT PROMPT [options]

Continues the prompt with a decoder (GPT-2, Llama, ...), or answers it with an
encoder-decoder (T5, BART, ...). The text goes to stdout as it comes, the
number of tokens a second to stderr. Ctrl-C ends the text where it is.

  CHECKPOINT      a folder in Hugging Face layout (config.json, tokenizer.json,
                  *.safetensors), a URL, or a Hub id such as
                  HuggingFaceTB/SmolLM-135M
  PROMPT          a text; with --ids token ids, such as 1,15,403

  --ids           the prompt is token ids, and ids are printed
  --tokens N      most tokens to generate (100)
  --temperature T draw tokens at this temperature instead of taking the likeliest
  --seed N        of the draws: the same one gives the same text
  --beams N       beam search; the text comes at the end
  --dtype TYPE    how weights are held: auto, f32, f16 or bf16 (auto)
  --threads N     (auto)`;

const OPTIONS = {
  ids: { type: 'boolean' },
  tokens: { type: 'string', default: '100' },
  temperature: { type: 'string' },
  seed: { type: 'string' },
  beams: { type: 'string' },
  dtype: { type: 'string' },
  threads: { type: 'string' },
  help: { type: 'boolean' },
};

const number = (text) => (text === undefined ? undefined : Number(text));

/** A causal language model, or else an encoder-decoder. */
async function load(checkpoint, options) {
  try {
    return await Decoder.fromPretrained(checkpoint, options);
  } catch (error) {
    if (error.code !== 'UNSUPPORTED_MODEL') throw error;
    const unknown = error;
    return Transformer.fromPretrained(checkpoint, options).catch((other) => {
      throw other.code === 'UNSUPPORTED_MODEL' ? unknown : other;
    });
  }
}

async function main(checkpoint, prompt, { ids, tokens, temperature, seed, beams, dtype, threads }) {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  const model = await load(checkpoint, { dtype, threads: number(threads), signal: interrupt.signal });
  try {
    const start = performance.now();
    const stream = model.generate(ids ? prompt.split(/[\s,]+/).map(Number) : prompt, {
      maxNewTokens: Number(tokens),
      ...(temperature === undefined ? {} : { doSample: true, temperature: Number(temperature), seed: number(seed) }),
      ...(beams === undefined ? {} : { numBeams: Number(beams) }),
      signal: interrupt.signal,
    });
    let first;
    for await (const { text, id } of stream) {
      first ??= performance.now();
      if (!ids) process.stdout.write(text);
      else if (id !== null) process.stdout.write(`${id} `);
    }
    const result = await stream.result();
    if (ids && beams !== undefined) process.stdout.write(result.ids.join(' '));
    process.stdout.write('\n');
    const seconds = (performance.now() - start) / 1000;
    const rate = (result.ids.length / seconds).toFixed(1);
    const wait = first === undefined ? '' : `, the first after ${((first - start) / 1000).toFixed(2)} s`;
    const { dtype: held, threads: used } = model.info;
    console.error(
      `${result.ids.length} tokens in ${seconds.toFixed(2)} s, ${rate} a second${wait} (${result.finishReason}; ${held}, threads: ${used})`,
    );
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
