// Events on SQLite: each is readable with its commit. Only a store that was copied from PostgreSQL
// may have some in the outbox.

import { sql } from 'kysely';
import type { GroupCommit } from './group.ts';

const columns = sql.raw(
  'organisation_id, type, subject, status, reason, bytes, bytes_total, facts, created_at',
);

/** Returns a function that publishes what the outbox has, the first time that it is called. */
export function publishOnce(groups: GroupCommit): () => Promise<void> {
  let published: Promise<void> | null = null;
  return () => {
    published ??= groups
      .write(async (db) => {
        await sql`insert into event (${columns})
          select ${columns} from event_outbox order by id`.execute(db);
        await sql`delete from event_outbox`.execute(db);
      })
      .catch((error: unknown) => {
        published = null;
        throw error;
      });
    return published;
  };
}
