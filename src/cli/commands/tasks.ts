// wasmformer classify, fill-mask, answer, rerank and similar: what an encoder says about texts.
import { Encoder } from '../../index';
import { EXIT, Failure } from '../failure';
import { optionalText, TextInput, textOf, wholeStdin, type Item } from '../input';
import type { Run } from '../run';
import { clip, oneLine, table } from '../terminal';
import { embedOptions } from './embed';

type Args = readonly (string | string[] | undefined)[];

const percent = (score: number): string => `${(100 * score).toFixed(1)} %`;

/** Texts as arguments or lines, and an encoder. */
async function begin(run: Run, [model, texts]: Args): Promise<{ encoder: Encoder; input: TextInput }> {
  const input = new TextInput(texts as string[], run.flags.inputFormat!);
  const encoder = await run.load(model as string, (source, options) => Encoder.fromPretrained(source, options), input);
  return { encoder, input };
}

/** How many of the best are wanted; undefined: the library's own number. */
function topK({ flags }: Run): number | null | undefined {
  return flags.topK === 'all' ? null : (flags.topK as number | undefined);
}

export async function classify(run: Run, args: Args): Promise<number> {
  const { encoder, input } = await begin(run, args);
  const { flags, json, terminal, signal } = run;
  const options = { truncation: flags.truncation === true, signal };
  await run.each(input, async (items) => {
    const text = items.map((item) => textOf(item, 'text'));
    if (flags.tokens === true) {
      const found = await encoder.classifyTokens(text, {
        aggregationStrategy: flags.aggregation as 'simple',
        ...options,
      });
      for (const [i, item] of items.entries()) {
        if (json) await terminal.json({ ...item.fields, entities: found[i] });
        else
          await terminal.line(
            block(
              item,
              found[i].map((entity) => entityRow(entity)),
              run,
            ),
          );
      }
      return;
    }
    const pairs = items.map((item) => optionalText(item, 'textPair') ?? (flags.pair as string | undefined));
    const textPair = pairs.every((pair) => pair !== undefined) ? pairs : undefined;
    if (!textPair && pairs.some((pair) => pair !== undefined))
      throw new Failure('INVALID_INPUT', 'some lines have a "textPair" and some have none', items[0].where);
    const labels = await encoder.classify({ text, textPair }, { topK: topK(run), ...options });
    for (const [i, item] of items.entries()) {
      if (json) await terminal.json({ ...item.fields, labels: labels[i] });
      else await terminal.line(labelled(item, labels[i], run));
    }
  });
  return EXIT.ok;
}

/** One label goes on the text's line, several below it. */
function labelled(item: Item, labels: readonly { label: string; score: number }[], run: Run): string {
  const rows = labels.map(({ label, score }) => [label, percent(score)]);
  if (rows.length > 1) return block(item, rows, run);
  const { width } = run.terminal;
  const [label, score] = rows[0];
  return `${label}\t${score}\t${clip(textOf(item, 'text'), Math.max(20, width - label.length - 18))}`;
}

function entityRow(entity: { score: number; word: string; start: number | null; end: number | null }): string[] {
  const label = 'entityGroup' in entity ? String(entity.entityGroup) : String((entity as { entity?: string }).entity);
  return [label, percent(entity.score), entity.word, `${entity.start ?? ''}-${entity.end ?? ''}`];
}

/** A text and, below it, what was found. */
function block(item: Item, rows: readonly (readonly string[])[], { terminal }: Run): string {
  const head = terminal.styles.bold(clip(textOf(item, 'text'), terminal.width));
  const body = rows.length === 0 ? 'nothing' : table(rows, [1]);
  return `${head}\n${body.replaceAll(/^/gm, '  ')}`;
}

export async function fillMask(run: Run, args: Args): Promise<number> {
  const { encoder, input } = await begin(run, args);
  const { json, terminal, signal, flags } = run;
  const k = topK(run);
  const options = { ...(typeof k === 'number' ? { topK: k } : {}), truncation: flags.truncation === true, signal };
  await run.each(input, async (items) => {
    const found = await encoder.fillMask(
      items.map((item) => textOf(item, 'text')),
      options,
    );
    for (const [i, item] of items.entries()) {
      if (json) {
        await terminal.json({ ...item.fields, tokens: found[i] });
        continue;
      }
      const rows = found[i]
        .flat()
        .map(({ tokenStr, score, sequence }) => [tokenStr, percent(score), oneLine(sequence)]);
      await terminal.line(block(item, rows, run));
    }
  });
  return EXIT.ok;
}

