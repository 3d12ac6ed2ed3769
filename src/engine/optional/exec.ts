// Commands inside machines that are on.

import type { MachineId } from '../../domain/ids.ts';

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface Exec {
  /** Runs a command inside a ready machine, as its root. Only with the capability `exec`. */
  exec(machineId: MachineId, command: readonly string[]): Promise<ExecResult>;
}
