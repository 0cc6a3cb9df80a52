// Commands by name.
import type { Invocation } from '../program';
import { Run } from '../run';
import { attention } from './attention';
import { cache } from './cache';
import { embed } from './embed';
import { generate, translate } from './generate';
import { inspect } from './inspect';
import { models } from './models';
import { answer, classify, fillMask, rerank, similar } from './tasks';
import { tokenize } from './tokenize';

/** Does what a command is for; resolves to the exit code. */
type CommandFunction = (run: Run, args: Invocation['args']) => Promise<number>;

const COMMANDS: Readonly<Record<string, CommandFunction>> = {
  embed,
  similar,
  classify,
  'fill-mask': fillMask,
  answer,
  rerank,
  generate,
  translate,
  tokenize,
  inspect,
  attention,
  models,
  cache,
};

export function runCommand({ name, args, flags }: Invocation, signal: AbortSignal): Promise<number> {
  return COMMANDS[name](new Run(flags, signal), args);
}
