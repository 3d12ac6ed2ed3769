// Queries on operations: the reconciler's queue, its leases, and their fences.

import { sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { ImageId, MachineId, OperationId, OrganisationId, TransferId } from '../../domain/ids.ts';
import type { Operation, OperationKind } from '../../domain/operation.ts';
import { among, type Database, type Db, insertAll } from '../schema.ts';

const toOperation = (row: Omit<Database['operation'], 'id'> & { id: OperationId }): Operation => ({
  ...row,
  data: JSON.parse(row.data) as Operation['data'],
});

export interface Enqueue {
  kind: OperationKind;
  organisationId: OrganisationId;
  imageId?: ImageId;
  machineId?: MachineId;
  data?: Operation['data'];
}

/** Thrown to the late owner of a lease that has passed to another: what it was about to write is refused. */
export class LeaseLost extends Error {}

export const operationQueries = (db: Db, now: () => number) => {
  const open = () => db.selectFrom('operation').where('state', 'in', ['queued', 'running']);
  return {
    /** At most one open operation per machine and per image: the store refuses a second. */
    async enqueue(work: readonly Enqueue[]): Promise<void> {
      const at = now();
      const rows = work.map(({ kind, organisationId, imageId, machineId, data }) => ({
        kind,
        organisationId,
        imageId: imageId ?? null,
        machineId: machineId ?? null,
        state: 'queued' as const,
        phase: 'waiting',
        progress: 0,
        attempts: 0,
        notBefore: at,
        leaseOwner: null,
        leaseUntil: null,
        reason: null,
        data: JSON.stringify(data ?? {}),
        createdAt: at,
        updatedAt: at,
      }));
      await insertAll(db, 'operation', rows);
    },

    /** What is open, oldest first; whether it is due is not looked at. At most `limit`. */
    async open(limit: number): Promise<Operation[]> {
      const rows = await open().selectAll().orderBy('id').limit(limit).execute();
      return rows.map(toOperation);
    },

    /** What may be claimed or runs, oldest first: all but what waits for a time that is less than `waitMostMs` away. */
    async due(limit: number, waitMostMs: number): Promise<Operation[]> {
      const rows = await open()
        .where((e) =>
          e.or([e('state', '=', 'running'), e('notBefore', '<=', now()), e('notBefore', '>', now() + waitMostMs)]),
        )
        .selectAll()
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(toOperation);
    },

    async openOfKind(kind: OperationKind): Promise<Operation[]> {
      return (await open().where('kind', '=', kind).selectAll().execute()).map(toOperation);
    },

    /** When the next queued operation becomes due; undefined when none waits. */
    async nextDue(): Promise<number | undefined> {
      const row = await open()
        .where('state', '=', 'queued')
        .select((e) => e.fn.min('notBefore').as('at'))
        .executeTakeFirst();
      return row?.at ?? undefined;
    },

    async get(id: OperationId): Promise<Operation> {
      return toOperation(await db.selectFrom('operation').where('id', '=', id).selectAll().executeTakeFirstOrThrow());
    },

    /** Takes an operation that is queued, or whose lease is over. Undefined when another was faster. */
    async claim(id: OperationId, owner: string, leaseMs: number): Promise<Operation | undefined> {
      const row = await db
        .updateTable('operation')
        .set((e) => ({
          state: 'running',
          leaseOwner: owner,
          leaseUntil: now() + leaseMs,
          attempts: e('attempts', '+', 1),
          updatedAt: now(),
        }))
        .where('id', '=', id)
        .where((e) =>
          e.or([e('state', '=', 'queued'), e.and([e('state', '=', 'running'), e('leaseUntil', '<=', now())])]),
        )
        .returningAll()
        .executeTakeFirst();
      return row && toOperation(row);
    },

    /** Changes an operation under its lease; throws LeaseLost when the lease is not this attempt's any more. */
    async hold(
      operation: Operation,
      change: Partial<
        Pick<Operation, 'phase' | 'progress' | 'leaseUntil' | 'state' | 'reason' | 'notBefore' | 'leaseOwner'>
      > & { data?: Operation['data'] },
    ): Promise<void> {
      const { data, ...plain } = change;
      const result = await db
        .updateTable('operation')
        .set({ ...plain, ...(data && { data: JSON.stringify(data) }), updatedAt: now() })
        .where('id', '=', operation.id)
        .where('state', '=', 'running')
        .where('leaseOwner', '=', operation.leaseOwner)
        .where('attempts', '=', operation.attempts)
        .executeTakeFirst();
      if (result.numUpdatedRows !== 1n) throw new LeaseLost(`operation ${operation.id} is not ours any more`);
    },

    /** Cancels the queued operation of an image and returns it, for what it would have settled; throws when it has begun. */
    async cancelOfImage(imageId: ImageId): Promise<Operation | undefined> {
      const row = await open().where('imageId', '=', imageId).selectAll().executeTakeFirst();
      if (!row) return undefined;
      if (row.state !== 'queued')
        throw new AppError('image_building', `Image ${imageId} is building and cannot be deleted.`);
      await db
        .updateTable('operation')
        .set({ state: 'cancelled', updatedAt: now() })
        .where('id', '=', row.id)
        .execute();
      return toOperation(row);
    },

    /** What says that it is being worked on, though no operation is open for it. */
    async abandoned(): Promise<{ transfers: TransferId[]; images: ImageId[]; machines: MachineId[] }> {
      const ids = async <Id>(what: string) =>
        (await sql<{ id: Id }>`select id from ${sql.raw(what)}`.execute(db)).rows.map((row) => row.id);
      const none = (condition: string) =>
        `not exists (select 1 from operation where operation.state in ('queued', 'running') and ${condition})`;
      return {
        transfers: await ids<TransferId>(
          `transfer where status = 'building' and deleted_at is null and ${none("operation.data like '%' || transfer.id || '%'")}`,
        ),
        images: await ids<ImageId>(
          `image where status in ('pending', 'building') and deleted_at is null and ${none('operation.image_id = image.id')}`,
        ),
        machines: await ids<MachineId>(
          `machine where (status not in ('off', 'ready') or capturing_image_id is not null) and ${none('operation.machine_id = machine.id')}`,
        ),
      };
    },

    /** Ends every lease at once: for a store that a single server owns, whose earlier owners are dead. */
    async releaseAll(): Promise<void> {
      await db.updateTable('operation').set({ leaseUntil: 0 }).where('state', '=', 'running').execute();
    },

    /** The open operations of these images, for their phase and progress. */
    async ofImages(ids: readonly ImageId[]): Promise<Operation[]> {
      return (await open().where('imageId', 'in', among(ids)).selectAll().execute()).map(toOperation);
    },
    async ofMachines(ids: readonly MachineId[]): Promise<Operation[]> {
      return (await open().where('machineId', 'in', among(ids)).selectAll().execute()).map(toOperation);
    },

    /** Forgets ended operations older than a time. */
    async prune(before: number): Promise<void> {
      await db
        .deleteFrom('operation')
        .where('state', 'not in', ['queued', 'running'])
        .where('updatedAt', '<', before)
        .execute();
    },
  };
};
