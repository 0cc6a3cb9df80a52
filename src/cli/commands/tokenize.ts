// wasmformer tokenize: texts to tokens and back.
import { loadTokenizer, type Tokenizer } from '../../index';
import { EXIT, Failure } from '../failure';
import { idsOf } from '../generation-flags';
import { optionalText, TextInput, textOf, type Item } from '../input';
import { sourceOf } from '../own-models';
import type { Run } from '../run';
import { oneLine, table } from '../terminal';

export async function tokenize(run: Run, [model, texts]: readonly (string | string[] | undefined)[]): Promise<number> {
  const input = new TextInput(texts as string[], run.flags.inputFormat!);
  const tokenizerClass = run.flags.tokenizerClass as string | undefined;
  const [tokenizer] = await Promise.all([
    loadTokenizer(sourceOf(model as string), { ...run.fileOptions, tokenizerClass }),
    input.ready(),
  ]);
  await run.each(input, async (items) => {
    for (const item of items) {
      if (run.flags.decode === true) await decode(run, tokenizer, item);
      else await encode(run, tokenizer, item);
    }
  });
  return EXIT.ok;
}

async function encode({ flags, json, terminal }: Run, tokenizer: Tokenizer, item: Item): Promise<void> {
  const text = textOf(item, 'text');
  const textPair = optionalText(item, 'textPair') ?? (flags.pair as string | undefined);
  const encoding = tokenizer.encode(text, { textPair, addSpecialTokens: flags.specialTokens !== false });
  const { ids, length } = encoding;
  if (flags.count === true) {
    await (json ? terminal.json({ ...item.fields, count: length }) : terminal.line(String(length)));
    return;
  }
  const { tokens, offsets, typeIds } = encoding;
  if (json) {
    await terminal.json({ ...item.fields, ids, tokens, offsets, typeIds });
    return;
  }
  const { bold, dim } = terminal.styles;
  const texts = [text, textPair ?? ''];
  const rows = ids.map((id, i) => {
    const sequence = encoding.sequenceIds[i];
    const [from, to] = offsets[i];
    return [String(id), oneLine(tokens[i]), sequence === null ? '' : JSON.stringify(texts[sequence].slice(from, to))];
  });
  const head = `${bold(oneLine(text))}  ${dim(`${length} tokens`)}`;
  await terminal.line(length === 0 ? `${head}\n` : `${head}\n${table(rows, [0])}\n`);
}

async function decode({ json, terminal }: Run, tokenizer: Tokenizer, item: Item): Promise<void> {
  const given = item.fields.ids ?? item.fields.text;
  const ids = typeof given === 'string' ? idsOf(given) : given;
  if (!Array.isArray(ids)) throw new Failure('INVALID_INPUT', 'token ids are expected, such as 15496,995', item.where);
  const text = tokenizer.decode(ids as number[]);
  await (json ? terminal.json({ ids, text }) : terminal.line(text));
}
