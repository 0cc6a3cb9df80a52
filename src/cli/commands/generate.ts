// wasmformer generate and translate: text from a decoder or an encoder-decoder, as it comes.
import { kindOfCheckpoint } from '../../api/checkpoint';
import { Decoder, Transformer, type GeneratedResult, type GenerationStream, type Prompts } from '../../index';
import { EXIT, Failure } from '../failure';
import { generationOptions, idsOf } from '../generation-flags';
import { TextInput, textOf, type Item } from '../input';
import type { Run } from '../run';
import { oneLine } from '../terminal';
import { isCalendarDate } from './calendar';

type Model = Decoder | Transformer;
type Args = readonly (string | string[] | undefined)[];

export async function generate(run: Run, [model, prompts]: Args): Promise<number> {
  return write(run, model as string, prompts as string[], async (source, options) => {
    const kind = await kindOfCheckpoint(source, options);
    if (kind === 'encoder')
      throw new Failure(
        'USAGE',
        `${source} is an encoder, which generates no text: embed, classify or fill-mask use it`,
      );
    return kind === 'decoder' ? Decoder.fromPretrained(source, options) : Transformer.fromPretrained(source, options);
  });
}

export async function translate(run: Run, [model, texts]: Args): Promise<number> {
  return write(run, model as string, texts as string[], async (source, options) => {
    if ((await kindOfCheckpoint(source, options)) === 'decoder')
      throw new Failure(
        'USAGE',
        `${source} is a decoder, not an encoder-decoder: wasmformer generate continues texts with it`,
      );
    return Transformer.fromPretrained(source, options);
  });
}

async function write(
  run: Run,
  name: string,
  given: string[],
  load: Parameters<typeof run.load<Model>>[1],
): Promise<number> {
  const { flags, signal } = run;
  const input = new TextInput(given, flags.inputFormat!);
  const model = await run.load(name, load, input);
  const options = { ...generationOptions(flags, model instanceof Decoder ? 'decoder' : 'transformer'), signal };
  const start = (prompts: Prompts): GenerationStream<GeneratedResult[]> =>
    model instanceof Decoder ? model.generate(prompts, options) : model.generate(prompts, options);
  const writer = new Writer(run, needsDates(model), given.length === 1);
  await run.each(input, async (items) => {
    const stream = start(items.map((item) => (flags.ids === true ? idsIn(item) : textOf(item, 'text'))));
    if (items.length === 1 && writer.streams(options.numReturnSequences, options.numBeams)) {
      await writer.stream(items[0], stream);
      return;
    }
    for (const [i, result] of (await stream.result()).entries()) await writer.whole(items[i], result);
  });
  return writer.invalid > 0 ? EXIT.answer : EXIT.ok;
}

/** Writes what was generated, and counts the answers that are not what they must be. */
class Writer {
  invalid = 0;

  /** @param alone whether one prompt is all there is, as an argument: its text keeps its lines */
  constructor(
    private readonly run: Run,
    private readonly dates: boolean,
    private readonly alone: boolean,
  ) {}

  /** Whether text can be shown as it comes. */
  streams(sequences: unknown, beams: unknown): boolean {
    return !this.run.json && (sequences ?? 1) === 1 && (beams ?? 1) === 1;
  }

  /** Of one prompt. */
  async stream(item: Item, stream: GenerationStream<GeneratedResult[]>): Promise<void> {
    const { terminal, flags } = this.run;
    let begun = false;
    for await (const { text, id } of stream) {
      const next: string = id === null ? '' : `${begun ? ' ' : ''}${id}`;
      const piece = flags.ids === true ? next : this.shown(text);
      begun ||= piece !== '';
      if (piece !== '') await terminal.write(piece);
    }
    const [result] = await stream.result();
    await terminal.write('\n');
    this.check(item, result);
  }

  async whole(item: Item, result: GeneratedResult): Promise<void> {
    const { terminal, json, flags } = this.run;
    // what was not begun when Ctrl-C came is not done
    if (result.finishReason === 'abort' && result.ids.length === 0) return;
    const valid = this.check(item, result);
    if (json) {
      const { sequences, text, ids, finishReason, score, logprobs } = result;
      const several = sequences.length > 1 ? { sequences } : {};
      await terminal.json({
        ...item.fields,
        answer: text,
        ids,
        finishReason,
        score,
        logprobs,
        ...several,
        ...(this.dates ? { isDate: valid } : {}),
      });
      return;
    }
    for (const { text, ids } of result.sequences)
      await terminal.line(flags.ids === true ? ids.join(' ') : this.shown(text));
  }

  /** A line of output for a line of input. */
  private shown(text: string): string {
    return this.alone ? text : oneLine(text);
  }

  private check(item: Item, { text, finishReason }: GeneratedResult): boolean {
    if (!this.dates || isCalendarDate(text)) return true;
    if (finishReason === 'abort') return false;
    this.invalid++;
    const given = typeof item.fields.text === 'string' ? JSON.stringify(item.fields.text) : item.where;
    this.run.terminal.warn(`${given}: not a validated date (the model says ${JSON.stringify(text)})`);
    return false;
  }
}

/** Whether the checkpoint says that its answers are dates. */
function needsDates({ config }: Model): boolean {
  const tasks = config.task_specific_params as { translation?: { answer?: unknown } } | null | undefined;
  return tasks?.translation?.answer === 'iso-8601-date';
}

function idsIn(item: Item): number[] {
  const ids = idsOf(textOf(item, 'text'));
  if (ids && ids.length > 0) return ids;
  throw new Failure('INVALID_INPUT', 'with --ids a prompt is token ids such as 1,15,403', item.where);
}
