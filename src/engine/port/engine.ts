// The engine: what keeps layers and disks and runs machines. The reconciler is the only caller.
//
// Every verb is keyed by ids that the control plane chose, and is idempotent: after a crash the
// same call with the same ids is made again, and finishes what the first began. A verb that rejects
// leaves either what was there before or something that the same call, or the removal of the same
// id, takes away. Verbs on one machine, disk or layer are never called side by side.
//
// Errors are AppErrors whose message may be shown to the caller. `retry: 'later'` means that trying
// again may help (a full disk that somebody empties, a process that did not come up in time);
// 'never' means that it would fail again.
//
// What takes long has a signal, and ends within seconds of it with its reason. Nothing that is made
// takes the host's reserve: it ends with `unavailable` there, to be tried again.
//
// What an engine cannot do is said in `capabilities`, never pretended.

import type { Capacity } from '../../domain/host.ts';
import type { DiskId, LayerId } from '../../domain/ids.ts';
import type { Backup } from '../optional/backup.ts';
import type { BootCheck } from '../optional/boot-check.ts';
import type { Compact } from '../optional/compact.ts';
import type { Exec } from '../optional/exec.ts';
import type { Pause } from '../optional/pause.ts';
import type { Screen } from '../optional/screen.ts';
import type { Transfer } from '../optional/transfer.ts';
import type { Verify } from '../optional/verify.ts';
import type { Builds } from './builds.ts';
import type { Disks } from './disks.ts';
import type { Layers } from './layers.ts';
import type { Machines } from './machines.ts';

export interface Capabilities {
  /** A capture takes the same time whatever the size of the disk. */
  constantTimeCapture: boolean;
  /** Commands can be run inside a machine that is on. */
  exec: boolean;
}

/** What is kept, with the bytes that each takes. */
export interface Inventory {
  layers: Map<LayerId, number>;
  disks: Map<DiskId, number>;
  /** Recipes' files, by SHA-256. */
  files: Set<string>;
}

export interface Engine
  extends Layers,
    Disks,
    Builds,
    Machines,
    Backup,
    BootCheck,
    Compact,
    Exec,
    Pause,
    Screen,
    Transfer,
    Verify {
  readonly name: 'qemu' | 'lxd' | 'simulator';
  readonly capabilities: Capabilities;

  /** Throws an `unavailable` AppError that says what is missing and how to get it. */
  check(): Promise<void>;
  tidy(): Promise<void>;
  /** All that it keeps, to be compared with what the store knows. */
  inventory(): Promise<Inventory>;
  /** The room on the disk on which it keeps things. */
  capacity(): Promise<Capacity>;
  /** Lets go of connections; machines that are on stay on. */
  close(): Promise<void>;
}
