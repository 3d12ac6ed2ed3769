// Copies of what an engine keeps, beside a running server.

import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';

export interface BackupSpec {
  /**
   * A folder that is there; what is written into it is laid out so that an engine can be opened on
   * it.
   */
  folder: string;
  layers: readonly LayerId[];
  disks: readonly { diskId: DiskId; layerId: LayerId; machineId: MachineId; sizeBytes: number }[];
  files: readonly string[];
}

export interface Backup {
  backUp(spec: BackupSpec, signal: AbortSignal): Promise<string[]>;
}
