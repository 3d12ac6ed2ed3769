// How machines are that are on: whether their guests live.

import type { MachineId } from '../../domain/ids.ts';
import type { RootSystem } from '../../domain/root-system.ts';
import type { Call } from '../port/call.ts';

/**
 * `running`: nothing else is known. `paused`: because the host's disk is full. `rebooting`: its
 * guest has begun to boot again and has not reported since. `off`: its guest powered off.
 * `crashed`: its kernel reported a panic. `hung`: its guest stopped feeding the watchdog that it
 * had started. `broken`: the processor cannot go on. In the last four the guest has ended, and
 * `stopMachine` clears what is left of it.
 */
export type Pulse = 'running' | 'paused' | 'rebooting' | 'off' | 'crashed' | 'hung' | 'broken';

export interface Vital {
  pulse: Pulse;
  /**
   * How long ago its guest agent answered last, in ms; null when it never did since this server
   * looks, because the guest may have no agent.
   */
  heardAgoMs: number | null;
  /** How many users its agent says are logged in; null when that is not known. */
  users: number | null;
  /** How many processors of the host it kept busy on average of late; null when not known. */
  cpuShare: number | null;
  /**
   * Its root file system, in the looks in which its agent was asked for it: when it began, and now
   * and then. Null: its agent does not tell.
   */
  root?: RootSystem | null;
}

export interface Vitals {
  /**
   * Looks at all machines that are on. One that is missing has no process: it was stopped, or its
   * process ended by something other than its guest. The agents are asked at intervals of their
   * own. Changes nothing.
   */
  look(call: Call): Promise<Map<MachineId, Vital>>;
}
