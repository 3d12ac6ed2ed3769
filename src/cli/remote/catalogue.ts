// Shared by the nouns of the catalogue: `list` over the API; with a key of operators over theirs,
// where the operator sees more, or with --local from the data directory. The operator's own
// commands add to the same nouns.

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { type Columns, type ListFlags, listOptions } from '../listing.ts';
import { UsageError } from '../parse.ts';
import {
  clientOf,
  findCredentials,
  NoCredentials,
  type Remote,
  type RemoteContext,
  remoteOptions,
} from './context.ts';

export type Listed = 'software' | 'base' | 'machine-type';

export interface CatalogueContext extends RemoteContext {
  /** Whether a key is one of operators. */
  isOperators(key: string): Promise<boolean>;
  /**
   * Prints the fields that only the operator sees, from the data directory or over the operator's
   * API.
   */
  listAsOperator(noun: Listed, flags: Remote & ListFlags & { isLocal: boolean }): Promise<void>;
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
  ask: (client: Client, flags: ListFlags) => Promise<void>,
): void {
  listOptions(
    remoteOptions(noun.command('list').description(`list the ${things[name]}, over the API`)),
  )
    .option(
      '--local',
      `with ${local}, from the data directory on the server's own host (operators only; a key of operators shows the same)`,
    )
    .action(async (flags: Remote & ListFlags & { local?: boolean }) => {
      if (flags.local) return context.listAsOperator(name, { ...flags, isLocal: true });
      const found = await findCredentials(flags, context.env).catch((error: unknown) => {
        if (!(error instanceof NoCredentials)) throw error;
        throw new UsageError(
          `${error.message} Operators, on the server's own host: silversmith ${name} list --local`,
        );
      });
      if (await context.isOperators(found.key))
        return context.listAsOperator(name, { ...flags, isLocal: false });
      await ask(await clientOf(found), flags);
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
