// The keys as the commands manage them: all keys, as the operator's functions do, or those of one
// organisation over the API, with a key of it that has the permission keys:write.

import { existsSync } from 'node:fs';
import type { Client, ClientOptions } from '../../client/client.ts';
import type { KeyId } from '../../domain/ids.ts';
import { usualPermissions } from '../../domain/key.ts';
import { isOperatorKeyId, usualOperatorPermissions } from '../../domain/operator-key.ts';
import type { Environment } from '../../lib/environment.ts';
import { profilesFile } from '../../lib/folders.ts';
import { fromWire } from '../../lib/wire-form.ts';
import { UsageError } from '../parse.ts';
import { clientOf, findCredentials } from '../remote/context.ts';
import type { OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';
import type { Both } from './options.ts';

type Key = Awaited<ReturnType<Desk['keyList']>>[number];

/**
 * A key; `organisationId` is absent where all keys are of the organisation of the key that asks.
 */
export type ListedKey = Omit<Key, 'masterKeyId' | 'organisationId'> &
  Partial<Pick<Key, 'organisationId'>>;

/** Whose key is to be made, as the options say it. */
export interface Owner {
  organisation?: string;
  operator?: boolean;
}

type NewKey = Pick<Parameters<Desk['keyCreate']>[0], 'name' | 'expiresAt'> & {
  owner: Owner;
  /** Undefined: the usual ones. */
  permissions: readonly string[] | undefined;
};

interface KeyDesk extends Pick<Desk, 'keyRotate' | 'keyRevoke'> {
  keyList(): Promise<ListedKey[]>;
  /** Throws UsageError when the owner is missing, or cannot be named. */
  keyCreate(key: NewKey): ReturnType<Desk['keyCreate']>;
}

/** Runs work with the keys of an organisation when the key that signs is one of them. */
export async function withKeys(
  context: OperatorContext,
  flags: Both,
  work: (keys: KeyDesk) => Promise<void>,
): Promise<void> {
  const server = await ownServer(flags, context.env);
  if (server) return work(ownKeys(await clientOf(server), server.key));
  return context.withDesk(flags, (desk) => work(allKeys(desk)));
}

/**
 * The server and the key of an organisation that the options name; or the environment or a profile,
 * where no data directory is named. Null when they name none, or a key of operators.
 */
async function ownServer(flags: Both, env: Environment): Promise<ClientOptions | null> {
  const { url, key, secret, profile, dataDir, databaseUrl, engine } = flags;
  if ([dataDir, databaseUrl, engine].some((one) => one !== undefined)) return null;
  const isNamed = [url, key, secret, profile].some((one) => one !== undefined);
  const isThere =
    env.SILVERSMITH_DATA_DIR === undefined &&
    (env.SILVERSMITH_KEY !== undefined ||
      env.SILVERSMITH_PROFILE !== undefined ||
      existsSync(profilesFile(env)));
  if (!isNamed && !isThere) return null;
  const found = await findCredentials({ ...flags, dataDir: undefined }, env);
  return isOperatorKeyId(found.key) ? null : found;
}

const allKeys = (desk: Desk): KeyDesk => ({
  ...desk,
  keyCreate({ owner: { organisation, operator }, permissions, ...rest }) {
    if (!operator && organisation === undefined)
      throw new UsageError('Whose key is it? Give --organisation NAME, or --operator.');
    const usual = operator ? usualOperatorPermissions : usualPermissions;
    const owner = operator ? null : (organisation ?? null);
    return desk.keyCreate({ ...rest, organisation: owner, permissions: permissions ?? usual });
  },
});

const ownKeys = (client: Client, ownId: string): KeyDesk => ({
  keyList: async () => fromWire<ListedKey[]>((await client.keyList()).keys),
  async keyCreate({ owner: { organisation, operator }, name, permissions, expiresAt }) {
    if (operator ?? organisation)
      throw new UsageError(
        `The key ${ownId} makes keys of its own organisation; leave ${operator ? '--operator' : '--organisation'} out. Operators give --data-dir on the server's own host, or a key of operators.`,
      );
    const { keys } = permissions === undefined ? await client.keyList() : { keys: [] };
    const own = keys.find(({ id }) => id === ownId)?.permissions ?? [];
    const { key, secret } = await client.keyCreate({
      name,
      permissions: [...(permissions ?? usualPermissions.filter((one) => own.includes(one)))],
      ...(expiresAt != null && { expires_at: new Date(expiresAt).toISOString() }),
    });
    return { key: key as KeyId, secret };
  },
  async keyRotate(id, overlapMs) {
    const made = await client.keyRotate({ id, overlap_seconds: Math.round(overlapMs / 1000) });
    const { key, secret, replaced_until: until } = made;
    return { key: key as KeyId, secret, replaces: id, replacedUntil: Date.parse(until) };
  },
  async keyRevoke(id, itself) {
    await client.keyRevoke({ id, itself });
  },
});
