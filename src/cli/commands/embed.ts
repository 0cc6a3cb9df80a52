// wasmformer embed: a vector for each text.
import { Encoder, type EmbedOptions } from '../../index';
import { EXIT } from '../failure';
import { TextInput, textOf, type Item } from '../input';
import type { Run } from '../run';
import { clip } from '../terminal';

/** Numbers of a vector that people see. */
const SHOWN = 6;

export async function embed(run: Run, [model, texts]: readonly (string | string[] | undefined)[]): Promise<number> {
  const { flags, terminal, signal } = run;
  const input = new TextInput(texts as string[], flags.inputFormat!);
  const encoder = await run.load(model as string, (source, options) => Encoder.fromPretrained(source, options), input);
  const options: EmbedOptions = { ...embedOptions(run), signal };
  await run.each(input, async (items) => {
    const { data, dims } = await encoder.embed(
      items.map((item) => textOf(item, 'text')),
      options,
    );
    for (const [i, item] of items.entries()) {
      const vector = data.subarray(i * dims[1], (i + 1) * dims[1]);
      if (run.json) await terminal.json({ ...item.fields, embedding: Array.from(vector, shorten) });
      else await terminal.line(show(item, vector, run));
    }
  });
  return EXIT.ok;
}

/** The flags of embedding, as the library takes them. */
export function embedOptions({ flags }: Run): EmbedOptions {
  const { pooling, normalize, prompt, promptName, truncation, dimensions, precision } = flags as EmbedOptions;
  // commander's --no-normalize is true where it is not given: the checkpoint says then
  const length = normalize === false ? false : undefined;
  return { pooling, normalize: length, prompt, promptName, truncation, dimensions, precision };
}

/** As few digits as tell a float32 from its neighbours. */
function shorten(value: number): number {
  return Number(value.toPrecision(9));
}

function show(item: Item, vector: Float32Array | Int8Array | Uint8Array, { terminal, flags }: Run): string {
  const { dim } = terminal.styles;
  const isFloat = vector instanceof Float32Array;
  const first = Array.from(vector.subarray(0, SHOWN), (x) => (isFloat ? x.toFixed(4) : String(x)).padStart(8)).join('');
  const what = isFloat ? `numbers, length ${Math.hypot(...vector).toFixed(3)}` : `numbers, ${String(flags.precision)}`;
  const text = clip(textOf(item, 'text'), terminal.width);
  return `${text}\n${first}${vector.length > SHOWN ? '  …' : ''}  ${dim(`${vector.length} ${what}; --json has all`)}`;
}
