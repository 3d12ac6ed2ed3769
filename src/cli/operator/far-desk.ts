// The operator's functions over the operator's API of a server, and the choice between the two.

import { existsSync } from 'node:fs';
import type { Offer } from '../../app/operator/offer.ts';
import type { ClientOptions } from '../../client/client.ts';
import { createOperatorClient, type OperatorClient } from '../../client/operator.ts';
import type { OperatorOperations } from '../../client/operator-types.ts';
import type { KeyId } from '../../domain/ids.ts';
import { isOperatorKeyId } from '../../domain/operator-key.ts';
import type { Quotas } from '../../domain/organisation.ts';
import type { Environment } from '../../lib/environment.ts';
import { profilesFile } from '../../lib/folders.ts';
import { fromWire } from '../../lib/wire-form.ts';
import type { Terminal } from '../output.ts';
import { UsageError } from '../parse.ts';
import { findCredentials } from '../remote/context.ts';
import { profileNamed, readProfiles } from '../remote/profiles.ts';
import type { Desk } from './desk.ts';
import { type FarCatalogue, farCatalogue } from './far-catalogue.ts';
import { type FarHost, farHost } from './far-host.ts';
import { allPages, byAge } from './far-page.ts';
import type { Both } from './options.ts';

/** Refuses a command that only the host can do. Throws UsageError. */
const onlyHere = (what: string): never => {
  throw new UsageError(
    `${what} works on the server's own host alone; type it there, with --data-dir in place of --url, --key and --profile.`,
  );
};

/**
 * The server and the key, where the command is to be done over the API: when an option names them,
 * or the environment or the profile in use has a key of operators. Null: on the data directory.
 * Throws UsageError.
 */
export async function farServer(flags: Both, env: Environment): Promise<ClientOptions | null> {
  const { url, key, secret, profile, dataDir, databaseUrl, engine } = flags;
  const isFar = [url, key, secret, profile].some((one) => one !== undefined);
  const isHere = [dataDir, databaseUrl, engine].some((one) => one !== undefined);
  if (isFar && isHere)
    throw new UsageError(
      'Give --url, --key and --profile for the operator’s API of a server, or --data-dir, --database-url and --engine for the data on this host; not both.',
    );
  if (!isFar && (isHere || !(await hasOperatorKey(env)))) return null;
  const found = await findCredentials({ ...flags, dataDir: undefined }, env);
  if (isOperatorKeyId(found.key)) return found;
  throw new UsageError(
    `The key ${found.key} is of an organisation, and this command needs one of operators. On the server's own host, make one: silversmith key create --operator`,
  );
}

/** Whether the environment, or the profile in use where no data directory is named, has one. */
async function hasOperatorKey(env: Environment): Promise<boolean> {
  const { SILVERSMITH_KEY: key, SILVERSMITH_PROFILE: name, SILVERSMITH_DATA_DIR: dataDir } = env;
  if (key !== undefined) return isOperatorKeyId(key);
  if (name === undefined && (dataDir !== undefined || !existsSync(profilesFile(env)))) return false;
  const all = await readProfiles(env);
  const chosen = name ?? all.current;
  return chosen !== null && isOperatorKeyId(profileNamed(all, chosen).key);
}

export function farDesk(options: ClientOptions, terminal: Terminal): Desk {
  const client = createOperatorClient(options);
  const far = { client, options, terminal };
  return { ...atOnce(client), ...farCatalogue(far), ...farHost(far) };
}

const offerOf = ({
  kind,
  id,
  name,
  version,
  newest,
  retired_at,
}: OperatorOperations['offerRetire']['answer']) =>
  fromWire<Offer>({ kind, id, name, version, newest, retired_at });

/** The operations that take one request each. */
const atOnce = (client: OperatorClient): Omit<Desk, keyof FarCatalogue | keyof FarHost> => ({
  organisationList: async () => fromWire((await client.organisationList()).organisations),
  async organisationGeneralize(name, on) {
    await client.organisationGeneralize({ name, on });
  },
  async organisationTemplatesSet(name, policy) {
    await client.organisationTemplatesSet({ name, templates: policy ?? 'inherit' });
  },
  async organisationQuotaSet(name, { storedGb, keptGb, ...counts }) {
    const limits = { ...counts, stored_gb: storedGb, kept_gb: keptGb };
    const answer = await client.organisationQuotaSet({ name, ...limits });
    const { client_code: _, message: __, timestamp: ___, ...quotas } = answer;
    return fromWire<Quotas>(quotas);
  },
  async keyList() {
    const keys = await allPages(async (after) => {
      const { keys: items, next } = await client.keyList(after);
      return { items, next };
    });
    return byAge(fromWire<Awaited<ReturnType<Desk['keyList']>>>(keys), ({ organisationId }) =>
      organisationId === null ? 0 : 1,
    );
  },
  async keyCreate({ organisation, name, permissions, expiresAt = null, isOnly = false }) {
    if (typeof organisation !== 'string') return onlyHere('key create --operator');
    const { key, secret } = await client.keyCreate({
      ...{ organisation, name, permissions: [...permissions] },
      ...(isOnly && { only: true }),
      ...(expiresAt !== null && { expires_at: new Date(expiresAt).toISOString() }),
    });
    return { key: key as KeyId, secret };
  },
  async keyRotate(id, overlapMs) {
    const overlapS = Math.round(overlapMs / 1000);
    const made = await client.keyRotate({ id, overlap_seconds: overlapS });
    const { key, secret, replaced_until: until } = made;
    return { key: key as KeyId, secret, replaces: id, replacedUntil: Date.parse(until) };
  },
  async keyRevoke(id, itself) {
    await client.keyRevoke({ id, itself });
  },
  async machineTypeAdd({ name, code, cpus, memoryMb, diskSizeGb, network = null }) {
    const sizes = {
      ...{ cpus, memory_mb: memoryMb, disk_size_gb: diskSizeGb },
      ...(network !== null && { network }),
    };
    return { id: (await client.machineTypeAdd({ name, code, ...sizes })).id };
  },
  machineTypeList: async () => fromWire((await client.machineTypeList()).machine_types),
  offerList: async () => fromWire((await client.offerList()).offers),
  offerRetire: async (kind, id, retired) =>
    offerOf(await client.offerRetire({ kind, id, retired })),
  async offerRemove(kind, id) {
    await client.offerRemove({ kind, id });
  },
  baseNewestSet: async (id, allowed) => offerOf(await client.baseNewestSet({ id, allowed })),
  async storageGet() {
    const { sizes, memory_mb, memory_mb_limit, cpus, cpus_limit } = await client.storageGet();
    return {
      sizes: sizes.map(({ what, bytes }): [string, number] => [what, bytes]),
      guests: {
        memoryMb: memory_mb,
        memoryMbMost: memory_mb_limit,
        cpus,
        cpusMost: cpus_limit,
      },
    };
  },
  cacheList: async () => fromWire((await client.cacheList()).steps),
  async cachePrune(keepBytes) {
    const { steps, bytes } = await client.cachePrune({ keep_bytes: Math.round(keepBytes) });
    return fromWire({ steps, bytes });
  },
  auditList: async (limit) => fromWire((await client.auditList({ limit })).entries),
});
