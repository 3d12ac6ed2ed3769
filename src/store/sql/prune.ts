// Forgets the oldest entries of an audit trail.

import { type DeleteQueryBuilder, type DeleteResult, type SelectQueryBuilder, sql } from 'kysely';
import type { Database } from './schema.ts';
import { prunedMax } from './scope.ts';

type Trail = 'audit' | 'operatorAudit';

/** Deletes the oldest rows from before a time, but not too many at once; returns how many. */
export async function pruneTrail(
  entries: SelectQueryBuilder<Database, Trail, object>,
  gone: DeleteQueryBuilder<Database, Trail, DeleteResult>,
  before: number,
): Promise<number> {
  const last = await entries
    .where('createdAt', '<', before)
    .select(['createdAt', 'id'])
    .orderBy('createdAt')
    .orderBy('id')
    .offset(prunedMax - 1)
    .limit(1)
    .executeTakeFirst();
  const old = gone.where('createdAt', '<', before);
  const oldest = last
    ? old.where(sql<boolean>`(created_at, id) <= (${last.createdAt}, ${last.id})`)
    : old;
  const { numDeletedRows } = await oldest.executeTakeFirst();
  return Number(numDeletedRows);
}
