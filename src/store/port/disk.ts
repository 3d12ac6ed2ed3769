// Disks: the current disks of machines, the kept disks that an undo can put back, and the disks
// that are being removed.

import type { Disk } from '../../domain/disk.ts';
import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';

export type NewDisk = Omit<Disk, 'createdAt' | 'keptUntil' | 'storedBytes' | 'deletingAt'>;

export type DiskChange = Partial<
  Pick<Disk, 'state' | 'layerId' | 'keptUntil' | 'storedBytes' | 'replacesId' | 'deletingAt'>
>;

export interface DiskReader {
  /** Undefined when there is none in this scope. */
  find(id: DiskId): Promise<Disk | undefined>;
  /** Those of the disks that there are in this scope, in no order; any number of ids. */
  findMany(ids: readonly DiskId[]): Promise<Disk[]>;
  /** Like `find`, but throws `internal`: callers ask only for disks that a row names. */
  get(id: DiskId): Promise<Disk>;
  /** All disks that are not being removed, in no order. */
  list(): Promise<Disk[]>;
  /** The bytes of each of them as they were last measured; null when they never were. */
  storedBytes(): Promise<Pick<Disk, 'id' | 'storedBytes'>[]>;
  /** The ids of all disks, also of those that are being removed. */
  ids(): Promise<DiskId[]>;
  /** The active and the kept disks of a machine, newest first. */
  ofMachine(id: MachineId): Promise<Disk[]>;
  /** The disks that stand on a layer at any depth and are not being removed, by machine. */
  standingOn(id: LayerId): Promise<Disk[]>;
  /** All kept disks; the one whose time ends first comes first. */
  kept(): Promise<Disk[]>;
  /** The disks that were marked for removal at or before a time. */
  deleting(before: number): Promise<Disk[]>;
}

export interface DiskWriter extends DiskReader {
  add(disk: NewDisk): Promise<void>;
  /** Sets the measured bytes of many disks at once; leaves out disks that are not in this scope. */
  setStoredBytes(sizes: readonly { id: DiskId; storedBytes: number }[]): Promise<void>;
  /** Does nothing when there is no such disk in this scope. */
  update(id: DiskId, change: DiskChange): Promise<void>;
  /** Sets a disk aside, so that it can be put back for `keepMs`. */
  keep(id: DiskId, keepMs: number): Promise<void>;
  /** The same for many. */
  keepMany(ids: readonly DiskId[], keepMs: number): Promise<void>;
  /** Makes kept disks active again. */
  putBack(ids: readonly DiskId[]): Promise<void>;
  /** Marks for removal the kept disks whose time ended at or before a time. */
  releaseKept(before: number): Promise<void>;
  /** Marks for removal the fresh disks whose machine has no open job. Idempotent. */
  markDeleting(): Promise<void>;
  /** Makes active again the disks that are marked for removal though a machine has them. */
  takeUp(): Promise<void>;
  /** Forgets a disk whose bytes are gone. Does nothing unless it is marked for removal. */
  remove(id: DiskId): Promise<void>;
}
