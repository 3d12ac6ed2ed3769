// The program as commander has it: its help, its version, and where it prints.

import { Command, CommanderError, Help } from 'commander';
import type { Terminal } from '../cli/output.ts';
import { words } from './commands.ts';
import { versionLine } from './version.ts';

/** An option or a command with its description: below it, where there is no room beside it. */
function formatItem(term: string, termWidth: number, description: string, help: Help): string {
  const width = help.helpWidth ?? 80;
  if (width - termWidth >= 30)
    return Help.prototype.formatItem.call(help, term, termWidth, description, help);
  const below = help.boxWrap(description, width - 6).replaceAll('\n', '\n      ');
  return `  ${term}\n      ${below}`;
}

/**
 * The program without its commands. With `json`, commander prints no errors. `printHelp` prints
 * pages of help, which are long.
 */
export const programOf = (
  terminal: Terminal,
  json: boolean,
  printHelp: (text: string) => void = terminal.out,
): Command =>
  new Command('silversmith')
    .description('A self-hosted image service for fleets of computers.')
    .option('-V, --version', 'print the version, its commit and the runtime')
    .option('--no-pager', 'print long lists and help as they are')
    .on('option:version', () => {
      terminal.out(versionLine());
      throw new CommanderError(0, 'commander.version', 'the version was printed');
    })
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for what there is)')
    .configureHelp({
      minWidthToWrap: 20,
      // The options of a word are not loaded for the help of the program.
      subcommandTerm: (command) =>
        command.parent?.parent === null && words[command.name()]?.hasOptions
          ? `${command.name()} [options]`
          : new Help().subcommandTerm(command),
      commandUsage: (command) => {
        const [help, heading] = [new Help(), 'Usage: '];
        help.minWidthToWrap = 20;
        const usage = help.commandUsage(command);
        const width = (terminal.columns ?? usage.length + heading.length) - heading.length;
        return help.boxWrap(usage, width).replaceAll('\n', '\n  ');
      },
      formatItem,
    })
    .configureOutput({
      writeOut: (text) => printHelp(text.trimEnd()),
      writeErr: (text) => (json ? undefined : terminal.err(text.trimEnd())),
    })
    .exitOverride();
