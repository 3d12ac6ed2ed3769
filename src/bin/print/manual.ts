// The manual page silversmith(1), for man.

import { exitStatuses } from '../../cli/exit.ts';
import { version } from '../version.ts';
import { allCommands, type PrintedCommand } from './tree.ts';

/** Text for troff: no line begins a request, and dashes stay dashes. */
const roff = (text: string) =>
  text
    .replaceAll('\\', '\\e')
    // Terminals without UTF-8 have no character for it.
    .replaceAll('…', '...')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
    .replaceAll(/[^\n -~]/gu, (one) => {
      const code = one.codePointAt(0)?.toString(16).toUpperCase() ?? '';
      return `\\[u${code.padStart(4, '0')}]`;
    });

const section = (command: PrintedCommand): string[] => [
  `.SS ${roff(command.usage)}`,
  `${roff(command.description)}.`,
  ...command.arguments
    .filter(({ description }) => description !== '')
    .flatMap(({ name, description }) => ['.TP', `.I ${roff(name)}`, roff(description)]),
  ...command.options.flatMap(({ flags, description }) => [
    '.TP',
    `.B ${roff(flags)}`,
    roff(description),
  ]),
  '.PP',
  ...command.examples.flatMap((line) => ['.RS', `$ silversmith ${roff(line)}`, '.RE']),
];

export async function manualPage(): Promise<string> {
  const [program, ...commands] = await allCommands();
  const leaves = commands.filter(({ words }) => words.length === 0);
  return [
    `.TH SILVERSMITH 1 "" "Silversmith ${version()}" "Silversmith"`,
    '.SH NAME',
    'silversmith \\- a self\\-hosted image service for fleets of computers',
    '.SH SYNOPSIS',
    '.B silversmith',
    '.I command',
    '[\\fIoption\\fR ...]',
    '.SH DESCRIPTION',
    roff(program?.description ?? ''),
    'Commands of a server speak to it over its API; commands of the operator work on the data',
    'directory, on the host of the server.',
    '.SH COMMANDS',
    ...leaves.flatMap(section),
    '.SH EXIT STATUS',
    ...Object.values(exitStatuses).flatMap(({ code, meaning }) => ['.TP', `.B ${code}`, meaning]),
    '.SH ENVIRONMENT',
    'Most options have a variable, which the description names. NO_COLOR turns colours off.',
    '.SH FILES',
    '.TP',
    '.I $XDG_CONFIG_HOME/silversmith/profiles.json',
    'The profiles that login keeps.',
    '',
  ].join('\n');
}
