// The dependencies of the reconciler's jobs and tasks: the store, the engine, the clock, the
// settings and the log.

import type { Blobs } from '../blobs/port.ts';
import type { FleetEvent } from '../domain/event.ts';
import type { MachineId } from '../domain/ids.ts';
import { type JobKind, jobKindNames, jobKinds } from '../domain/job.ts';
import type { GuestEnd, MachinePolicy } from '../domain/machine-life.ts';
import type { ColdReason, TemplatePolicy } from '../domain/template.ts';
import type { Engine } from '../engine/port/engine.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Signer } from '../lib/signing-key.ts';
import type { Store } from '../store/port/unit-of-work.ts';

export type Outcome = 'done' | 'cancelled' | 'failed' | 'retried' | 'unforeseen';

/** Receives the events of the reconciler, so that they can be counted and measured. */
export interface Meter {
  /** An attempt at a job has ended. `unforeseen` means that it failed because of a defect. */
  attempted(kind: JobKind, outcome: Outcome, ms: number): void;
  /** A job has begun its first attempt, so long after it could. */
  waited(kind: JobKind, ms: number): void;
  /** A call of the engine has ended. */
  verbEnded(verb: string, ms: number, hasFailed: boolean): void;
  /** A delivery of a webhook was sent. `retried` means that it waits to be sent again. */
  delivered(outcome: 'delivered' | 'retried' | 'dead'): void;
  /** A guest has ended by itself, or its machine was stopped because it was idle. */
  guestEnded(end: GuestEnd): void;
  /** A machine whose guest died is started again. */
  guestRestarted(): void;
  /** So many machines have a guest agent that answered before and is silent now. */
  guestsSilent(count: number): void;
  /**
   * A machine became ready, so long after its start was asked for. Without a reason: from memory.
   */
  started(reason: ColdReason | null, ms: number): void;
  passed(): void;
  taskDone(task: string): void;
  /**
   * The disks that grew most in the last minute, while the host's disk is nearly full; else none.
   */
  disksGrew(growers: readonly { machine: MachineId; bytes: number }[]): void;
}

export interface Settings {
  /** How long a machine may take to become ready. */
  readyMs: number;
  /** How long a guest may take to power off after it was asked gracefully. */
  gracefulStopMs: number;
  /** How long a guest may take to power off otherwise. */
  stopMs: number;
  /** How long a replaced disk can be put back. */
  keepDiskMs: number;
  /** How long a deleted image can be restored. */
  keepImageMs: number;
  /** How long the audit trail keeps an entry. */
  auditKeptMs: number;
  /** How long the output of a build is kept. */
  outputKeptMs: number;
  /** How long the rows of deleted images and machines are kept, which nothing needs. */
  deletedKeptMs: number;
  /** How long a thing's time must have been over before the thing is removed. */
  lookAgainMs: number;
  /** How long a marked disk or layer keeps its bytes. */
  collectDelayMs: number;
  /** The most bytes that installed steps may take when no image needs them. */
  cacheBytesMax: number;
  /** How long an orphan stays where it is. */
  orphanMs: number;
  /** For which images templates are made, unless their organisation or they themselves say. */
  templatePolicy: TemplatePolicy;
  /** The most bytes that templates may take, with their layers. */
  templateBytesMax: number;
  /** How often the bytes of each layer are compared with its digest. */
  scrubEveryMs: number;
  /** How fast a layer is read for that comparison. */
  scrubBytesPerSecond: number;
  /** The memory and processors of the host, in the place of what the engine measures; or null. */
  hostMemoryMb: number | null;
  hostCpus: number | null;
  /** How many times more memory and processors guests may have than the host. */
  memoryOvercommit: number;
  cpuOvercommit: number;
  /** How many bytes the disk of each machine that is on may grow before it is measured again. */
  diskGrowthBytes: number;
  /** Whether webhooks may ask addresses of this host and of private networks. */
  webhooksMayAskInside: boolean;
  /** Of machines that were given none of their own. */
  machinePolicy: MachinePolicy;
  /** How often the reconciler asks for a state that the engine does not announce. */
  pollMs: number;
  /** How long a job belongs to a server that does not renew its lease, such as a dead one. */
  leaseMs: number;
  /** How many jobs of each kind run at once. */
  limits: Record<JobKind, number>;
}

const hourMs = 3600_000;

export const defaultSettings: Settings = {
  readyMs: 300_000,
  gracefulStopMs: 120_000,
  stopMs: 30_000,
  keepDiskMs: 72 * hourMs,
  keepImageMs: 24 * hourMs,
  auditKeptMs: 365 * 24 * hourMs,
  outputKeptMs: 90 * 24 * hourMs,
  deletedKeptMs: 30 * 24 * hourMs,
  lookAgainMs: 10 * 60_000,
  collectDelayMs: 60_000,
  cacheBytesMax: 100 * 1024 ** 3,
  orphanMs: 24 * hourMs,
  templatePolicy: 'on-assignment',
  templateBytesMax: 20 * 1024 ** 3,
  scrubEveryMs: 30 * 24 * hourMs,
  scrubBytesPerSecond: 50 * 1024 ** 2,
  hostMemoryMb: null,
  hostCpus: null,
  memoryOvercommit: 1.5,
  cpuOvercommit: 16,
  diskGrowthBytes: 512 * 1024 ** 2,
  webhooksMayAskInside: false,
  machinePolicy: { crashPolicy: 'off', autoStopS: 0 },
  pollMs: 250,
  leaseMs: 30_000,
  limits: Object.fromEntries(
    jobKindNames.map((kind) => [kind, jobKinds[kind].limit]),
  ) as Settings['limits'],
};

export interface Dependencies {
  store: Store;
  engine: Engine;
  clock: Clock;
  settings: Settings;
  log: Log;
  signer: Signer;
  masterKey: MasterKey;
  /** An event as callers see it. */
  present(event: FleetEvent): object;
  blobs: Blobs;
}
