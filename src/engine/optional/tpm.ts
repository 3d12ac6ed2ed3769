// TPMs that the engine emulates, each with a process of its own.

import type { MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface Tpm {
  /**
   * The machines that are on and whose TPM has ended. Their guests run on, and get no answer from
   * it until the machine is started again. Changes nothing.
   */
  lost(call: Call): Promise<ReadonlySet<MachineId>>;
}
