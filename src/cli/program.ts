// Commands, their arguments and flags: what --help says and what completion knows.
import { Command, InvalidArgumentError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { addGenerationFlags } from './generation-flags';
import type { InputFormat } from './input';

/** What is shared by the flags of all commands; each command knows its own. */
export interface Flags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly threads?: number | 'auto';
  readonly dtype?: 'auto' | 'f32' | 'f16' | 'bf16';
  readonly revision?: string;
  readonly endpoint?: string;
  readonly inputFormat?: InputFormat;
  readonly [name: string]: unknown;
}

/** A command to run. */
export interface Invocation {
  readonly name: string;
  /** Positional arguments as declared: texts, or lists of them. */
  readonly args: readonly (string | string[] | undefined)[];
  readonly flags: Flags;
}

const CODES = `
Exit codes:
  0    done; also when the reader of stdout has seen enough (| head)
  1    it failed: the model, a file, the network, memory
  2    wrong usage: an unknown flag or command, a value out of range
  3    the input is empty, not text, not JSON, or too long
  4    translate: an answer that must be a date is none
  130  ended by Ctrl-C; what was done is printed

Errors are one line on stderr: error CODE: what is wrong and what to do.`;

const MODELS = `
MODEL is a folder in Hugging Face layout, a Hub id (org/name), a URL, or one of
our own: dates, stories, sentiment (package wasmformer-models).`;

const INPUT = `
TEXTS are arguments, or lines of stdin: one text each, or JSON Lines (an object
with "text" each, told by the first line; its other fields are passed on).
A text that begins with - goes behind --.`;

/** @param onRun gets the command that the arguments ask for */
export function createProgram(onRun: (invocation: Invocation) => void): Command {
  const program = new Command('wasmformer')
    .description('Transformers in WebAssembly: embed, classify, generate, and look inside. No conversion, no server.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help; also: wasmformer help COMMAND')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'error USAGE: ')) })
    .exitOverride()
    .addHelpText('after', MODELS + '\n' + CODES);

  /** A command that is run under its name. */
  const add = (name: string, summary: string, after: string): Command => {
    const command = program
      .command(name)
      .summary(summary)
      .description(`${summary[0].toUpperCase()}${summary.slice(1)}.`);
    command.addHelpText('after', after);
    command.action((...given: unknown[]) => {
      const args = given.slice(0, -2) as (string | string[])[];
      onRun({ name, args, flags: command.opts() });
    });
    return command;
  };
  /** One that takes a model. */
  const withModel = (name: string, summary: string, examples: string[], isText = true): Command =>
    add(
      name,
      summary,
      `${MODELS}${isText ? `\n${INPUT}` : ''}\n\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`,
    ).argument('<model>', 'folder, Hub id, URL, or dates, stories, sentiment');

  common(
    withModel('embed', 'embed texts: a vector for each', [
      'wasmformer embed sentence-transformers/all-MiniLM-L6-v2 "A man is eating."',
      'wasmformer embed ./minilm --json < texts.txt > vectors.jsonl',
    ])
      .argument('[texts...]', 'texts; without any, lines of stdin')
      .addOption(
        new Option('--pooling <how>', 'how the rows of a text become one').choices([
          'mean',
          'cls',
          'max',
          'meanSqrtLen',
          'lastToken',
        ]),
      )
      .option('--no-normalize', 'vectors as they are, not of length 1')
      .option('--prompt <text>', 'put this before every text')
      .option('--prompt-name <name>', "put the checkpoint's prompt of this name before every text"),
    'encoder',
  );

  addGenerationFlags(
    common(
      withModel('generate', 'continue prompts; the text comes as it is generated', [
        'wasmformer generate stories "Once upon a time"',
        'wasmformer generate ./smollm "The sea" --max-new-tokens 100 --do-sample --temperature 0.8 --seed 7',
        'wasmformer generate ./gpt2 --json < prompts.txt',
      ])
        .argument('[prompts...]', 'prompts; without any, lines of stdin')
        .option('--ids', 'prompts are token ids such as 1,15,403, and ids are printed'),
      'generation',
    ),
    'any',
  );

  addGenerationFlags(
    common(
      withModel('translate', 'answer texts with an encoder-decoder: translate, summarise, ...', [
        'wasmformer translate dates "the 3rd of March, 1999"',
        'wasmformer translate ./opus-mt-en-de --num-beams 4 < english.txt > german.txt',
      ])
        .argument('[texts...]', 'texts; without any, lines of stdin')
        .option('--ids', 'texts are token ids such as 1,15,403, and ids are printed'),
      'generation',
    ),
    'transformer',
  );

  common(
    withModel('tokenize', 'cut texts into tokens; the weights are not needed', [
      'wasmformer tokenize openai-community/gpt2 "Hello world"',
      'wasmformer tokenize ./gpt2 --decode "15496 995"',
    ])
      .argument('[texts...]', 'texts; without any, lines of stdin')
      .option('--pair <text>', 'a second text for every one')
      .option('--no-special-tokens', 'without [CLS], </s> and the like')
      .option('--count', 'print only how many tokens there are')
      .option('--decode', 'the texts are ids such as 15496,995: print their text'),
    'files',
  );

  common(
    withModel(
      'inspect',
      "show a model: files, tensors, sizes, the plan of a call, and each kernel's time",
      ['wasmformer inspect dates', 'wasmformer inspect ./minilm --profile "A text of your own."'],
      false,
    )
      .argument('[text]', 'what the plan is for')
      .option('--files', 'only the files')
      .option('--tensors', 'only the tensors, every one by itself')
      .option('--plan', 'only the plan')
      .option('--profile', 'only the times'),
    'model',
  );
  return program;
}

/** Flags that many commands have. `files`: no model runs; `model`: no texts are read. */
function common(command: Command, kind: 'encoder' | 'generation' | 'files' | 'model'): Command {
  if (kind !== 'files') {
    command
      .addOption(new Option('--threads <n>', "threads that compute, or 'auto'").argParser(threads))
      .addOption(
        new Option('--dtype <type>', 'how weights are held (auto: as stored)').choices(['auto', 'f32', 'f16', 'bf16']),
      );
  }
  command
    .option('--revision <name>', 'branch, tag or commit on the Hub (main)')
    .option('--endpoint <url>', 'the Hub, or a mirror of it (https://huggingface.co)')
    .option('--json', 'JSON Lines on stdout')
    .option('--quiet', 'no progress and no remarks on stderr');
  if (kind !== 'model') {
    command.addOption(
      new Option('--input-format <format>', 'of stdin; auto: the first line tells')
        .choices(['auto', 'lines', 'jsonl'])
        .default('auto'),
    );
  }
  if (kind === 'encoder') command.option('--truncation', 'cut texts that are too long, instead of failing');
  return command;
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
  };
}

function threads(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : whole(1)(text);
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
