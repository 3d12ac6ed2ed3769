// Follows images until they are made, and machines until they are on or off.

import type { Client } from '../../client/client.ts';
import { idRanges } from '../confirm.ts';
import { UsageError } from '../parse.ts';
import { follow, stateOf, type Waiting } from './follow.ts';
import type { Image } from './image-table.ts';
import type { Machine } from './machine-table.ts';
import type { Named } from './name.ts';

/** More ids than that are not worth typing again. */
const rangesCharsMax = 60;

export const lookAtImage = ({ attributes: { status, phase, progress } }: Image) => ({
  status,
  phase: phase ?? 'waiting',
  done: progress,
  isOver: status === 'available' || status === 'failed',
});

const lookAtMachine = ({ attributes: { friendly_status: status, phase } }: Machine) => ({
  status,
  phase,
  done: null,
  isOver: status === 'off' || status === 'ready',
});

/** Resolves to the image once it is available or failed. */
export async function settledImage(client: Client, id: number, waiting: Waiting): Promise<Image> {
  const last = await follow(waiting, {
    noun: 'image',
    subject: 'image',
    things: [{ id }],
    ask: (one, signal) => client.imageGet({ id: one }, { signal }),
    look: lookAtImage,
    watch: `image show ${id} --wait`,
  });
  return stateOf(last, id);
}

/** Resolves to each machine once it is off or ready, or to why it cannot be asked for. */
export const settledMachines = (client: Client, things: readonly Named[], waiting: Waiting) =>
  follow(waiting, {
    noun: 'machine',
    subject: 'machine',
    things,
    ask: (id, signal) => client.machineGet({ id }, { signal }),
    look: lookAtMachine,
    watch: watchOf(things.map(({ id }) => id)),
  });

function watchOf(ids: readonly number[]): string {
  const ranges = idRanges(ids);
  return ranges.length > rangesCharsMax ? 'watch' : `machine show ${ranges} --wait`;
}

/** Throws UsageError with the reason unless the machine is in the wanted state. */
export function assertSettled(machine: Machine, wanted: 'ready' | 'off'): Machine {
  const { id, friendly_status: status, status_reason: reason } = machine.attributes;
  if (status === wanted) return machine;
  throw new UsageError(reason ?? `Machine ${id} is ${status}.`, 'failed');
}
