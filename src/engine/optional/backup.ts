// Copies an engine's layers, disks and files while a server runs. Only an engine that keeps them in
// files of its host has this part, so the target is a folder.

import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface BackupSpec {
  /** An existing folder. The copy is laid out so that an engine can be opened on the folder.
   */
  folder: string;
  layers: readonly LayerId[];
  disks: readonly { diskId: DiskId; layerId: LayerId; machineId: MachineId; sizeBytes: number }[];
  files: readonly string[];
}

export interface Backup {
  /**
   * Copies the named things into a folder, sharing bytes with the originals where the file system
   * can. The disk of a machine that is on is copied as of one moment, as if its power had been cut.
   * Returns the ids of things that do not exist. Idempotent: a call that rejects leaves a part,
   * which the next call on the folder completes. May run beside every other verb. Throws
   * `no_capacity` when the disk is full, and `unavailable` when a disk could not be copied as of
   * one moment.
   */
  copy(spec: BackupSpec, call: Call): Promise<string[]>;
}
