// An engine with a template of the demo base, whose image has a hook, for tests of instant starts.

import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootProfile } from '../../src/domain/boot.ts';
import type { MachineId, TemplateId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import type { UsableTemplate } from '../../src/engine/optional/instant.ts';
import type { MachineSpec, Started } from '../../src/engine/port/machines.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import type { NetworkOptions } from '../../src/engine/qemu/network.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import { demoBase } from '../demo-base.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';
import { debugfs } from './cloud-base.ts';

const hooks = '/etc/silversmith/clone.d';
/** Fails where the machine is called so. */
const hook = `#!/bin/sh
hostname >/run/hooked
chrt --pid $$ | head -n 1 >>/run/hooked
[ "$(hostname)" != no-hook ] || { echo no licence is left; exit 7; }
`;

export const readyMs = 900_000;
const size = { cpus: 1, memoryMb: 512 };
/** Larger than that of the base. */
const sizeBytes = 3 * gbBytes;

export type TemplateWorld = Awaited<ReturnType<typeof templateWorld>>;

interface Options {
  networks?: NetworkOptions;
  /** The demo base when it is left out. */
  base?: { disk: string; kernel: string; initrd: string; boot: BootProfile };
  /** Whether the image has a hook. */
  hooked?: boolean;
}

export async function templateWorld(
  t: Scope,
  { base: wanted, hooked = true, ...options }: Options = {},
) {
  const folder = await temporaryFolder(t);
  const root = join(folder, 'engine');
  const engine = await openQemu({ root, ...options });
  defer(t, async () => {
    for (const machineId of await engine.runningMachines(call))
      await engine.stopMachine({ machineId, graceMs: 0 }, call);
    await engine.close();
  });
  const { boot, disk: demo, ...kernel } = wanted ?? (await demoBase());
  const raw = join(folder, 'hooked.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', demo, raw]);
  const file = join(folder, 'hook');
  await writeFile(file, hook);
  const path = `${hooks}/10-licence`;
  if (hooked)
    debugfs(raw, [
      ...['mkdir /etc/silversmith', `mkdir ${hooks}`, `write ${file} ${path}`],
      `set_inode_field ${path} mode 0100755`,
    ]);
  const base = layerId();
  await engine.importBase({ layerId: base, ...(await contents({ disk: raw, ...kernel })) }, call);
  const spec = {
    ...{ templateId: layerId() as string as TemplateId, resultLayerId: layerId() },
    ...{ layerId: base, baseLayerId: base, chain: [base], boot },
    ...{ ...size, sizeBytes, timeoutMs: readyMs },
  };
  const begun = performance.now();
  const made = await engine.instant.makeTemplate(spec, call);
  const madeMs = performance.now() - begun;
  const { stateSha256, memorySha256 } = made;
  const { templateId } = spec;
  const template: UsableTemplate = { templateId, ...size, stateSha256, memorySha256 };

  /** Makes the spec of a machine on a fresh disk of the template, which is larger. */
  const machine = async (id: number, more: Partial<MachineSpec> = {}): Promise<MachineSpec> => {
    const disk = diskId();
    const { chain = [spec.resultLayerId, base] } = more;
    const [top = base] = chain;
    await engine.ensureDisk({ diskId: disk, layerId: top, sizeBytes }, call);
    const given = { machineId: id as MachineId, diskId: disk, boot, baseLayerId: base, chain };
    return machineOn({ ...given, name: `Studio ${id}`, ...size, template, ...more });
  };
  const start = async (id: number, more: Partial<MachineSpec> = {}): Promise<Started> =>
    engine.startMachine(await machine(id, more), call);
  const stop = (id: number) => engine.stopMachine({ machineId: id as MachineId, graceMs: 0 }, call);
  /** The lines that a script prints in a machine. */
  const inside = async (id: number, script: string): Promise<string[]> => {
    const command = ['/bin/sh', '-c', script];
    const { stdout } = await engine.exec.run({ machineId: id as MachineId, command }, call);
    return stdout.trim().split('\n');
  };
  return { engine, root, spec, made, madeMs, template, machine, start, stop, inside };
}
