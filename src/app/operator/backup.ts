// Backups, as changes of the operator: a backup holds the secrets of all organisations, so the
// trail names its operator and its folder. `server/backup.ts` does the copying.

import { change } from './context.ts';

/** The description of a backup, in its folder. */
export interface Manifest {
  format: number;
  engine: 'qemu' | 'incus' | 'simulator';
  createdAt: string;
  layers: number;
  disks: number;
  /** Whether the master key is in it; without it the backup opens no secret. */
  keys: boolean;
  /** Ids that the store names but the engine lacks. */
  missing: string[];
}

/** Makes a backup in a folder. `make` does the work, and its errors are passed on. */
export const backupMake = change(
  'backupMake',
  (folder: string, _make: () => Promise<Manifest>) => `a backup in ${folder}`,
  async ({ failed }, _folder, make) => {
    const manifest = await make();
    const { missing } = manifest;
    if (missing.length > 0) failed(`Missing on this host: ${missing.join(', ')}.`);
    return manifest;
  },
);
