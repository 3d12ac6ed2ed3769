// The devices by which a guest says that it lives or has died, and the states of QEMU in which its
// guest has ended. QEMU keeps such a guest, stopped, until the server has seen it. So a server that
// was down learns it too, and tells a guest that ended from a process that was killed.

import { join } from 'node:path';
import type { Pulse } from '../optional/vitals.ts';
import { type Message, monitorCall } from './qmp.ts';

const monitorMs = 5000;

/** The socket of the monitor that the server keeps open, to hear of resets. */
export const vitalsSocket = 'vitals.sock';

/**
 * For machines alone; a build ends with its guest. The devices come last, so that those before them
 * keep their places, after which guests name their cards. The watchdog does nothing before a guest
 * starts it.
 */
export const vitalsArgs: readonly string[] = [
  ...['-device', 'pvpanic'],
  ...['-device', 'i6300esb'],
  ...['-action', 'panic=pause,shutdown=pause,watchdog=pause'],
  ...['-qmp', `unix:${vitalsSocket},server=on,wait=off`],
];

const pulses: Readonly<Record<string, Pulse>> = {
  'io-error': 'paused',
  shutdown: 'off',
  'guest-panicked': 'crashed',
  watchdog: 'hung',
  'internal-error': 'broken',
};

/** QEMU resets a machine by itself before its guest begins; only the guest's own resets count. */
export const isGuestReset = ({ event, data }: Message): boolean =>
  event === 'RESET' && (data as Message | null)?.guest === true;

/** The pulse that an answer to `query-status` tells. */
export const pulseOf = (answer: unknown): Pulse => {
  const { status } = (answer ?? {}) as { status?: unknown };
  return (
    (typeof status === 'string' && Object.hasOwn(pulses, status) && pulses[status]) || 'running'
  );
};

/** Asks the monitor in the folder of a guest. A monitor that does not answer tells nothing. */
export const askPulse = (folder: string): Promise<Pulse> =>
  monitorCall(join(folder, 'qmp.sock'), 'query-status', undefined, monitorMs).then(
    pulseOf,
    () => 'running',
  );

/** Whether the guest has ended, so that its process can be ended without asking it. */
export const hasEnded = (pulse: Pulse): boolean =>
  pulse === 'off' || pulse === 'crashed' || pulse === 'hung' || pulse === 'broken';
