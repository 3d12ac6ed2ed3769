// Queries on what the host is seen to have: room on its disk, and things in the engine's keeping
// that the store does not know.

import { sql } from 'kysely';
import type { Capacity, Freeze } from '../../domain/host.ts';
import { jobKindsThat } from '../../domain/job.ts';
import type { Db, Orphan } from './schema.ts';

/**
 * A freeze ends after so long unless it is renewed. One that ends later than that was written
 * before the clock went back, so treat it as over.
 */
export const freezeMs = 60_000;

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

  /**
   * What the transfers of all organisations that were accepted may still write: their files, and
   * the layers that are made of them.
   */
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
  /**
   * Which removal the server holds back, and why (null when none), and what its guard has to
   * remember of that.
   */
  waiting: async (): Promise<{ waiting: string | null; brakes: string }> =>
    (await db.selectFrom('steady').select(['waiting', 'brakes']).executeTakeFirst()) ?? {
      waiting: null,
      brakes: '{}',
    },
  async noteWaiting(waiting: string | null, brakes: string): Promise<void> {
    await db.updateTable('steady').set({ waiting, brakes }).execute();
  },

  /**
   * Keeps every job from changing such files until the freeze ends or is thawed. Each holder has a
   * freeze of its own.
   */
  async freeze(what: Freeze, holder: string): Promise<void> {
    await db
      .deleteFrom('freeze')
      .where((e) => e.or([e('until', '<=', now()), e('until', '>', now() + freezeMs)]))
      .execute();
    await db
      .insertInto('freeze')
      .values({ what, holder, until: now() + freezeMs })
      .execute();
  },
  /** False when the freeze was over already, so that what it protected may have changed. */
  async renewFreeze(what: Freeze, holder: string): Promise<boolean> {
    const result = await db
      .updateTable('freeze')
      .set({ until: now() + freezeMs })
      .where('what', '=', what)
      .where('holder', '=', holder)
      .where('until', '>', now())
      .where('until', '<=', now() + freezeMs)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  },
  async thaw(what: Freeze, holder: string): Promise<void> {
    await db.deleteFrom('freeze').where('what', '=', what).where('holder', '=', holder).execute();
  },
  /** Ends every freeze. For a copied store, whose freezes belong to the original. */
  async thawAll(): Promise<void> {
    await db.deleteFrom('freeze').execute();
  },
  async frozen(): Promise<Freeze[]> {
    const standing = db
      .selectFrom('freeze')
      .where('until', '>', now())
      .where('until', '<=', now() + freezeMs);
    return (await standing.select('what').distinct().execute()).map((row) => row.what);
  },
  /** Whether a job that changes it is still under way. */
  async isBusy(what: Freeze): Promise<boolean> {
    const row = await db
      .selectFrom('job')
      .where('state', '=', 'running')
      .where('leaseUntil', '>', now())
      .where(
        'kind',
        'in',
        jobKindsThat(({ blockedBy }) => blockedBy === what),
      )
      .select('id')
      .executeTakeFirst();
    return row !== undefined;
  },

  orphans: (): Promise<Orphan[]> =>
    db.selectFrom('orphan').selectAll().orderBy('seenAt').orderBy('id').execute(),
  /** Notes an orphan once: when it is seen again, the first time stays. True when it is new. */
  async noteOrphan(orphan: Omit<Orphan, 'seenAt'>): Promise<boolean> {
    const result = await db
      .insertInto('orphan')
      .values({ ...orphan, seenAt: now() })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  },
  async forgetOrphan({ kind, id }: Pick<Orphan, 'kind' | 'id'>): Promise<void> {
    await db.deleteFrom('orphan').where('kind', '=', kind).where('id', '=', id).execute();
  },
});
