// The reference of the command line as a page: every command with its options and examples.

import { exitStatuses } from '../../cli/exit.ts';
import { hostOnly } from '../places.ts';
import { allCommands, type PrintedCommand, type PrintedOption } from './tree.ts';

const escaped = (text: string) =>
  text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');

const optionRows = (options: readonly PrintedOption[]) => [
  '| option | meaning |',
  '|---|---|',
  ...options.map(({ flags, description }) => `| \`${flags}\` | ${escaped(description)} |`),
];

const isSame = (one: PrintedOption, other: PrintedOption) =>
  one.flags === other.flags && one.description === other.description;

/** Commands with options in common, which are described once; `of` is an option of these alone. */
const groups = [
  { heading: 'Options of commands that speak to a server', of: '--profile' },
  { heading: 'Options of commands on the data directory', of: '--database-url' },
  { heading: 'Options of lists', of: '--columns' },
];

/** An option that so many of the commands have is described once. */
const sharedPart = 0.8;

/** The options of nearly every command that has the option `of`; `serve` has some alone. */
function optionsInCommon(commands: readonly PrintedCommand[], of: string): PrintedOption[] {
  const group = commands.filter(
    ({ path, options }) => path !== 'serve' && options.some(({ names }) => names.includes(of)),
  );
  const [first, ...others] = group;
  return (first?.options ?? []).filter((option) => {
    const having = others.filter(({ options }) => options.some((one) => isSame(one, option)));
    return having.length >= others.length * sharedPart;
  });
}

/** Why a command works on the server's own host alone; nothing for all others. */
function hostOnlyLines(path: string): string[] {
  const reason = hostOnly[path];
  return reason === undefined ? [] : [`On the server's own host alone: ${reason}.`, ''];
}

function section(command: PrintedCommand, shared: readonly PrintedOption[]): string[] {
  const isShared = (option: PrintedOption) => shared.some((one) => isSame(one, option));
  const own = command.options.filter((option) => !isShared(option));
  const others = command.options.filter(isShared).map(({ names }) => `\`${names[0]}\``);
  const given = command.arguments.filter(({ description }) => description !== '');
  return [
    `### ${command.path}`,
    '',
    `\`silversmith ${command.usage}\`: ${escaped(command.description)}.`,
    '',
    ...hostOnlyLines(command.path),
    ...given.map(({ name, description }) => `- \`${name}\`: ${escaped(description)}`),
    ...(given.length > 0 ? [''] : []),
    ...(own.length > 0 ? [...optionRows(own), ''] : []),
    ...(others.length > 0 ? [`Also: ${others.join(', ')}.`, ''] : []),
    '```',
    ...command.examples.map((line) => `silversmith ${line}`),
    '```',
    '',
  ];
}

export async function commandReference(): Promise<string> {
  const [program, ...commands] = await allCommands();
  const leaves = commands.filter(({ words }) => words.length === 0);
  const inCommon = groups.map(({ of }) => optionsInCommon(leaves, of));
  const statuses = Object.values(exitStatuses).map(
    ({ code, meaning }) => `| ${code} | ${meaning} |`,
  );
  return [
    '# The command line',
    '',
    'This page is printed from the commands in the source; do not edit it. Type: npm run commands',
    '',
    `${program?.description ?? ''}`,
    '',
    '## Exit status',
    '',
    '| status | meaning |',
    '|---|---|',
    ...statuses,
    '',
    '`machine exec` ends with the status of the command that it ran.',
    '',
    ...groups.flatMap(({ heading }, at) => [
      `## ${heading}`,
      '',
      ...optionRows(inCommon[at] ?? []),
      '',
    ]),
    '## Commands',
    '',
    ...leaves.flatMap((command) => section(command, inCommon.flat())),
  ].join('\n');
}
