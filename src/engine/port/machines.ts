// Machines at an engine: starting them, stopping them, and asking how they are.

import type { DiskId, MachineId } from '../../domain/ids.ts';
import type { MachineNetwork } from '../../domain/machine-network.ts';
import type { UsableTemplate } from '../optional/instant.ts';
import type { Call } from './call.ts';
import type { ChainBoot } from './layers.ts';

export interface MachineSpec extends ChainBoot {
  machineId: MachineId;
  diskId: DiskId;
  name: string;
  cpus: number;
  memoryMb: number;
  /**
   * No machine was ready on the disk before: it gets an identity of its own before the machine is
   * ready.
   */
  fresh: boolean;
  /** Without it, the machine is on the engine's own network and may reach the public internet. */
  network?: NetworkSpec;
  /**
   * The template of whose layer the fresh disk is an overlay. An engine without the part `instant`
   * ignores it.
   */
  template?: UsableTemplate;
}

export interface NetworkSpec {
  /** Null: that of the engine. */
  kind: MachineNetwork | null;
  /** Whether the machine may reach the public internet. */
  internet: boolean;
}

/**
 * How a machine was started: from the memory of a template, or by booting. `because` says why the
 * template of the spec was not used, as the end of a sentence; null when there was none.
 */
export type Started = { how: 'instant' } | { how: 'cold'; because: string | null };

export interface StopSpec {
  machineId: MachineId;
  graceMs: number;
  /**
   * The disk on which the machine is believed to run. An engine of several hosts learns from it
   * that the machine is on a host that does not answer.
   */
  diskId?: DiskId | null;
}

/**
 * `on`: the guest has not reported ready. `ready`: it has, and on a fresh disk it has its own
 * identity. `copy`: it is ready but has the identity of its disk's source, because no program in
 * the guest can change it.
 */
export type MachineState = 'off' | 'on' | 'ready' | 'copy';

export interface Machines {
  /**
   * Starts the machine on the disk, or finds it running on it; a machine that runs on another disk
   * is ended first. Resolves when it is on, not when it is ready. Idempotent; for a machine that
   * was on already, `how` may be `cold` though it began from memory. A template that cannot be used
   * never fails a start: the machine boots cold, on an overlay as empty as the one that it was
   * given, and nothing of the template has run on it. Throws `internal` when the disk is missing,
   * `no_capacity` when the host has too little memory, and `unavailable` when the machine did not
   * come up. After a failure the machine is off, or on when the call was ended by its signal;
   * `stopMachine` ends it.
   */
  startMachine(spec: MachineSpec, call: Call): Promise<Started>;
  /** Whether a machine is on, and how far its guest has come. */
  machineState(machineId: MachineId, call: Call): Promise<MachineState>;
  /**
   * Asks the guest to power off and waits `graceMs` for it, then ends it by force; 0: at once.
   * Idempotent: does nothing when the machine is off. After a failure, or when the call was ended
   * by its signal, the machine may be on; the same call ends it.
   */
  stopMachine(spec: StopSpec, call: Call): Promise<void>;
  /** The machines that are on. */
  runningMachines(call: Call): Promise<Set<MachineId>>;
}