export async function answer(run: Run, [model, question, contexts]: Args): Promise<number> {
  const { json, terminal, flags } = run;
  const given = contexts as string[];
  const isJson = given.length === 0 && (question === undefined || flags.inputFormat === 'jsonl');
  if (!isJson && question === undefined)
    throw new Failure('USAGE', 'give a question and a context, or JSON Lines with "question" and "context" on stdin');
  const input = new TextInput(
    isJson ? [] : given.length > 0 ? given : [await wholeStdin()],
    isJson ? 'jsonl' : 'lines',
    'context',
  );
  const encoder = await run.load(model as string, (source, options) => Encoder.fromPretrained(source, options), input);
  const k = topK(run);
  const options = {
    ...(typeof k === 'number' ? { topK: k } : {}),
    handleImpossibleAnswer: flags.handleImpossibleAnswer === true,
    signal: run.signal,
  };
  await run.each(input, async (items) => {
    for (const item of items) {
      const asked = optionalText(item, 'question') ?? (question as string | undefined);
      if (asked === undefined)
        throw new Failure('INVALID_INPUT', '"question" is missing: it must be a text', item.where);
      const found = await encoder.answer({ question: asked, context: textOf(item, 'context') }, options);
      const answers = [found].flat();
      if (json) await terminal.json({ ...item.fields, question: asked, answers });
      else
        for (const one of answers)
          await terminal.line(`${oneLine(one.answer)}\t${percent(one.score)}\t${one.start}-${one.end}`);
    }
  });
  return EXIT.ok;
}

export async function rerank(run: Run, [model, query, documents]: Args): Promise<number> {
  const { json, terminal, flags, signal } = run;
  const input = new TextInput(documents as string[], flags.inputFormat!);
  const encoder = await run.load(model as string, (source, options) => Encoder.fromPretrained(source, options), input);
  const items = await input.all();
  const texts = items.map((item) => textOf(item, 'text'));
  const onProgress = ({ done, total }: { done: number; total: number }): void =>
    terminal.progress('documents', done, total);
  const best = await encoder.rerank(query as string, texts, { topK: topK(run) ?? null, onProgress, signal });
  for (const { index, score } of best) {
    if (json) await terminal.json({ ...items[index].fields, index, score });
    else await terminal.line(`${score.toFixed(4)}\t${clip(texts[index], terminal.width - 10)}`);
  }
  return EXIT.ok;
}

/** Most texts of a matrix for people: it must fit in a line. */
const MOST_COLUMNS = 10;

export async function similar(run: Run, args: Args): Promise<number> {
  const { encoder, input } = await begin(run, args);
  const { json, terminal, flags, signal } = run;
  const items = await input.all();
  const texts = items.map((item) => textOf(item, 'text'));
  const metric = flags.metric as 'cosine' | undefined;
  const options = { ...embedOptions(run), metric, signal };
  if (flags.query !== undefined) {
    const embeddings = await encoder.embed(texts, { ...embedOptions(run), signal });
    const k = topK(run);
    const best = await encoder.search(flags.query as string, embeddings, { ...options, topK: k ?? texts.length });
    for (const { index, score } of best) {
      if (json) await terminal.json({ ...items[index].fields, index, score });
      else await terminal.line(`${score.toFixed(4)}\t${clip(texts[index], terminal.width - 10)}`);
    }
    return EXIT.ok;
  }
  const { data } = await encoder.similarity(texts, undefined, options);
  const n = texts.length;
  const row = (i: number): Float32Array => data.subarray(i * n, (i + 1) * n);
  if (json) {
    for (const [i, item] of items.entries()) await terminal.json({ ...item.fields, similarities: Array.from(row(i)) });
    return EXIT.ok;
  }
  if (n > MOST_COLUMNS)
    throw new Failure('USAGE', `a table of ${n} texts is too wide: use --json, or --query to rank them`);
  const label = (i: number): string => String(i + 1);
  const lines = texts.map((text, i) => `${label(i)}  ${clip(text, terminal.width - 4)}`);
  const head = ['', ...texts.map((_, i) => label(i))];
  const rows = texts.map((_, i) => [label(i), ...Array.from(row(i), (score) => score.toFixed(2))]);
  await terminal.line(
    `${lines.join('\n')}\n\n${table(
      [head, ...rows],
      head.map((_, j) => j),
    )}`,
  );
  return EXIT.ok;
}
