// The ends of help pages: an example for each command, and the exit statuses. It is loaded only
// when help is asked for.

import type { Command } from 'commander';
import { exitLines } from '../cli/exit.ts';
import { examples } from './examples.ts';

/** The words of a command below the program, such as `image list`; empty for the program. */
export const pathOf = (command: Command): string =>
  command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim();

const exampleText = (path: string): string => {
  const lines = examples[path];
  if (lines === undefined) return '';
  const heading = lines.length === 1 ? 'Example:' : 'Examples:';
  return `\n${heading}\n${lines.map((line) => `  $ silversmith ${line}`).join('\n')}`;
};

/** Adds to the program and to the commands below it that are loaded. */
export function addExamples(command: Command): void {
  const text = exampleText(pathOf(command));
  if (text !== '') command.addHelpText('after', text);
  if (command.parent === null) command.addHelpText('after', `\nExit status:\n${exitLines()}`);
  for (const one of command.commands) addExamples(one);
}
