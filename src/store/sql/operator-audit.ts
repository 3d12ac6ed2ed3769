// Queries on the audit trail of operators.

import type { OperatorEntry, OperatorOutcome } from '../../domain/operator-entry.ts';
import type { Db } from './schema.ts';

/** As many entries go at once as a second allows, for which other writers wait. */
const prunedMax = 20_000;

export const operatorAuditQueries = (db: Db, now: () => number) => ({
  /** Adds an entry of work that is about to begin, and returns its id. */
  async begin(entry: Pick<OperatorEntry, 'operator' | 'action' | 'thing'>): Promise<number> {
    const row = await db
      .insertInto('operatorAudit')
      .values({ ...entry, outcome: 'begun', reason: null, createdAt: now(), endedAt: null })
      .returning('id')
      .executeTakeFirstOrThrow();
    return row.id;
  },

  /** Adds the outcome to an entry. Idempotent. */
  async end(
    id: number,
    ended: { thing: string; outcome: OperatorOutcome; reason: string | null },
  ): Promise<void> {
    await db
      .updateTable('operatorAudit')
      .set({ ...ended, endedAt: now() })
      .where('id', '=', id)
      .execute();
  },

  /** The newest entries, newest first, at most `limit`. */
  list: (limit: number): Promise<OperatorEntry[]> =>
    db.selectFrom('operatorAudit').selectAll().orderBy('id', 'desc').limit(limit).execute(),

  /** Whether there is an entry from before a time. */
  async hasBefore(time: number): Promise<boolean> {
    const row = await db
      .selectFrom('operatorAudit')
      .where('createdAt', '<', time)
      .select('id')
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  },

  /** Forgets the oldest entries from before a time, in portions. Call it again for the rest. */
  async prune(before: number): Promise<void> {
    await db
      .deleteFrom('operatorAudit')
      .where('id', 'in', (e) =>
        e
          .selectFrom('operatorAudit')
          .where('createdAt', '<', before)
          .orderBy('createdAt')
          .limit(prunedMax)
          .select('id'),
      )
      .execute();
  },
});
