// Writable disks at an engine: each is an overlay on a layer. A capture seals the overlay as a new
// layer.

import type { BootProfile } from '../../domain/boot.ts';
import type { DiskId, LayerId } from '../../domain/ids.ts';
import type { Call } from './call.ts';

export interface DiskSpec {
  diskId: DiskId;
  layerId: LayerId;
  sizeBytes: number;
  /** Where its machine is to run; absent or null: anywhere. An engine of one host ignores it. */
  region?: string | null;
}

export interface SealSpec extends DiskSpec {
  /**
   * How the machine of the disk boots: it says which state of the firmware the layer gets a copy
   * of. Absent: none.
   */
  boot?: BootProfile;
}

export interface Disks {
  /**
   * Makes an empty writable overlay on a layer. Idempotent: does nothing when the disk exists.
   * Throws `internal` when the layer or the region is missing, and `no_capacity` when the host's
   * disk is full. After a failure there is no disk.
   */
  ensureDisk(spec: DiskSpec, call: Call): Promise<void>;
  /**
   * Turns the content of a disk that no machine uses into the layer; the disk is then an empty
   * overlay on it. Idempotent. Throws `unavailable` when a process has the disk open for writing,
   * and `internal` when the disk is missing. After a failure the content is the disk's or the
   * layer's; the same call finishes, and `unsealDisk` goes back.
   */
  sealDisk(spec: SealSpec, call: Call): Promise<{ virtualBytes: number; storedBytes: number }>;
  /**
   * Undoes a seal whose layer is not used yet: the disk gets its content back. Idempotent: does
   * nothing when there is no seal to undo. After a failure the same call finishes.
   */
  unsealDisk(spec: Omit<DiskSpec, 'sizeBytes'>, call: Call): Promise<void>;
  /**
   * Removes a disk. Idempotent. After a failure the disk may be there; the same call removes it.
   */
  removeDisk(diskId: DiskId, call: Call): Promise<void>;
}
