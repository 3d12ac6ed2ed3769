// The command line: builds the program, runs it, and turns an error into one sentence and an exit
// status.

import { Command, CommanderError, Help } from 'commander';
import { exitCode } from '../cli/exit.ts';
import { processTerminal, showing, type Terminal } from '../cli/output.ts';
import type { Environment } from '../lib/environment.ts';
import { addCommands, words } from './commands.ts';
import { versionLine } from './version.ts';

/**
 * Runs a command and resolves to its exit status. `argv` is that of a process: two words come
 * before the first argument.
 */
export async function main(
  argv: readonly string[],
  given?: Terminal,
  env: Environment = process.env,
): Promise<number> {
  const terminal = showing(given ?? processTerminal(env));
  const typed = argv.slice(2);
  const json = wantsJson(typed);
  try {
    const program = programOf(terminal, json);
    await addCommands(program, typed, terminal, env);
    if (wantsHelp(typed)) {
      const { addExamples } = await import('./help.ts');
      addExamples(program);
    }
    await program.parseAsync(argv);
    return terminal.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      const { explain } = await import('../cli/explain.ts');
      return explain(error, terminal, env, { json });
    }
    if (error.exitCode === 0) return 0;
    // Commander has printed its own message already, except where JSON was asked for.
    if (json) {
      const { problemOf } = await import('../cli/explain.ts');
      const { UsageError } = await import('../cli/parse.ts');
      terminal.err(JSON.stringify({ error: problemOf(new UsageError(plain(error))) }));
    }
    return exitCode('usage');
  }
}

/** The words before `--`, which ends the options. */
const before = (typed: readonly string[]) =>
  typed.includes('--') ? typed.slice(0, typed.indexOf('--')) : typed;

const wantsJson = (typed: readonly string[]) =>
  before(typed).some(
    (word, at, words) =>
      /^(--json|--output=json|-o=?json)$/.test(word) ||
      (word === 'json' && /^(-o|--output)$/.test(words[at - 1] ?? '')),
  );

const wantsHelp = (typed: readonly string[]) =>
  typed.length === 0 || before(typed).some((word) => /^(-h|--help|help)$/.test(word));

/** The message of an error of commander, which prints help where a command lacks a word. */
const plain = ({ code, message }: CommanderError): string =>
  code === 'commander.help'
    ? 'A word is missing after the command; add --help for what there is.'
    : message.replace(/^error: /, '').replaceAll('\n', ' ');

/** An option or a command with its description: below it, where there is no room beside it. */
function formatItem(term: string, termWidth: number, description: string, help: Help): string {
  const width = help.helpWidth ?? 80;
  if (width - termWidth >= 30)
    return Help.prototype.formatItem.call(help, term, termWidth, description, help);
  const below = help.boxWrap(description, width - 6).replaceAll('\n', '\n      ');
  return `  ${term}\n      ${below}`;
}

const programOf = (terminal: Terminal, json: boolean): Command =>
  new Command('silversmith')
    .description('A self-hosted image service for fleets of computers.')
    .option('-V, --version', 'print the version, its commit and the runtime')
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
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => (json ? undefined : terminal.err(text.trimEnd())),
    })
    .exitOverride();
