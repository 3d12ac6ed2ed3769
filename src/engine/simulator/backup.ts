// Copies of the simulator's records, into a state file of the backup's own.

import { writeWhole } from '../../lib/files.ts';
import type { Backup } from '../optional/backup.ts';
import { readState, type StateFile, stateFileIn } from './state.ts';

export const backupIn = (file: StateFile): Backup => ({
  async copy({ folder, layers, disks, files }) {
    // Read the file of the server, which may be another process. Copies of an earlier call stay.
    const target = stateFileIn(folder);
    const [now, copy] = [await readState(file.path), await readState(target)];
    const missing: string[] = [];
    for (const [name, ids] of [
      ['layers', layers],
      ['disks', disks.map(({ diskId }) => diskId)],
      ['files', files],
    ] as const) {
      const from: Record<string, unknown> = now[name];
      missing.push(...ids.filter((id) => !(id in from)));
      const found = ids.filter((id) => id in from).map((id) => [id, from[id]]);
      Object.assign(copy[name], Object.fromEntries(found));
    }
    await writeWhole(target, JSON.stringify(copy), 0o600);
    return missing;
  },
});
