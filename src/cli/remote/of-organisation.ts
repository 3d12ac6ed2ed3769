// Commands that work on one organisation, also with a key of operators: then the organisation is
// named, and a key of it is made for the time of the command.

import type { Command } from 'commander';
import type { ClientOptions } from '../../client/client.ts';
import { UsageError, words } from '../parse.ts';
import { serverUrl } from '../parse-address.ts';
import type { Remote, RemoteContext } from './context.ts';

export interface OfOrganisation {
  organisation?: string;
  apiUrl?: string;
}

/** The access of such a command to the organisation. */
interface Lent {
  options: ClientOptions;
  /** Operators alone see this; null with a key of an organisation. */
  shown: {
    keys: readonly { name: string; permissions: readonly string[] }[];
    machineTypes: readonly { name: string; network: string | null }[];
  } | null;
}

export interface OrganisationContext extends RemoteContext {
  /** Whether a key is one of operators. */
  isOperators(key: string): Promise<boolean>;
  /** Runs work with a key of the organisation that is made for it and revoked afterwards. */
  borrowKey(
    flags: Remote,
    found: ClientOptions,
    from: { organisation: string; readsOnly: boolean; apiUrl: string | null },
    work: (lent: Lent) => Promise<void>,
  ): Promise<void>;
}

export const organisationOptions = (command: Command): Command =>
  command
    .option(
      '--organisation <name>',
      'with a key of operators: the organisation whose images and machines these are',
      words(100),
    )
    .option(
      '--api-url <url>',
      'with a key of operators: where the API of organisations is, when it has another address',
      serverUrl,
    );

/** Runs work with the key that was found, or with one of the organisation that was named. */
export async function withOrganisation(
  context: OrganisationContext,
  flags: Remote & OfOrganisation,
  found: ClientOptions,
  readsOnly: boolean,
  work: (lent: Lent) => Promise<void>,
): Promise<void> {
  const { organisation, apiUrl = null } = flags;
  if (!(await context.isOperators(found.key))) {
    if (organisation === undefined && apiUrl === null) return work({ options: found, shown: null });
    throw new UsageError(
      'The key is of an organisation; leave --organisation and --api-url out, or give a key of operators.',
    );
  }
  if (organisation === undefined)
    throw new UsageError(
      'The key is of operators: say whose images and machines these are with --organisation NAME.',
    );
  await context.borrowKey(flags, found, { organisation, readsOnly, apiUrl }, work);
}
