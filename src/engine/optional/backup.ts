// Copies of what an engine keeps, beside a running server. Only an engine that keeps it in files of
// its host has this part, so the target is a folder.

import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface BackupSpec {
  /**
   * A folder that is there. What is written into it is laid out so that an engine can be opened on
   * it.
   */
  folder: string;
  layers: readonly LayerId[];
  disks: readonly { diskId: DiskId; layerId: LayerId; machineId: MachineId; sizeBytes: number }[];
  files: readonly string[];
}

export interface Backup {
  /**
   * Copies what is named into a folder, sharing bytes with the originals where the file system can.
   * The disk of a machine that is on is copied as of one moment, as if its power had been cut.
   * Returns the ids of what is not there. Idempotent: a call that rejects leaves a part, which the
   * next call on the folder completes. May run beside every other verb. Throws `unavailable` when
   * the disk is full, or when a disk could not be copied as of one moment.
   */
  copy(spec: BackupSpec, call: Call): Promise<string[]>;
}
