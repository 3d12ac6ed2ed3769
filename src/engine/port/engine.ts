// The engine: keeps layers and disks and runs machines. The reconciler is its caller; so are the
// operator's commands that take files in, try a base or look inside, and the start of a server.
//
// The core is fifteen verbs: those of layers, disks, builds and machines, and three on the engine
// as a whole. Every other ability of an engine is an optional part. Having the part is the
// capability: an engine without a part lacks its field, and callers then throw the error of
// `../optional/parts.ts`.
//
// Each verb takes its subject and the context of the call (`call.ts`). It is keyed by ids that the
// control plane chose, and is idempotent unless its doc comment says otherwise: after a crash the
// same call with the same ids is made again, and finishes the work of the first. A verb that
// rejects leaves either the former state or remains that the same call, or the removal of the same
// id, clears. Two verbs that change one machine, disk or layer never run side by side.
//
// A host-bound engine sees the calls of all owners of its jobs, so it refuses the late ones: a
// token that is older than the last one it saw for the same machine, disk, layer or job ends with
// `unavailable` and changes nothing (`../fence.ts`).
//
// Errors are AppErrors whose message may be shown to the caller. `retry: 'later'` means that trying
// again may help (a full disk that is emptied, a process that did not come up in time); 'never'
// means that it would fail again. A call that its signal ended rejects with the signal's reason. No
// verb uses the host's reserve of room: a verb that would need it ends with `unavailable`, to be
// tried again.

import type { Capacity } from '../../domain/host.ts';
import type { DiskId, LayerId } from '../../domain/ids.ts';
import type { Parts } from '../optional/parts.ts';
import type { Builds } from './builds.ts';
import type { Call } from './call.ts';
import type { Disks } from './disks.ts';
import type { Layers } from './layers.ts';
import type { Machines } from './machines.ts';

/** The things that the engine keeps, their bytes, and the room on its disk. */
export interface Inventory {
  layers: Map<LayerId, number>;
  disks: Map<DiskId, number>;
  /** Ids of which only the state of the firmware is left. Absent: the engine keeps none. */
  remains?: { layers: ReadonlySet<LayerId>; disks: ReadonlySet<DiskId> };
  /** Files of recipes, by SHA-256. */
  files: Set<string>;
  capacity: Capacity;
}

/** The verbs that every engine has. */
export interface Core extends Layers, Disks, Builds, Machines {
  /**
   * Whether the engine can work, and the room on the disk on which it keeps things. Throws an
   * `unavailable` AppError that says what is missing and how to get it.
   */
  check(call: Call): Promise<Capacity>;
  /** Everything that the engine keeps, for comparison with the store. */
  inventory(call: Call): Promise<Inventory>;
  /** Closes connections; running machines stay on. Callers make no call after it. */
  close(): Promise<void>;
}

export interface Engine extends Core, Partial<Parts> {
  readonly name: 'qemu' | 'incus' | 'simulator';
}
