// Removes the remains of a dead server: build machines, unfinished files and templates, folders and
// devices of machines that are off. They are not needed, because the jobs that made them start from
// their beginning.

import { chmod, chown, lstat, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Networks } from './network.ts';
import { endProcess, findProcesses, type Own } from './process.ts';
import { endLeftTpms } from './tpm.ts';

/**
 * An operator's command may be making a base or a backup while the server starts, so these stay for
 * a day.
 */
const ownedElsewhere = /^(base|backup)-/;
const forgottenMs = 24 * 3600_000;

export async function tidy(own: Own, networks: Networks): Promise<void> {
  const { paths } = own;
  const processes = await findProcesses(own);
  for (const found of processes) if (found.kind === 'build') await endProcess(found);
  await endLeftTpms(own);
  for (const name of await readdir(paths.builds)) {
    const path = join(paths.builds, name);
    if (ownedElsewhere.test(name) && Date.now() - (await stat(path)).mtimeMs < forgottenMs)
      continue;
    await rm(path, { recursive: true, force: true });
  }
  for (const folder of [paths.disks, paths.layers])
    for (const name of await readdir(folder))
      if (name.endsWith('.part')) await rm(join(folder, name), { recursive: true, force: true });
  const names = await readdir(paths.templates);
  for (const name of names)
    if (!names.includes(name.replace(/\.(memory|state)(\.part)?$|\.part$/, '.record')))
      await rm(join(paths.templates, name), { force: true });
  const on = new Set(processes.filter(({ kind }) => kind === 'machine').map(({ id }) => id));
  await networks.assertCan();
  await networks.tidy(on);
  for (const name of await readdir(paths.runs))
    if (!on.has(name.replace(/^machine-/, '')))
      await rm(join(paths.runs, name), { recursive: true, force: true });
  for (const id of await readdir(paths.machines)) {
    const folder = join(paths.machines, id);
    if (!on.has(id)) await rm(folder, { recursive: true, force: true });
    else await takeBack(folder);
  }
}

/** Takes back a machine's folder, because an earlier version let QEMU's user write to it. */
async function takeBack(folder: string): Promise<void> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const { uid: owner } = await lstat(folder);
  if (owner === uid) return;
  await chown(folder, uid, gid);
  await chmod(folder, 0o711);
}
