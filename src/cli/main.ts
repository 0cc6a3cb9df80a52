// From arguments to a running command and its exit code.
import { CommanderError } from 'commander';
import process from 'node:process';
import { EXIT, exitOf, userError } from './failure';
import { createProgram, type Invocation } from './program';

/** Runs the command line and gives its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let invocation: Invocation | null = null;
  const program = createProgram((found) => {
    invocation = found;
  });
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return invocation ? run(invocation) : EXIT.ok;
}

async function run(invocation: Invocation): Promise<number> {
  const interrupt = new AbortController();
  // who reads no more needs no message; nothing is left to do
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    process.stderr.write(`error WRITE_FAILED: stdout cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
      interrupt.abort();
    });
  }
  const { runCommand } = await import('./commands');
  let code: number;
  try {
    code = await runCommand(invocation, interrupt.signal);
    if (interrupt.signal.aborted) code = EXIT.interrupted;
  } catch (error) {
    code = interrupt.signal.aborted ? EXIT.interrupted : exitOf(error);
    if (!interrupt.signal.aborted) await tell(error);
  }
  if (code === EXIT.interrupted && invocation.flags.quiet !== true) process.stderr.write('interrupted\n');
  // a stdin that is still open would keep the process alive, as would workers
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  process.exit(code);
}

/** The message of an error; of one that is nobody's fault but ours all there is to know. */
async function tell(error: unknown): Promise<void> {
  const known = userError(error);
  if (!known) {
    const stack = error instanceof Error ? error.stack : String(error);
    process.stderr.write(`error INTERNAL: this is a bug of wasmformer, please report it\n${stack}\n`);
    return;
  }
  const { withFlagNames } = await import('./generation-flags');
  process.stderr.write(`error ${known.code}: ${withFlagNames(known.message)}\n`);
}
