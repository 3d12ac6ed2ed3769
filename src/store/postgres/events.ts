// Publishes events on PostgreSQL. Ids that a sequence hands out become visible out of order,
// because a transaction that got a lower id may be committed later; a reader that remembers the
// highest id would miss that one. So transactions write to an outbox, and a publisher moves what is
// committed into the table that is read. Publishers run one after the other, under a lock that
// lasts until their commit, so the ids that they give become visible in order. No transaction waits
// for them.

import { type Kysely, sql } from 'kysely';
import type { Database } from '../sql/schema.ts';

const publishLock = 7_521_338_907;
/** So many events are moved in one transaction. */
const movedMax = 5000;
const roundsMax = 1000;

const columns = sql.raw(
  'organisation_id, type, subject, status, reason, bytes, bytes_total, facts, created_at',
);

/** Resolves when all events are readable that were committed before the call. */
export async function publishEvents(db: Kysely<Database>): Promise<void> {
  for (let round = 0; round < roundsMax; round++) {
    const { rows } = await sql`select 1 from event_outbox limit 1`.execute(db);
    if (rows.length === 0) return;
    if ((await publishSome(db)) < movedMax) return;
  }
}

/** `read committed`: the second statement sees what was committed while the first one waited. */
const publishSome = (db: Kysely<Database>): Promise<number> =>
  db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(${publishLock})`.execute(transaction);
      const { numAffectedRows } = await sql`with gone as (
          delete from event_outbox where id in
            (select id from event_outbox order by id limit ${sql.lit(movedMax)})
          returning *)
        insert into event (${columns}) select ${columns} from gone order by id`.execute(
        transaction,
      );
      return Number(numAffectedRows ?? 0);
    });
