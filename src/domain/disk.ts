// A disk, which a machine writes to. It is an overlay on a chain of immutable layers.

import type { DiskId, ImageId, LayerId, MachineId, OrganisationId } from './ids.ts';

/**
 * `fresh`: made by a start that has not succeeded yet. `active`: a machine's disk. `kept`:
 * replaced, and kept until `keptUntil`. `deleting`: its bytes are being removed.
 */
type DiskState = 'fresh' | 'active' | 'kept' | 'deleting';

export interface Disk {
  id: DiskId;
  organisationId: OrganisationId;
  machineId: MachineId;
  /** The head of the chain that the disk stands on. */
  layerId: LayerId;
  state: DiskState;
  sizeGb: number;
  /** Until when it can be put back, in ms since 1970; null unless `kept`. */
  keptUntil: number | null;
  createdAt: number;
  /** The image that it was made from; null when it was made from the newest base of that time. */
  imageId: ImageId | null;
  /** The disk whose place it took; null when the machine had none. */
  replacesId: DiskId | null;
  /** The bytes that it takes on the host, as last measured; null before the first measurement. */
  storedBytes: number | null;
  /** Since when its bytes are being removed; null unless `deleting`. */
  deletingAt: number | null;
}
