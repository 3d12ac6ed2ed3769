// The reference of the command line as a page: every command with its options and examples.

import { exitStatuses } from '../../cli/exit.ts';
import { allCommands, type PrintedCommand, type PrintedOption } from './tree.ts';

const escaped = (text: string) =>
  text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');

const optionRows = (options: readonly PrintedOption[]) => [
  '| option | meaning |',
  '|---|---|',
  ...options.map(({ flags, description }) => `| \`${flags}\` | ${escaped(description)} |`),
];

const sameIn = (commands: readonly PrintedCommand[], least: number) => {
  const uses = new Map<string, { option: PrintedOption; count: number }>();
  for (const { options } of commands)
    for (const option of options) {
      const key = `${option.flags}\n${option.description}`;
      const { count } = uses.get(key) ?? { count: 0 };
      uses.set(key, { option, count: count + 1 });
    }
  return new Map([...uses].filter(([, { count }]) => count >= least));
};

/** Options of so many commands are described once. */
const sharedLeast = 12;

function section(command: PrintedCommand, shared: ReadonlyMap<string, unknown>): string[] {
  const isShared = ({ flags, description }: PrintedOption) =>
    shared.has(`${flags}\n${description}`);
  const own = command.options.filter((option) => !isShared(option));
  const others = command.options.filter(isShared).map(({ names }) => `\`${names[0]}\``);
  const given = command.arguments.filter(({ description }) => description !== '');
  return [
    `### ${command.path}`,
    '',
    `\`silversmith ${command.usage}\`: ${escaped(command.description)}.`,
    '',
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
  const shared = sameIn(leaves, sharedLeast);
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
    '## Options of many commands',
    '',
    ...optionRows([...shared.values()].map(({ option }) => option)),
    '',
    '## Commands',
    '',
    ...leaves.flatMap((command) => section(command, shared)),
  ].join('\n');
}
