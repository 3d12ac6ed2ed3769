// The screens and consoles that people look at. It is the only part of an engine that requests
// reach: what a person sees and types is of this moment, so no job can do it later.

import type { Duplex } from 'node:stream';
import type { MachineId } from '../domain/ids.ts';

export const viewKinds = ['screen', 'console'] as const;
export type ViewKind = (typeof viewKinds)[number];

/**
 * Each call throws `invalid` when the engine's machines have no such thing, `machine_not_ready`,
 * and `unavailable` when another server works the engine or the machine does not answer.
 */
export interface Views {
  /** Those that the engine's machines have; all where another server works the engine. */
  kinds(): readonly ViewKind[];
  /** A screen is a stream of RFB; a console is a stream of what is shown and typed. */
  open(kind: ViewKind, machineId: MachineId): Promise<Duplex>;
  /** The screen as a PNG. */
  picture(machineId: MachineId): Promise<Buffer>;
}
