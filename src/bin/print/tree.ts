// All commands as data, for the pages and scripts that are printed from them. They come from the
// same tree of commander that parses what is typed.

import type { Argument, Command, Option } from 'commander';
import type { Terminal } from '../../cli/output.ts';
import { addAllCommands } from '../commands.ts';
import { examples } from '../examples.ts';
import { pathOf } from '../help.ts';
import { programOf } from '../program.ts';

export interface PrintedOption {
  flags: string;
  /** With dashes, the long one first. */
  names: readonly string[];
  takesValue: boolean;
  choices: readonly string[];
  takesFile: boolean;
  description: string;
}

export interface PrintedCommand {
  /** Its words below the program, such as `image list`; empty for the program itself. */
  path: string;
  /** How it is typed, without the program and with its arguments. */
  usage: string;
  description: string;
  options: readonly PrintedOption[];
  arguments: readonly { name: string; description: string }[];
  /** The words that may follow it. */
  words: readonly string[];
  /** The noun whose names may be given as its arguments; null when there is none. */
  names: string | null;
  examples: readonly string[];
}

const terminal: Terminal = { out() {}, err() {}, interactive: false, exitCode: 0 };

/** Arguments that are names of things, and the noun that lists these things. */
const nounOf: Readonly<Record<string, string>> = {
  image: 'image',
  images: 'image',
  machine: 'machine',
  machines: 'machine',
  software: 'software',
  base: 'base',
  webhook: 'webhook',
  webhooks: 'webhook',
};

const printedOption = (option: Option): PrintedOption => ({
  flags: option.flags,
  names: [option.long, option.short].filter((name) => typeof name === 'string'),
  takesValue: option.required || option.optional,
  choices: option.argChoices ?? [],
  takesFile: /<(file|path|folder)\b/.test(option.flags),
  description: option.description + (option.mandatory ? '; required' : '') + defaultOf(option),
});

const defaultOf = ({ defaultValue, defaultValueDescription: says }: Option): string =>
  defaultValue === undefined || typeof defaultValue === 'boolean'
    ? ''
    : ` (default: ${says ?? String(defaultValue)})`;

const argumentTerm = (argument: Argument): string => {
  const name = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? `<${name}>` : `[${name}]`;
};

function printed(command: Command): PrintedCommand {
  const path = pathOf(command);
  const given = command.registeredArguments;
  const last = given.at(-1)?.name() ?? '';
  const options = command.options.filter((one) => !one.hidden).map(printedOption);
  return {
    path,
    usage: [path, ...given.map(argumentTerm)].join(' '),
    description: command.description(),
    options,
    arguments: given.map((one) => ({ name: argumentTerm(one), description: one.description })),
    words: command.commands.map((one) => one.name()),
    names: nounOf[last] ?? null,
    examples: examples[path] ?? [],
  };
}

/** The program, its words and their verbs, in the order of the help. */
export async function allCommands(): Promise<PrintedCommand[]> {
  const program = programOf(terminal, false);
  await addAllCommands(program, { terminal, env: {}, printed: async () => '' });
  return [program, ...program.commands.flatMap((one) => [one, ...one.commands])].map(printed);
}
