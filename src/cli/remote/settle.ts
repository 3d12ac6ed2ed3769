// Follows images until they are made, and machines until they are on or off.

import type { Client } from '../../client/client.ts';
import { UsageError } from '../parse.ts';
import type { RemoteContext } from './context.ts';
import { follow, stateOf } from './follow.ts';
import type { Image } from './image-table.ts';
import type { Machine } from './machine-table.ts';
import type { Named } from './name.ts';

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
export async function settledImage(
  client: Client,
  id: number,
  context: Pick<RemoteContext, 'terminal'>,
): Promise<Image> {
  const last = await follow(context, {
    noun: 'image',
    things: [{ id }],
    ask: (one) => client.imageGet({ id: one }),
    look: lookAtImage,
    watch: `image show ${id}`,
  });
  return stateOf(last, id);
}

/** Resolves to each machine once it is off or ready, or to why it cannot be asked for. */
export const settledMachines = (
  client: Client,
  things: readonly Named[],
  context: Pick<RemoteContext, 'terminal'>,
) =>
  follow(context, {
    noun: 'machine',
    things,
    ask: (id) => client.machineGet({ id }),
    look: lookAtMachine,
    watch: things.length === 1 ? `machine show ${things[0]?.id}` : 'machine list --all',
  });

/** Throws UsageError with the reason unless the machine is in the wanted state. */
export function assertSettled(machine: Machine, wanted: 'ready' | 'off'): Machine {
  const { id, friendly_status: status, status_reason: reason } = machine.attributes;
  if (status === wanted) return machine;
  throw new UsageError(reason ?? `Machine ${id} is ${status}.`, 'failed');
}
