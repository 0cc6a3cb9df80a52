// Commands, their arguments and flags: what --help says and what completion knows.
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { completion, SHELLS, type Shell } from './completion';
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
  readonly token?: string;
  readonly cacheDir?: string;
  readonly localFilesOnly?: boolean;
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

  const embedding = (command: Command): Command =>
    common(command, 'encoder')
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
      .option('--prompt-name <name>', "put the checkpoint's prompt of this name before every text")
      .addOption(new Option('--dimensions <n>', 'keep only so many numbers of a vector').argParser(whole(1)));
  const top = (command: Command, help: string): Command =>
    command.addOption(new Option('--top-k <n>', help).argParser((text) => (text === 'all' ? text : whole(1)(text))));
  const texts = '[texts...]';
  const lines = 'texts; without any, lines of stdin';

  embedding(
    withModel('embed', 'embed texts: a vector for each', [
      'wasmformer embed sentence-transformers/all-MiniLM-L6-v2 "A man is eating."',
      'wasmformer embed ./minilm --json < texts.txt > vectors.jsonl',
    ]).argument(texts, lines),
  ).addOption(
    new Option('--precision <type>', 'of the numbers').choices(['float32', 'int8', 'uint8', 'binary', 'ubinary']),
  );

  top(
    embedding(
      withModel('similar', 'how alike texts are, or which are nearest to a query', [
        'wasmformer similar ./minilm "A man is eating." "Someone has a meal."',
        'wasmformer similar ./minilm --query "How do I cook rice?" --top-k 3 < lines.txt',
      ]).argument(texts, lines),
    )
      .option('--query <text>', 'rank the texts by how near they are to this one')
      .addOption(new Option('--metric <name>', 'what near means').choices(['cosine', 'dot', 'euclidean', 'manhattan'])),
    'with --query: how many (all)',
  );

  top(
    common(
      withModel('classify', 'label texts, or with --tokens the words in them', [
        'wasmformer classify sentiment "What a lovely day."',
        'wasmformer classify ./bert-ner --tokens "Otto Hartman lives in Berlin."',
      ])
        .argument(texts, lines)
        .option('--pair <text>', 'a second text for every one')
        .option('--tokens', 'label words instead of texts'),
      'encoder',
    ).addOption(
      new Option('--aggregation <how>', 'with --tokens: how words become entities')
        .choices(['none', 'simple', 'first', 'average', 'max'])
        .default('simple'),
    ),
    'how many labels of a text, or all (1)',
  );

  top(
    common(
      withModel('fill-mask', 'the likeliest words for the mask in a text', [
        'wasmformer fill-mask google-bert/bert-base-uncased "Paris is the [MASK] of France."',
      ]).argument(texts, lines),
      'encoder',
    ),
    'how many (5)',
  );

  top(
    common(
      withModel(
        'answer',
        'the span of a context that answers a question',
        [
          'wasmformer answer ./bert-squad "Who built it?" "The bridge was built by Otto Hartman."',
          'wasmformer answer ./bert-squad "Who built it?" < article.txt',
          'wasmformer answer ./bert-squad < questions.jsonl     "question" and "context" on every line',
        ],
        false,
      )
        .argument('[question]', 'the question; without it, JSON Lines are read')
        .argument('[contexts...]', 'texts to look in; without any, stdin is one'),
      'encoder',
    ).option('--handle-impossible-answer', 'an empty answer counts, too'),
    'how many answers (1)',
  );

  top(
    common(
      withModel('rerank', 'documents by how well they go with a query, by a cross-encoder', [
        'wasmformer rerank cross-encoder/ms-marco-MiniLM-L6-v2 "capital of France" < passages.txt',
      ])
        .argument('<query>', 'what is looked for')
        .argument('[documents...]', 'documents; without any, lines of stdin'),
      'encoder',
    ),
    'how many (all)',
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
      .option('--tokenizer-class <name>', 'what older files are read as: LlamaTokenizer, ... (as the files say)')
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
  common(
    withModel(
      'attention',
      'who looks at whom, as a grid: rows look at columns',
      [
        'wasmformer attention dates "the 3rd of March, 1999"',
        'wasmformer attention ./minilm "A text." --layer 0 --head 3',
      ],
      false,
    )
      .argument('[text]', 'what is read; without it, stdin')
      .addOption(new Option('--layer <n>', 'counted from 0 (the last)').argParser(whole(0)))
      .addOption(new Option('--head <n>', 'counted from 0 (the mean of all)').argParser(whole(0)))
      .addOption(
        new Option(
          '--of <what>',
          "of an encoder-decoder: the decoder's own, the encoder's, or between them (cross)",
        ).choices(['self', 'encoder', 'cross']),
      ),
    'model',
  );

  add('models', 'list the models of our own', '')
    .option('--json', 'JSON Lines on stdout')
    .option('--quiet', 'no remarks');

  add(
    'cache',
    'downloaded models: list, verify, remove',
    `
Examples:
  wasmformer cache
  wasmformer cache verify
  wasmformer cache remove sentence-transformers/all-MiniLM-L6-v2`,
  )
    .addArgument(
      new Argument('[action]', 'path: where they are; verify: compare their hashes (exit code 1 if one is damaged)')
        .choices(['list', 'verify', 'remove', 'path'])
        .default('list'),
    )
    .argument('[model]', 'Hub id or URL, as the list shows it; verify: all without it')
    .option('--all', 'remove: everything')
    .option('--cache-dir <folder>', 'another cache than the usual one')
    .option('--json', 'JSON Lines on stdout')
    .option('--quiet', 'no remarks');

  program
    .command('completion')
    .summary('print a script that completes commands and flags in a shell')
    .description('Prints a script for a shell: source <(wasmformer completion bash)')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => void process.stdout.write(completion(program, shell)));
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
    .option('--token <token>', 'for private and gated models; better: HF_TOKEN in the environment')
    .option('--cache-dir <folder>', 'where downloads are kept (wasmformer cache path)')
    .option('--local-files-only', 'ask no server: only what is in the cache')
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
