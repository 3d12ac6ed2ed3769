// Queries on what the host is seen to have: room on its disk, and things in the engine's keeping that the store does not know.

import { sql } from 'kysely';
import type { Capacity } from '../../domain/capacity.ts';
import type { OperationKind } from '../../domain/operation.ts';
import type { Db, Hold, Stranger } from '../schema.ts';

/** The operations that change files of a kind that somebody may hold. */
export const heldKinds: Record<Hold, readonly OperationKind[]> = {
  disks: ['imageCapture'],
  layers: ['layerCompact', 'imageImport'],
};

/** A hold stands for so long unless it is renewed; one that is further away was set before the clock went back, and is over. */
export const holdMs = 60_000;

export const hostQueries = (db: Db, now: () => number) => ({
  /** As it was last looked at; undefined when it never was. */
  capacity: (): Promise<Capacity | undefined> =>
    db.selectFrom('host').select(['totalBytes', 'freeBytes']).executeTakeFirst(),
  async seen({ totalBytes, freeBytes }: Capacity): Promise<void> {
    const row = { totalBytes, freeBytes, seenAt: now() };
    await db
      .insertInto('host')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  },

  /** What the transfers of all organisations that were accepted may still write: their files, and the layers that are made of them. */
  async promisedBytes(): Promise<number> {
    const { rows } = await sql<{ bytes: number | null }>`
      select sum(case
        when kind = 'export' then held_bytes
        when status = 'receiving' then 2 * bytes - received_bytes
        else bytes end) as bytes
      from transfer where deleted_at is null and status in ('receiving', 'building')`.execute(db);
    return Number(rows[0]?.bytes ?? 0);
  },

  /** The newest time of a clock that ran steadily; undefined before the first. */
  lastSteadyAt: async (): Promise<number | undefined> =>
    (await db.selectFrom('steady').select('seenAt').executeTakeFirst())?.seenAt,
  /** Notes that the clock runs steadily now. */
  async steady(): Promise<void> {
    const row = { seenAt: now() };
    await db
      .insertInto('steady')
      .values({ id: 1, waiting: null, brakes: '{}', ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
  },
  /** Which removal the server holds back, and why (null when none), and what its guard has to remember of that. */
  waiting: async (): Promise<{ waiting: string | null; brakes: string }> =>
    (await db.selectFrom('steady').select(['waiting', 'brakes']).executeTakeFirst()) ?? { waiting: null, brakes: '{}' },
  async noteWaiting(waiting: string | null, brakes: string): Promise<void> {
    await db.updateTable('steady').set({ waiting, brakes }).execute();
  },

  /** Nobody begins to change what is held, until a time or its release: a backup reads it. Each holder has a hold of its own. */
  async hold(what: Hold, holder: string): Promise<void> {
    await db
      .deleteFrom('hold')
      .where((e) => e.or([e('until', '<=', now()), e('until', '>', now() + holdMs)]))
      .execute();
    await db
      .insertInto('hold')
      .values({ what, holder, until: now() + holdMs })
      .execute();
  },
  /** False when the hold was over already: what it protected may have changed. */
  async renewHold(what: Hold, holder: string): Promise<boolean> {
    const result = await db
      .updateTable('hold')
      .set({ until: now() + holdMs })
      .where('what', '=', what)
      .where('holder', '=', holder)
      .where('until', '>', now())
      .where('until', '<=', now() + holdMs)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  },
  async release(what: Hold, holder: string): Promise<void> {
    await db.deleteFrom('hold').where('what', '=', what).where('holder', '=', holder).execute();
  },
  /** Ends all of them: for a store that was copied, whose holds belong to the original. */
  async releaseAll(): Promise<void> {
    await db.deleteFrom('hold').execute();
  },
  async held(): Promise<Hold[]> {
    const standing = db
      .selectFrom('hold')
      .where('until', '>', now())
      .where('until', '<=', now() + holdMs);
    return (await standing.select('what').distinct().execute()).map((row) => row.what);
  },
  /** Whether an operation that changes it is still under way. */
  async isBusy(what: Hold): Promise<boolean> {
    const row = await db
      .selectFrom('operation')
      .where('state', '=', 'running')
      .where('leaseUntil', '>', now())
      .where('kind', 'in', heldKinds[what])
      .select('id')
      .executeTakeFirst();
    return row !== undefined;
  },

  strangers: (): Promise<Stranger[]> => db.selectFrom('stranger').selectAll().orderBy('seenAt').orderBy('id').execute(),
  /** Notes a stranger once: when it is seen again, the first time stays. True when it is new. */
  async noteStranger(stranger: Omit<Stranger, 'seenAt'>): Promise<boolean> {
    const result = await db
      .insertInto('stranger')
      .values({ ...stranger, seenAt: now() })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  },
  async forgetStranger({ kind, id }: Pick<Stranger, 'kind' | 'id'>): Promise<void> {
    await db.deleteFrom('stranger').where('kind', '=', kind).where('id', '=', id).execute();
  },
});
