// Prepares a machine's guest: its folders, its seed, and the files that its process may open.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hardwareOf, type Identity } from '../identity.ts';
import type { MachineSpec } from '../port/machines.ts';
import type { Guest } from './command.ts';
import type { Cage } from './confine.ts';
import { makeWritable } from './disk-file.ts';
import { assertHardware } from './firmware.ts';
import { ensureState, writableState } from './firmware-state.ts';
import { giveTo, type Host, prepareFolders } from './host.ts';
import { type Connection, writeConnection } from './network.ts';
import type { Paths } from './paths.ts';
import { type Own, processName } from './process.ts';
import { virtualBytesOf } from './qcow2.ts';
import { writeMachineSeed } from './seed.ts';

interface Context extends Own {
  host: Host;
  connection: Connection;
}

/** A file in the folder of a machine that has a TPM. */
export const tpmMark = 'tpm';

/** Whether the disk of a machine is larger than the layer below it. */
export const isLarger = async (
  { diskId, chain, baseLayerId }: MachineSpec,
  paths: Paths,
): Promise<boolean> =>
  (await virtualBytesOf(paths.disk(diskId))) >
  (await virtualBytesOf(paths.layer(chain[0] ?? baseLayerId)));

/** The folders of the machine must be gone before. `tpm` is the folder of its TPM's state. */
export async function prepareGuest(
  spec: MachineSpec,
  identity: Identity,
  { host, connection, paths, installation }: Context,
): Promise<{ guest: Guest; cage: Cage; tpm: string }> {
  const { machineId, boot, fresh } = spec;
  await assertHardware(boot, host);
  const disk = paths.disk(spec.diskId);
  const [folder, run] = [paths.machine(machineId), paths.run('machine', machineId)];
  const user = host.guestUser('machine', machineId);
  const copies = join(folder, 'copies');
  await prepareFolders(folder, [copies]);
  const grows = fresh && (await isLarger(spec, paths));
  await writeMachineSeed(folder, { identity, grows, path: user.path });
  await writeConnection(folder, connection);
  await mkdir(run, { mode: 0o700 });
  await giveTo(user, run);
  // A disk from a backup belongs to the user that copied it, and a new disk to the user that made
  // it.
  await makeWritable(disk, user);
  const state = paths.diskState(spec.diskId);
  const layer = paths.layerState(spec.chain[0] ?? spec.baseLayerId);
  await ensureState(state, { boot, layer, user, fresh });
  if (boot.tpm) await writeFile(join(folder, tpmMark), '');
  const seed = join(folder, 'seed.iso');
  const guest = {
    ...spec,
    name: processName(installation, 'machine', machineId),
    disk: paths.fromGuest(disk),
    seed: paths.fromGuest(seed),
    variables: paths.fromGuest(state.variables),
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
    writable: [run, disk, ...writableState(boot, state)],
    builds: copies,
    network: connection.card?.network === 'user',
    tap: connection.tap,
    kvm: host.accel === 'kvm',
    mortal: false,
  };
  return { guest, cage, tpm: state.tpm };
}
