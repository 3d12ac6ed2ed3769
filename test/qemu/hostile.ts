// Stands in for a guest that took over its QEMU process: a script that runs in QEMU's sandbox.

import { chmod, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineId } from '../../src/domain/ids.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { findProcess, processesIn } from '../../src/engine/qemu/process.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

export const mib = 1024 ** 2;
export const sizeBytes = 64 * mib;
export const boot = { mode: 'bios' } as const;

/**
 * Runs a script in the place of QEMU, then keeps a process alive that has QEMU's name and
 * arguments, so that the engine finds it.
 */
export const inPlaceOfQemu = (script: string) => `#!/bin/bash
[ "$1" = --version ] && exit 0
[ "$1 $2" = "-machine help" ] && exec /usr/bin/qemu-system-x86_64 "$@"
${script}
exec -a qemu-system-x86_64 perl -e '$SIG{TERM} = sub { exit }; sleep 1000' -- "$@"
`;

/** Opens an engine that has a base and disks, and that runs a script in the place of QEMU. */
export async function hostile(t: Scope, script: string) {
  const folder = await realpath(await temporaryFolder(t));
  const [root, programs] = [join(folder, 'engine'), join(folder, 'programs')];
  await mkdir(programs);
  await chmod(programs, 0o755);
  await writeFile(join(programs, 'qemu-system-x86_64'), inPlaceOfQemu(script));
  await chmod(join(programs, 'qemu-system-x86_64'), 0o755);
  const engine = await openQemu({ root, path: `${programs}:${process.env.PATH}` });
  const raw = Buffer.alloc(2 * mib, 7);
  raw.writeUInt16BE(0x55aa, 510);
  await writeFile(join(folder, 'base.raw'), raw);
  const [base, other] = [layerId(), layerId()];
  for (const id of [base, other])
    await engine.importBase(
      { layerId: id, ...(await contents({ disk: join(folder, 'base.raw') })) },
      call,
    );
  const start = async (machineId: MachineId) => {
    const disk = diskId();
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    const spec = machineOn({ machineId, diskId: disk, boot, baseLayerId: base });
    // The script never reports ready, so the start fails.
    const starting = engine.startMachine(spec, call).catch(() => {});
    defer(t, async () => {
      await engine.stopMachine({ machineId, graceMs: 0 }, call);
      await starting;
    });
    const found = await waitFor(
      'it is there',
      () => findProcess(processesIn(root), 'machine', machineId),
      60_000,
    );
    return { disk, found, run: join(root, 'run', `machine-${machineId}`) };
  };
  return { folder, root, engine, base, other, start };
}
