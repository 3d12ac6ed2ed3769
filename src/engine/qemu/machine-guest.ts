// Prepares a machine's guest: its folders, its seed, and the files that its process may open.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hardwareOf, type Identity } from '../identity.ts';
import type { MachineSpec } from '../port/machines.ts';
import type { Guest } from './command.ts';
import type { Cage } from './confine.ts';
import { makeWritable } from './disk-file.ts';
import { giveTo, type Host, prepareFolders } from './host.ts';
import { type Connection, writeConnection } from './network.ts';
import { type Own, processName } from './process.ts';
import { writeMachineSeed } from './seed.ts';

interface Context extends Own {
  host: Host;
  connection: Connection;
}

/** The folders of the machine must be gone before. */
export async function prepareGuest(
  spec: MachineSpec,
  identity: Identity,
  { host, connection, paths, installation }: Context,
): Promise<{ guest: Guest; cage: Cage }> {
  const { machineId } = spec;
  const disk = paths.disk(spec.diskId);
  const [folder, run] = [paths.machine(machineId), paths.run('machine', machineId)];
  const user = host.guestUser('machine', machineId);
  const copies = join(folder, 'copies');
  await prepareFolders(folder, [copies]);
  await writeMachineSeed(folder, identity, user.path);
  await writeConnection(folder, connection);
  await mkdir(run, { mode: 0o700 });
  await giveTo(user, run);
  // A disk from a backup belongs to the user that copied it, and a new disk to the user that made
  // it.
  await makeWritable(disk, user);
  const seed = join(folder, 'seed.iso');
  const guest = {
    ...spec,
    name: processName(installation, 'machine', machineId),
    disk: paths.fromGuest(disk),
    seed: paths.fromGuest(seed),
    build: false,
    memory: 'own' as const,
    card: connection.card,
    hardware: hardwareOf(installation, machineId),
    ...(spec.fresh ? { fresh: identity } : { fresh: undefined }),
  };
  const cage: Cage = {
    user,
    cwd: run,
    readable: [...paths.chain(spec), seed],
    writable: [run, disk],
    builds: copies,
    network: connection.card?.network === 'user',
    tap: connection.tap,
    kvm: host.accel === 'kvm',
    mortal: false,
  };
  return { guest, cage };
}
