// Shared by the nouns of the catalogue: `list` over the API, or with --local from the data
// directory, where the operator sees more. The operator's own commands add to the same nouns.

import type { Command } from 'commander';
import { type Columns, type ListFlags, listOptions } from '../listing.ts';
import { UsageError } from '../parse.ts';
import { NoCredentials, type Remote, type RemoteContext, remoteOptions } from './context.ts';

export type Listed = 'software' | 'base' | 'machine-type';

export interface CatalogueContext extends RemoteContext {
  /** Prints the fields that only the operator sees, from the data directory. */
  listLocal(noun: Listed, flags: Remote & ListFlags): Promise<void>;
}

const things: Readonly<Record<Listed, string>> = {
  software: 'titles that can be installed',
  base: 'base images',
  'machine-type': 'machine types',
};

/** Adds `list` to a noun. `local` names the extra fields of --local; `ask` asks the server. */
export function catalogueList(
  noun: Command,
  name: Listed,
  local: string,
  context: CatalogueContext,
  ask: (flags: Remote & ListFlags) => Promise<void>,
): void {
  listOptions(
    remoteOptions(noun.command('list').description(`list the ${things[name]}, over the API`)),
  )
    .option(
      '--local',
      `with ${local}, from the data directory on the server's own host (operators only)`,
    )
    .action(async (flags: Remote & ListFlags & { local?: boolean }) => {
      if (flags.local) return context.listLocal(name, flags);
      await ask(flags).catch((error: unknown) => {
        if (!(error instanceof NoCredentials)) throw error;
        throw new UsageError(
          `${error.message} Operators, on the server's own host: silversmith ${name} list --local`,
        );
      });
    });
}

interface Sized {
  id: number;
  name: string;
  size: number;
  version?: string | null;
}

export const sizeColumns: Columns<Sized> = {
  ID: ({ id }) => id,
  NAME: ({ name }) => name,
  VERSION: ({ version }) => version ?? null,
  GB: ({ size }) => size,
};
