// Writable disks at an engine: each is an overlay on a layer.

import type { DiskId, LayerId } from '../../domain/ids.ts';

export interface DiskSpec {
  diskId: DiskId;
  layerId: LayerId;
  sizeBytes: number;
}

export interface Disks {
  /** Makes an empty writable overlay on a layer. Nothing happens when the disk is there. */
  ensureDisk(spec: DiskSpec): Promise<void>;
  sealDisk(spec: DiskSpec): Promise<{ virtualBytes: number; storedBytes: number }>;
  unsealDisk(diskId: DiskId, layerId: LayerId): Promise<void>;
  removeDisk(diskId: DiskId): Promise<void>;
}
