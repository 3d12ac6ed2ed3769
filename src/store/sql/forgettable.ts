// When the row of a deleted image or machine may be forgotten: nothing can bring the thing back,
// and no other row names it.

import { sql } from 'kysely';

/** The ids that a column has, read once for a statement. */
const namedIn = (table: string, column: string) =>
  sql`select ${sql.ref(column)} from ${sql.table(table)} where ${sql.ref(column)} is not null`;

const isNamedIn = (...columns: readonly [table: string, column: string][]) =>
  sql`id in (${sql.join(
    columns.map(([table, column]) => namedIn(table, column)),
    sql` union all `,
  )})`;

/** A disk names the image that it was made from, because an undo assigns that to its machine. */
const isNeededImage = isNamedIn(
  ['machine', 'assigned_image_id'],
  ['machine', 'prior_image_id'],
  ['machine', 'capturing_image_id'],
  ['disk', 'image_id'],
  ['transfer', 'image_id'],
  ['job', 'image_id'],
);

/** The layer is compared so that the index of times is used, and not that of layers. */
export const isForgettableImage = (before: number) =>
  sql<boolean>`deleted_at < ${before} and coalesce(layer_id, '') = '' and not ${isNeededImage}`;

/** Whether the disk that a deleted machine had can be put back; true when it had none. */
export const diskIsKept = sql<boolean>`(deleted_disk_id is null or exists (
  select 1 from disk where disk.id = machine.deleted_disk_id and disk.state = 'kept'))`;

const isNeededMachine = isNamedIn(['disk', 'machine_id'], ['job', 'machine_id']);

export const isForgettableMachine = (before: number) =>
  sql<boolean>`deleted_at < ${before} and (deleted_until is null or not ${diskIsKept})
    and not ${isNeededMachine}`;
