// silversmith software|base|machine-type list: what images and machines are made of. The operator's
// own commands add to the same nouns.

import type { Command } from 'commander';
import type { Environment } from '../../lib/environment.ts';
import { print, type Terminal, table } from '../output.ts';
import { UsageError } from '../parse.ts';
import { connect, NoCredentials, type Remote, remoteOptions } from './context.ts';

export type Listed = 'software' | 'base' | 'machine-type';

/** Prints what only the operator sees, from the data directory. */
export type ListLocal = (noun: Listed, flags: Remote) => Promise<void>;

export function catalogueCommands(
  program: Command,
  terminal: Terminal,
  env: Environment,
  listLocal: ListLocal,
): Record<Listed, Command> {
  const list = (
    name: Listed,
    description: string,
    local: string,
    ask: (flags: Remote) => Promise<void>,
  ) => {
    const noun = program.command(name).description(description);
    remoteOptions(
      noun
        .command('list')
        .description('list them, over the API, with a key as every other command'),
    )
      .option(
        '--local',
        `with ${local}, from the data directory on the server's own host (operators only)`,
      )
      .action(async (flags: Remote & { local?: boolean }) => {
        if (flags.local) return listLocal(name, flags);
        await ask(flags).catch((error: unknown) => {
          if (!(error instanceof NoCredentials)) throw error;
          throw new UsageError(
            `${error.message} Operators, on the server's own host: silversmith ${name} list --local`,
          );
        });
      });
    return noun;
  };
  const sized = (items: readonly { id: number; name: string; size: number }[]) =>
    table(
      ['ID', 'NAME', 'GB'],
      items.map(({ id, name, size }) => [id, name, size]),
    );
  return {
    software: list(
      'software',
      'the catalogue of what can be installed',
      'files and network',
      async (flags) => {
        const { base_images: _, ...answer } = await (await connect(flags, env)).softwareList({});
        print(terminal, flags, answer, sized(answer.software));
      },
    ),
    base: list(
      'base',
      'base images: what all others start from',
      'how each boots',
      async (flags) => {
        const { software: _, ...answer } = await (await connect(flags, env)).softwareList({});
        print(terminal, flags, answer, sized(answer.base_images));
      },
    ),
    'machine-type': list(
      'machine-type',
      'machine types: the sizes in which machines are made',
      'the same columns',
      async (flags) => {
        const answer = await (await connect(flags, env)).planList({});
        const rows = answer.plans.map(({ id, attributes: one }) => [
          ...[id, one.name, one.machine_type, one.cpus, one.memory_mb, one.disk_size],
        ]);
        print(
          terminal,
          flags,
          answer,
          table(['ID', 'NAME', 'TYPE', 'CPUS', 'MEMORY MB', 'DISK GB'], rows),
        );
      },
    ),
  };
}
