// What a server that died left half-made: build machines, files under way, folders of machines that are off. The operations that made
// them start again from their beginning, so all of it goes.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Paths } from './paths.ts';
import { endProcess, findProcesses, processName } from './process.ts';

/** What the operator's commands make (a base, a backup) may be under way beside a server that starts. */
const ownedElsewhere = /^(base|backup)-/;
const forgottenMs = 24 * 3600_000;

export async function tidy({ paths, installation }: { paths: Paths; installation: string }): Promise<void> {
  const processes = await findProcesses(installation);
  const buildName = processName(installation, 'build', '');
  for (const found of processes) if (found.name.startsWith(buildName)) await endProcess(found);
  for (const name of await readdir(paths.builds)) {
    const path = join(paths.builds, name);
    if (ownedElsewhere.test(name) && Date.now() - (await stat(path)).mtimeMs < forgottenMs) continue;
    await rm(path, { recursive: true, force: true });
  }
  for (const folder of [paths.disks, paths.layers])
    for (const name of await readdir(folder)) if (name.endsWith('.part')) await rm(join(folder, name), { force: true });
  const running = new Set(processes.map(({ name }) => name));
  for (const id of await readdir(paths.machines)) {
    if (!running.has(processName(installation, 'machine', id)))
      await rm(join(paths.machines, id), { recursive: true, force: true });
  }
}
