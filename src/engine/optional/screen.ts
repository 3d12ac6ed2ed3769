// The screen of machines, with its keyboard and its pointer.

import type { Duplex } from 'node:stream';
import type { MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

/** The most bytes of a picture. A screen of 3840 by 2160 pixels of noise has 25 MB. */
export const pictureBytesMax = 32 * 1024 ** 2;

export interface Screen {
  /**
   * Opens the screen of a machine that is on: a stream of the protocol RFB (VNC), in which the
   * engine is the server and asks for no password. A machine may have several. It ends when the
   * machine goes off. Throws `machine_not_ready` when the machine is off, and `unavailable` when
   * its screen does not answer. The signal ends the opening alone.
   */
  open(machineId: MachineId, call: Call): Promise<Duplex>;
  /** Returns the screen as it is now: a PNG of at most `pictureBytesMax`. Throws like `open`. */
  picture(machineId: MachineId, call: Call): Promise<Buffer>;
}
