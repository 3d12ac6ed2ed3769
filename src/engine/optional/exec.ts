// Commands inside machines that are on.

import type { MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface ExecSpec {
  machineId: MachineId;
  /** A program of the guest and its arguments; no shell is put around them. */
  command: readonly string[];
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface Exec {
  /**
   * Runs a command inside a ready machine, as its root. Not idempotent: each call runs the command.
   * Throws `machine_not_ready` when the machine is off, and `unavailable` when its guest does not
   * answer or the command does not end in time; the command may go on in the guest then.
   */
  run(spec: ExecSpec, call: Call): Promise<ExecResult>;
}
