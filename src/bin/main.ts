// The command line: builds the program, runs it, and turns an error into one sentence and an exit
// status.

import { CommanderError } from 'commander';
import { exitCode } from '../cli/exit.ts';
import { printLong, processTerminal, showing, type Terminal } from '../cli/output.ts';
import type { Environment } from '../lib/environment.ts';
import { addCommands } from './commands.ts';
import { programOf } from './program.ts';

/**
 * Runs a command and resolves to its exit status. `argv` is that of a process: two words come
 * before the first argument.
 */
export async function main(
  argv: readonly string[],
  given?: Terminal,
  env: Environment = process.env,
): Promise<number> {
  const typed = argv.slice(2);
  const hasPager = !before(typed).includes('--no-pager');
  const terminal = showing(given ?? processTerminal(env, { hasPager }));
  const json = wantsJson(typed);
  let helped: Promise<void> | undefined;
  try {
    const program = programOf(terminal, json, (text) => {
      helped = printLong(terminal, text);
    });
    await addCommands(program, typed, {
      terminal,
      env,
      printed: async (page) => (await import('./print/page.ts')).printedPage(page),
    });
    if (wantsHelp(typed)) {
      const { addExamples } = await import('./help.ts');
      addExamples(program);
    }
    await program.parseAsync(argv);
    return terminal.exitCode;
  } catch (error) {
    await helped;
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
