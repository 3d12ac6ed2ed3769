// Where disks are, for an engine whose machines run on several hosts. A disk's machine runs on the
// host of the disk. The engine may move a disk, so its place is asked again each time.

import type { DiskId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface Place {
  /** The name of the host. */
  host: string;
  /** False: the host does not answer, so it is not known whether the machine is on. */
  answers: boolean;
}

export interface Member {
  name: string;
  /** As in `Place`. */
  answers: boolean;
}

export interface Places {
  /** All hosts, in order of their names; none for a server that is in no cluster. */
  members(call: Call): Promise<Member[]>;
  /** The places of all disks. Throws `unavailable` when none can be told. */
  ofDisks(call: Call): Promise<Map<DiskId, Place>>;
}
