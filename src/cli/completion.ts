// Scripts that complete commands and flags in a shell, made of what the program declares.
import type { Command } from 'commander';
import { OWN_MODELS } from './own-models';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Known {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly name: string; readonly help: string }[];
}

function commandsOf(program: Command): Known[] {
  return program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    flags: command.options.flatMap(({ long, description }) => (long ? [{ name: long, help: description }] : [])),
  }));
}

/** The script for a shell. */
export function completion(program: Command, shell: Shell): string {
  const commands = commandsOf(program);
  const models = Object.keys(OWN_MODELS).join(' ');
  switch (shell) {
    case 'bash':
      return bash(commands, models);
    case 'zsh':
      // bash's script, by zsh's own means
      return `#compdef wasmformer\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands, models)}`;
    case 'fish':
      return fish(commands, models);
  }
}

function bash(commands: readonly Known[], models: string): string {
  const cases = commands.map(
    ({ name, flags }) => `    ${name}) flags="${flags.map((flag) => flag.name).join(' ')} --help" ;;`,
  );
  return `_wasmformer() {
  local word="\${COMP_WORDS[COMP_CWORD]}" flags=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} help --help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "${models}" -- "$word") $(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _wasmformer wasmformer
`;
}

function fish(commands: readonly Known[], models: string): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap(({ name, summary, flags }) => [
    `complete -c wasmformer -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`,
    ...flags.map(
      (flag) =>
        `complete -c wasmformer -n ${quote(`__fish_seen_subcommand_from ${name}`)} -l ${flag.name.slice(2)} -d ${quote(flag.help)}`,
    ),
  ]);
  return `${lines.join('\n')}\ncomplete -c wasmformer -n 'not __fish_use_subcommand' -a ${quote(models)}\n`;
}
