// The members of the cluster: their room, and where a machine of a region goes.

import { Type } from 'typebox';
import { failedForGood } from '../../domain/error.ts';
import type { Capacity } from '../../domain/host.ts';
import { Group, Member, PoolResources, Server } from './answer.ts';
import type { Incus } from './context.ts';
import { poolOf } from './project.ts';

/** Pools whose bytes are the same on all members. */
const remoteDrivers = ['ceph', 'cephfs', 'cephobject', 'linstor', 'lvmcluster', 'truenas'];
const online = 'Online';

/** The members by name, and whether each answers; empty for a server that is in no cluster. */
export async function membersOf(
  { client }: Incus,
  signal: AbortSignal,
): Promise<Map<string, boolean>> {
  const { value: server } = await client.get(Server, '/1.0', signal);
  if (!server.environment?.server_clustered) return new Map();
  const recursion = { recursion: '1' };
  const { value } = await client.get(Type.Array(Member), '/1.0/cluster/members', signal, recursion);
  return new Map(value.map(({ server_name, status }) => [server_name, status === online]));
}

/** The room of the pool, on all members that answer together. */
export async function capacityOf(incus: Incus, signal: AbortSignal): Promise<Capacity> {
  const { client, pool } = incus;
  const members = [...(await membersOf(incus, signal))].flatMap(([name, answers]) =>
    answers ? [name] : [],
  );
  const isShared = remoteDrivers.includes((await poolOf(client, pool, signal)).driver);
  const targets = isShared || members.length === 0 ? [null] : members;
  let [totalBytes, usedBytes, failure]: [number, number, unknown] = [0, 0, null];
  for (const target of targets) {
    const path = `/1.0/storage-pools/${encodeURIComponent(pool)}/resources`;
    try {
      const { value } = await client.get(PoolResources, path, signal, target ? { target } : {});
      totalBytes += value.space.total;
      usedBytes += value.space.used ?? 0;
    } catch (error) {
      // A member that has just died counts as online for some seconds.
      signal.throwIfAborted();
      failure = error;
    }
  }
  if (totalBytes === 0 && failure !== null) throw failure;
  return { totalBytes, freeBytes: Math.max(0, totalBytes - usedBytes) };
}

/**
 * Where Incus is to make an instance of a region: a member, or a group of members, of which Incus
 * chooses one. Null leaves the choice to Incus. Throws `internal` for a region that is neither.
 */
export async function targetOf(
  incus: Incus,
  region: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  if (region === null) return null;
  const members = await membersOf(incus, signal);
  if (members.size === 0) return null;
  if (members.has(region)) return region;
  const recursion = { recursion: '1' };
  const { value: groups } = await incus.client.get(
    Type.Array(Group),
    '/1.0/cluster/groups',
    signal,
    recursion,
  );
  if (groups.some(({ name }) => name === region)) return `@${region}`;
  throw failedForGood(
    `The region ${region} is no group and no member of the cluster; the operator can make it: incus cluster group create ${region}`,
  );
}
