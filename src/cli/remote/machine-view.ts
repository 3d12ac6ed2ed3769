// silversmith machine console|screenshot

import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { newFile } from '../file.ts';
import { print } from '../output.ts';
import { UsageError } from '../parse.ts';
import { connection, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { idOf } from './name.ts';

export function machineViewCommands(noun: Command, context: RemoteContext): void {
  consoleCommand(noun, context);
  screenshotCommand(noun, context);
}

function consoleCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('console <machine>')
      .description('open the console of a ready machine in this terminal, until Ctrl-] is typed'),
  )
    .option('--failed', 'show the last output of its last failed start instead')
    .action(async (given: string, flags: Remote & { failed?: boolean }) => {
      if (!flags.failed && (flags.json || !process.stdin.isTTY || !process.stdout.isTTY))
        throw new UsageError(
          'A console needs a terminal, and is no JSON; --failed prints the last output of the last failed start.',
        );
      const { client, server } = await connection(flags, env);
      const id = await idOf(client, 'machine', given);
      if (flags.failed) {
        const answer = await client.machineConsole({ id });
        print(terminal, flags, answer, keptOf(answer.attributes));
        return;
      }
      const { openMachine } = await import('../../client/view.ts');
      const opened = await openMachine(client, server, { id });
      if (opened.console === null)
        throw new UsageError('The engine of this server shows no consoles.', 'refused');
      const { useConsole } = await import('../console-line.ts');
      terminal.err(`This is the console of machine ${id}. Type Ctrl-] to leave it.`);
      const why = await useConsole(opened.console);
      if (why !== null) throw new UsageError(`\r\n${why}`, 'failed');
      terminal.err('\nYou have left the console.');
    });
}

const keptOf = ({ shown, kept_at }: { shown: string | null; kept_at: string | null }) =>
  shown === null
    ? 'No start of this machine has failed, so nothing is kept of its console.'
    : `${shown.trimEnd()}\nKept at ${kept_at}.`;

function screenshotCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('screenshot <machine>')
      .description('write what the screen of a ready machine shows now, as a PNG'),
  )
    .addOption(new Option('--output <file>', 'the file; default: machine-ID.png'))
    .action(async (given: string, flags: Remote & { output?: string }) => {
      if (flags.output !== undefined) await newFile('--output', flags.output);
      const { client, server } = await connection(flags, env);
      const id = await idOf(client, 'machine', given);
      const file = flags.output ?? `machine-${id}.png`;
      if (flags.output === undefined) await newFile('--output', file);
      const { screenshot } = await import('../../client/view.ts');
      const png = await screenshot(server, id);
      await writeFile(file, png, { flag: 'wx' });
      print(terminal, flags, { file, bytes: png.length }, `${file} (${png.length} bytes)`);
    });
}
