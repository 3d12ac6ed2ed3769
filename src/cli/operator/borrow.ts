// A key of an organisation for the time of one command, which an operator makes and revokes: so
// that an operator's command can do what only keys of organisations can.

import type { ClientOptions } from '../../client/client.ts';
import { usualPermissions } from '../../domain/key.ts';
import { UsageError } from '../parse.ts';
import { didYouMean } from '../similar.ts';
import type { Both, OperatorContext } from './context.ts';

/** A command that waits for builds takes long; a key that nobody revokes ends by itself. */
const lastsMs = 24 * 3600_000;

interface Borrowed {
  options: ClientOptions;
  shown: {
    /** The keys of the organisation that are in use, without this one. */
    keys: readonly { name: string; permissions: readonly string[] }[];
    machineTypes: readonly { name: string; network: string | null }[];
  };
}

interface Borrowing {
  organisation: string;
  /** Whether it only reads. */
  readsOnly: boolean;
  /** Where the API of organisations is; null: at the address of the operators'. */
  apiUrl: string | null;
}

/** Runs work with such a key. Throws UsageError when there is no such organisation. */
export const withBorrowedKey = <Result>(
  { withDesk }: OperatorContext,
  flags: Both,
  found: ClientOptions,
  { organisation, readsOnly, apiUrl }: Borrowing,
  work: (borrowed: Borrowed) => Promise<Result>,
): Promise<Result> =>
  withDesk(flags, async (desk) => {
    const all = await desk.organisationList();
    const ours = all.find(({ name }) => name === organisation);
    if (ours === undefined) {
      const near = didYouMean(
        organisation,
        all.map(({ name }) => name),
      );
      throw new UsageError(
        `There is no organisation named ${JSON.stringify(organisation)}.${near} See: silversmith organisation list`,
        'not_found',
      );
    }
    const now = Date.now();
    const keys = (await desk.keyList()).filter(
      ({ organisationId, revokedAt, expiresAt }) =>
        organisationId === ours.id && revokedAt === null && (expiresAt === null || expiresAt > now),
    );
    const machineTypes = await desk.machineTypeList();
    const permissions = usualPermissions.filter((one) => !readsOnly || one.endsWith(':read'));
    const name = 'a command of an operator';
    const made = await desk.keyCreate({
      organisation,
      name,
      permissions,
      expiresAt: now + lastsMs,
    });
    try {
      const options = { ...found, ...made, url: apiUrl ?? found.url };
      return await work({ options, shown: { keys, machineTypes } });
    } finally {
      await desk.keyRevoke(made.key, false);
    }
  });
