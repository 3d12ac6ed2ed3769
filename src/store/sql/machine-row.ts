// The row of a machine, and the machine that it says.

import { sql } from 'kysely';
import type { MachineId } from '../../domain/ids.ts';
import type { Machine } from '../../domain/machine.ts';
import { notAlive } from '../../domain/machine-life.ts';
import type { RootSystem } from '../../domain/root-system.ts';
import type { Database } from './schema.ts';

type MachineRow = Omit<Database['machine'], 'id'> & {
  id: MachineId;
  imageIsDeleted: boolean;
};

export const imageIsDeleted = sql<boolean>`exists (
  select 1 from image where image.id = machine.assigned_image_id and image.deleted_at is not null)`;

/** The assignment of a deleted image counts for nothing until the image is restored. */
export const toMachine = ({
  nameFolded: _,
  permissions,
  addresses,
  rootSystem,
  imageIsDeleted: lost,
  ...machine
}: MachineRow): Machine => ({
  ...machine,
  assignedImageId: lost ? null : machine.assignedImageId,
  assignmentPendingAt: lost ? null : machine.assignmentPendingAt,
  pausedAt: machine.status === 'ready' ? machine.pausedAt : null,
  awayAt: machine.status === 'ready' ? machine.awayAt : null,
  ...(machine.status !== 'ready' && notAlive),
  lostPendingAt: lost ? machine.assignmentPendingAt : null,
  addresses: machine.status === 'ready' ? (JSON.parse(addresses ?? '[]') as string[]) : [],
  rootSystem: rootSystem === null ? null : (JSON.parse(rootSystem) as RootSystem),
  permissions: JSON.parse(permissions) as Record<string, boolean>,
});
