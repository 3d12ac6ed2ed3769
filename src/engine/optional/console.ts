// The console of machines: the first serial port of their guests.

import type { Duplex } from 'node:stream';
import type { MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface Console {
  /**
   * Returns the end of a machine's console output since its start, at most 16 KiB; empty when none
   * is known. The guest writes this text, so it may contain any characters.
   */
  read(machineId: MachineId, call: Call): Promise<string>;
  /**
   * Opens the console of a machine that is on. The stream gives the end of the output so far, at
   * most 64 KiB, and then what the guest writes; what is written to the stream is typed. It ends
   * when the machine goes off. A console has one reader: a later call ends the stream of an earlier
   * one. Throws `machine_not_ready` when the machine is off, and `unavailable` when its console
   * does not answer. The signal ends the opening alone.
   */
  open(machineId: MachineId, call: Call): Promise<Duplex>;
}
